//! Requests taken ahead from a ledger, and spent without asking it.
//!
//! A batch is what this replica asked for within a fifth of a second, and never more than [`most`]. That is how far the replicas
//! together may exceed the limit in any interval: by one batch each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::rate::Rate;

/// What a batch is to last for. The next one is asked for when half is spent: ten times a second, so that three replicas which
/// decide a thousand times a second together save more than nineteen of twenty round trips.
const AHEAD: Duration = Duration::from_millis(200);

/// After a batch that fell short the ledger is asked again no sooner, for the same reason; unless a whole batch is earned sooner,
/// since what a small burst cannot hold would be lost.
const PACE: Duration = Duration::from_millis(75);

/// The largest batch: a tenth of the burst, or what is earned in 50 ms, and never more than the burst.
pub(super) fn most(rate: Rate) -> u32 {
    let earned = Duration::from_millis(50).as_nanos() / rate.interval().as_nanos();
    let burst = rate.burst.get();
    u32::try_from(earned).unwrap_or(u32::MAX).max(burst / 10).clamp(1, burst)
}

/// What came of spending one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    /// One was spent and so many are left, of which more should be taken soon.
    One { left: u32, low: bool },
    /// The ledger has none either, for so long.
    NoneUntil(Duration),
    /// None is left here; the ledger may have some.
    Nothing,
}

/// Requests taken ahead.
pub(super) struct Lease {
    most: u32,
    pace: Duration,
    state: Mutex<State>,
    settled: Notify,
}

struct State {
    left: u32,
    /// The size of the last batch.
    batch: u32,
    asking: bool,
    /// When the ledger was last asked, and how often it was wanted to be since.
    asked: Instant,
    demand: u32,
    none_until: Option<Instant>,
    failures: u32,
}

impl Lease {
    pub(super) fn new(rate: Rate) -> Self {
        let most = most(rate);
        let asked = Instant::now();
        let state = State { left: 0, batch: 0, asking: false, asked, demand: 0, none_until: None, failures: 0 };
        let pace = PACE.min(rate.interval().saturating_mul(most));
        Self { most, pace, state: Mutex::new(state), settled: Notify::new() }
    }

    pub(super) fn spend(&self, now: Instant) -> Spent {
        let mut state = self.state();
        state.demand = state.demand.saturating_add(1);
        let wait = state.none_until.map(|until| until.saturating_duration_since(now)).filter(|wait| !wait.is_zero());
        if state.left > 0 {
            state.left -= 1;
            let low = wait.is_none() && !state.asking && state.batch > 1 && state.left <= state.batch / 2;
            return Spent::One { left: state.left, low };
        }
        wait.map_or(Spent::Nothing, Spent::NoneUntil)
    }

    /// How many to ask the ledger for; none if it is being asked.
    pub(super) fn begin(&self, now: Instant) -> Option<u32> {
        let mut state = self.state();
        if state.asking {
            return None;
        }
        let since = now.saturating_duration_since(state.asked).max(AHEAD / 10);
        let expected = u128::from(state.demand) * AHEAD.as_micros() / since.as_micros();
        (state.asking, state.asked, state.demand) = (true, now, 0);
        Some(u32::try_from(expected).unwrap_or(u32::MAX).clamp(1, self.most))
    }

    /// What ends the asking that was begun.
    pub(super) fn ending(self: &Arc<Self>) -> Ending {
        Ending { lease: Arc::clone(self), failed: true }
    }

    /// Times that the ledger gave no answer.
    pub(super) fn failures(&self) -> u32 {
        self.state().failures
    }

    /// Ends when the asking that is under way has.
    pub(super) fn settled(&self) -> Notified<'_> {
        self.settled.notified()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends an asking when it is dropped: as a failure, unless it was granted.
pub(super) struct Ending {
    lease: Arc<Lease>,
    failed: bool,
}

impl Ending {
    /// The ledger granted `taken` of those `wanted`; its next one comes after `wait`.
    pub(super) fn granted(mut self, taken: u32, wanted: u32, wait: Duration, now: Instant) {
        self.failed = false;
        let mut state = self.lease.state();
        state.left = state.left.saturating_add(taken);
        state.batch = taken;
        state.none_until = (taken < wanted).then(|| now + wait.max(self.lease.pace));
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut state = self.lease.state();
        state.asking = false;
        state.failures = state.failures.wrapping_add(u32::from(self.failed));
        drop(state);
        self.lease.settled.notify_waiters();
    }
}
