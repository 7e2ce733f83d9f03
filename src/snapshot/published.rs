//! The snapshot in force, and the one place that replaces it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::Snapshot;
use crate::clock::SharedClock;
use crate::config::{Config, Identity};
use crate::identity::{IssuerId, KeyRing, KeySet};
use crate::store::Limiters;

/// Hands out the snapshot in force and publishes new ones whole.
pub struct Snapshots {
    current: ArcSwap<Snapshot>,
    sources: Mutex<Sources>,
    limiters: Limiters,
    clock: SharedClock,
}

/// What snapshots are built from, and those that were replaced.
struct Sources {
    config: Arc<Config>,
    keys: KeyRing,
    /// Kept until no request holds them, so that it is never a request that frees one, with all the tokens it remembers.
    replaced: Vec<Arc<Snapshot>>,
}

impl Snapshots {
    /// Publishes the first snapshot.
    #[must_use]
    pub fn new(config: Arc<Config>, keys: KeyRing, clock: SharedClock) -> Self {
        Self::with(config, keys, clock, Limiters::default())
    }

    /// The same, with limits that may be shared.
    #[must_use]
    pub fn with(config: Arc<Config>, keys: KeyRing, clock: SharedClock, limiters: Limiters) -> Self {
        let first = Snapshot::build(&config, &keys, &limiters, clock.now());
        Self {
            current: ArcSwap::from_pointee(first),
            sources: Mutex::new(Sources { config, keys, replaced: Vec::new() }),
            limiters,
            clock,
        }
    }

    /// The snapshot in force.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.sources().config)
    }

    /// Publishes a snapshot in which an issuer has these keys, or none.
    pub fn replace_keys(&self, issuer: IssuerId, keys: Option<Arc<KeySet>>) {
        let mut sources = self.sources();
        sources.keys.replace(issuer, keys);
        self.publish(&mut sources);
    }

    /// Publishes a snapshot of another configuration; issuers that are in both keep their keys.
    pub fn replace_config(&self, config: Arc<Config>) {
        let mut sources = self.sources();
        sources.keys.retain(&config.issuers);
        sources.config = config;
        self.publish(&mut sources);
    }

    /// Frees replaced snapshots that no request holds any more; says whether this credential is of use to any of those left, or
    /// to the one in force.
    pub fn freed(&self) -> impl Fn(Identity) -> bool + use<> {
        let mut sources = self.sources();
        sources.replaced.retain(|old| Arc::strong_count(old) > 1);
        let left: HashSet<Identity> =
            sources.replaced.iter().chain([&self.load()]).flat_map(|snapshot| snapshot.credential_identities()).collect();
        move |credential| left.contains(&credential)
    }

    fn publish(&self, sources: &mut Sources) {
        let next = Snapshot::build(&sources.config, &sources.keys, &self.limiters, self.clock.now());
        let replaced = self.current.swap(Arc::new(next));
        sources.replaced.retain(|old| Arc::strong_count(old) > 1);
        sources.replaced.push(replaced);
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{clock, config, credential, snapshots};

    use super::*;

    #[tokio::test]
    async fn a_replaced_snapshot_is_never_freed_by_the_request_that_held_it() {
        let snapshots = snapshots(config(), clock());
        let held = snapshots.load();
        let freed = Arc::downgrade(&held);

        snapshots.replace_config(Arc::new(config()));
        drop(held);
        assert!(freed.upgrade().is_some());
        snapshots.replace_config(Arc::new(config()));

        assert!(freed.upgrade().is_none());
    }

    #[tokio::test]
    async fn a_credential_is_of_use_as_long_as_a_request_could_need_it() {
        let snapshots = snapshots(config(), clock());
        let held = snapshots.load();
        let (old, new) = (credential("acme").identity(), credential("other").identity());
        let mut other = config();
        other.credentials = vec![credential("other")];
        other.tenants[0].credential = other.credentials[0].name.clone();

        snapshots.replace_config(Arc::new(other));

        let is_used = snapshots.freed();
        assert!(is_used(old) && is_used(new));
        drop(held);
        let is_used = snapshots.freed();
        assert!(!is_used(old) && is_used(new));
    }
}
