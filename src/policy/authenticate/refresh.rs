//! Keeps every issuer's keys fresh in the background: on a schedule, after a failure, and when a request meets an unknown key.
//!
//! Known keys stay in use while an issuer is down, for a day. A snapshot is published only when keys have changed, since a new
//! one forgets which tokens were verified.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::issuer_keys::{Attempt, Issuer, IssuerKeys};
use super::source::{self, KeyEndpoint, KeysError};
use crate::clock::SharedClock;
use crate::config::{self, KeySource};
use crate::identity::{IssuerId, KeySet, Vetted};
use crate::metrics::{KeyResult, Metrics};
use crate::snapshot::Snapshots;

/// How long keys stay in use after they were last fetched.
const USABLE: Duration = Duration::from_hours(24);

/// The longest pause after a failure.
const LONGEST_BACK_OFF: Duration = Duration::from_mins(1);

/// Fetches issuers' keys and publishes them.
pub struct KeyRefresh<E> {
    keys: Arc<IssuerKeys>,
    snapshots: Arc<Snapshots>,
    endpoint: E,
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

/// One issuer's keys and how they are kept.
struct Keeper<E> {
    id: IssuerId,
    issuer: config::Issuer,
    shared: Arc<KeyRefresh<E>>,
    current: Option<Arc<KeySet>>,
    fetched: Option<Instant>,
    failures: u32,
}

impl<E: KeyEndpoint> KeyRefresh<E> {
    /// Publishes to `snapshots` and shows in `keys` what `endpoint` and files yield.
    #[must_use]
    pub fn new(keys: Arc<IssuerKeys>, snapshots: Arc<Snapshots>, endpoint: E, clock: SharedClock, metrics: Arc<Metrics>) -> Self {
        Self { keys, snapshots, endpoint, clock, metrics }
    }

    /// Keeps the keys of these issuers, each in a task of its own that `tracker` knows, until `shutdown`.
    pub fn spawn(self, issuers: &[config::Issuer], tracker: &TaskTracker, shutdown: &CancellationToken) -> KeyKeepers {
        let shared = Arc::new(self);
        let (keys, tracker, shutdown) = (Arc::clone(&shared.keys), tracker.clone(), shutdown.clone());
        let start = move |issuer: &config::Issuer, attempts: Arc<Issuer>| {
            let (id, shared) = (IssuerId::of(issuer), Arc::clone(&shared));
            let keeper = Keeper { id, issuer: issuer.clone(), shared, current: None, fetched: None, failures: 0 };
            let dismissed = shutdown.child_token();
            let until = dismissed.clone();
            tracker.spawn(async move { until.run_until_cancelled(keeper.keep(&attempts)).await });
            dismissed
        };
        let keepers = KeyKeepers { keys, start: Box::new(start), kept: Mutex::default() };
        keepers.keep(issuers);
        keepers
    }
}

/// Starts an issuer's keeper, who goes on until what is returned is cancelled.
type Start = dyn Fn(&config::Issuer, Arc<Issuer>) -> CancellationToken + Send + Sync;

/// Those who keep the issuers' keys, one task for each.
pub struct KeyKeepers {
    keys: Arc<IssuerKeys>,
    start: Box<Start>,
    kept: Mutex<HashMap<IssuerId, CancellationToken>>,
}

impl KeyKeepers {
    /// Keeps the keys of these issuers from now on, and of no others. Those that are kept already go on; keys in files are read
    /// anew, since they may be others by now.
    pub fn keep(&self, issuers: &[config::Issuer]) {
        self.keys.adopt(issuers);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *kept);
        for issuer in issuers {
            let id = IssuerId::of(issuer);
            let Some(attempts) = self.keys.issuer(id) else { continue };
            let dismissed = match before.remove(&id) {
                Some(dismissed) => {
                    if matches!(issuer.keys, KeySource::JwksFile(_) | KeySource::PublicKey(_)) {
                        attempts.hasten();
                    }
                    dismissed
                }
                None => (self.start)(issuer, attempts),
            };
            kept.insert(id, dismissed);
        }
        for dismissed in before.values() {
            dismissed.cancel();
        }
    }
}

impl<E: KeyEndpoint> Keeper<E> {
    async fn keep(mut self, attempts: &Issuer) {
        let shared = Arc::clone(&self.shared);
        loop {
            let pause = self.attempt(attempts).await;
            tokio::select! {
                () = shared.clock.sleep_until(shared.clock.now() + pause) => {}
                () = attempts.asked() => {}
            }
        }
    }

    /// Makes one attempt; gives the pause to the next.
    async fn attempt(&mut self, attempts: &Issuer) -> Duration {
        let attempt = attempts.begin();
        match source::load(&self.issuer, &self.shared.endpoint).await {
            Ok(vetted) => self.succeed(attempt, vetted),
            Err(error) => self.fail(attempt, &error),
        }
    }

    fn succeed(&mut self, attempt: Attempt<'_>, vetted: Vetted) -> Duration {
        self.count("ok");
        self.failures = 0;
        self.fetched = Some(self.shared.clock.now());
        if self.current.as_deref() != Some(&vetted.keys) {
            self.tell_changed(&vetted);
            self.publish(Some(Arc::new(vetted.keys)));
        }
        let keys = self.current.as_ref().map_or(0, |keys| keys.len());
        let now = self.shared.clock.wall();
        attempt.end(|status| {
            status.keys = keys;
            status.last_success = Some(now);
            status.last_error = None;
        });
        jittered(self.issuer.refresh, 0.9)
    }

    fn fail(&mut self, attempt: Attempt<'_>, error: &KeysError) -> Duration {
        self.count(error.label());
        tracing::warn!(issuer = self.issuer.issuer, %error, "the issuer's keys could not be renewed");
        let now = self.shared.clock.now();
        let usable = self.fetched.is_some_and(|fetched| now.saturating_duration_since(fetched) < USABLE);
        if !usable && self.current.is_some() {
            tracing::error!(issuer = self.issuer.issuer, "the issuer's keys were not renewed for a day and are no longer used");
            self.publish(None);
        }
        let keys = self.current.as_ref().map_or(0, |keys| keys.len());
        attempt.end(|status| {
            status.keys = keys;
            status.last_error = Some(error.to_string().into());
        });
        self.failures = self.failures.saturating_add(1);
        let pause = Duration::from_secs(1 << self.failures.min(6));
        jittered(pause.min(LONGEST_BACK_OFF).min(self.issuer.refresh), 0.5)
    }

    fn publish(&mut self, keys: Option<Arc<KeySet>>) {
        self.current.clone_from(&keys);
        self.shared.snapshots.replace_keys(self.id, keys);
    }

    fn count(&self, result: &str) {
        self.shared.metrics.jwks_refreshes_total.with(KeyResult { issuer: &self.issuer.issuer, result }).inc();
    }

    fn tell_changed(&self, vetted: &Vetted) {
        let issuer = &self.issuer.issuer;
        tracing::info!(issuer, keys = vetted.keys.len(), "the issuer's keys have changed");
        for dropped in &vetted.dropped {
            tracing::warn!(issuer, place = dropped.place, reason = dropped.reason, "a key of the issuer is not used");
        }
    }
}

/// A pause between `least` and all of it, so that replicas do not ask in step.
fn jittered(pause: Duration, least: f64) -> Duration {
    pause.mul_f64(least + (1.0 - least) * fastrand::f64())
}
