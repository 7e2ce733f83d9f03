//! How each issuer's keys are getting on, and the bounded waiting for the next attempt to fetch them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use crate::config;
use crate::identity::IssuerId;

/// Unknown keys make an issuer be asked at most once in this time.
const COOL_DOWN: Duration = Duration::from_secs(30);

/// How long a request waits for an issuer's keys at most.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How many requests wait for one issuer's keys at most.
const MOST_WAITERS: usize = 64;

/// What readiness and `/status` show of one issuer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// The issuer.
    pub issuer: Arc<str>,
    /// Usable keys, each algorithm of a key counted; none before the first success and after too long a failure.
    pub keys: usize,
    /// Whether the first attempt has ended, either way.
    pub attempted: bool,
    /// When keys were last fetched.
    pub last_success: Option<SystemTime>,
    /// Why the last attempt failed; none if it did not.
    pub last_error: Option<Arc<str>>,
}

/// The keys of all issuers, as those see them who do not fetch them. Shared by all workers.
#[derive(Debug)]
pub struct IssuerKeys(RwLock<Vec<(IssuerId, Arc<Issuer>)>>);

/// One issuer's attempts.
#[derive(Debug)]
pub(super) struct Issuer {
    state: watch::Sender<State>,
    places: Semaphore,
}

#[derive(Debug)]
struct State {
    status: KeyStatus,
    /// An attempt runs, or was asked for and is about to.
    under_way: bool,
    /// Attempts that have ended.
    ended: u64,
    /// When a request last asked for one.
    asked: Option<Instant>,
}

impl IssuerKeys {
    /// No attempt was made yet.
    #[must_use]
    pub fn new(issuers: &[config::Issuer]) -> Self {
        let keys = Self(RwLock::default());
        keys.adopt(issuers);
        keys
    }

    /// How every issuer's keys are getting on, in the order of configuration.
    #[must_use]
    pub fn status(&self) -> Vec<KeyStatus> {
        self.issuers().iter().map(|(_, issuer)| issuer.state.borrow().status.clone()).collect()
    }

    /// Waits until the first attempt of every issuer has ended, either way.
    pub async fn attempted(&self) {
        for (_, issuer) in self.issuers() {
            issuer.past(0).await;
        }
    }

    /// Waits for the attempt that is under way, or for one that is made now; not at all if too many wait or the last attempt was
    /// asked for too recently, and never too long.
    pub(super) async fn refetched(&self, issuer: IssuerId, now: Instant) {
        let Some(issuer) = self.issuer(issuer) else {
            return;
        };
        let Ok(_place) = issuer.places.try_acquire() else {
            return;
        };
        if let Some(ended) = issuer.ask(now) {
            // Whether it ended in time or not, the snapshot in force tells what came of it.
            let _ = timeout(LONGEST_WAIT, issuer.past(ended)).await;
        }
    }

    /// Knows these issuers from now on, in this order. Those that it knows already go on as they were.
    pub(super) fn adopt(&self, issuers: &[config::Issuer]) {
        let adopted = issuers.iter().map(|issuer| {
            let id = IssuerId::of(issuer);
            (id, self.issuer(id).unwrap_or_else(|| Arc::new(Issuer::new(&issuer.issuer))))
        });
        let adopted = adopted.collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = adopted;
    }

    pub(super) fn issuer(&self, id: IssuerId) -> Option<Arc<Issuer>> {
        let issuers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        issuers.iter().find(|(known, _)| *known == id).map(|(_, issuer)| Arc::clone(issuer))
    }

    fn issuers(&self) -> Vec<(IssuerId, Arc<Issuer>)> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Issuer {
    fn new(name: &str) -> Self {
        let status = KeyStatus { issuer: name.into(), keys: 0, attempted: false, last_success: None, last_error: None };
        let state = State { status, under_way: false, ended: 0, asked: None };
        Self { state: watch::Sender::new(state), places: Semaphore::new(MOST_WAITERS) }
    }

    /// Joins the attempt under way, or asks for one; gives how many had ended before it.
    fn ask(&self, now: Instant) -> Option<u64> {
        let mut joined = None;
        self.state.send_if_modified(|state| {
            let rested = state.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= COOL_DOWN);
            if state.under_way || rested {
                joined = Some(state.ended);
            }
            let asks = !state.under_way && rested;
            if asks {
                state.under_way = true;
                state.asked = Some(now);
            }
            asks
        });
        joined
    }

    /// Waits until more than `ended` attempts have ended.
    pub(super) async fn past(&self, ended: u64) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.state.subscribe().wait_for(|state| state.ended > ended).await;
    }

    /// Has an attempt made now, whoever asked for one when.
    pub(super) fn hasten(&self) {
        self.state.send_modify(|state| state.under_way = true);
    }

    /// Waits until an attempt is asked for.
    pub(super) async fn asked(&self) {
        let _ = self.state.subscribe().wait_for(|state| state.under_way).await;
    }

    /// Begins an attempt, which ends when what is returned is dropped, whatever became of it.
    pub(super) fn begin(&self) -> Attempt<'_> {
        self.state.send_modify(|state| state.under_way = true);
        Attempt(self)
    }
}

/// An attempt to fetch an issuer's keys.
pub(super) struct Attempt<'a>(&'a Issuer);

impl Attempt<'_> {
    /// Ends the attempt, with what is to be shown of it.
    pub(super) fn end(self, show: impl FnOnce(&mut KeyStatus)) {
        self.0.state.send_modify(|state| show(&mut state.status));
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| {
            state.under_way = false;
            state.ended += 1;
            state.status.attempted = true;
        });
    }
}
