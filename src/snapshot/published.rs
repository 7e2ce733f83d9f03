//! The snapshot in force, and the one place that replaces it.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::Snapshot;
use crate::clock::SharedClock;
use crate::config::Config;
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
        let limiters = Limiters::default();
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

    /// Publishes a snapshot in which an issuer has these keys, or none.
    pub fn replace_keys(&self, issuer: IssuerId, keys: Option<Arc<KeySet>>) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.keys.replace(issuer, keys);
        let next = Snapshot::build(&sources.config, &sources.keys, &self.limiters, self.clock.now());
        let replaced = self.current.swap(Arc::new(next));
        sources.replaced.retain(|old| Arc::strong_count(old) > 1);
        sources.replaced.push(replaced);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{clock, config, snapshots};

    use super::*;

    #[tokio::test]
    async fn a_replaced_snapshot_is_never_freed_by_the_request_that_held_it() {
        let snapshots = snapshots(config(), clock());
        let held = snapshots.load();
        let freed = Arc::downgrade(&held);

        snapshots.replace_keys(IssuerId(0), None);
        drop(held);
        assert!(freed.upgrade().is_some());
        snapshots.replace_keys(IssuerId(0), None);

        assert!(freed.upgrade().is_none());
    }
}
