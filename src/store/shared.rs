//! A limit that replicas share through a ledger: exact, a round trip per decision, or leased, small batches ahead.
//!
//! The ledger counts by its own clock, so that replicas whose clocks differ share one limit. What it cannot be asked about is
//! decided here, by a fraction of the limit: never all of it, and never none.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::lease::{Lease, Spent};
use super::{Decision, Limiter, Priority};
use crate::config::Sharing;
use crate::rate::Rate;

pub use self::ledger::{Ask, Grant, Ledger, Taken};

mod lease;
mod ledger;

/// What the shared limits of one gateway have in common.
pub struct Replicas {
    ledger: Arc<dyn Ledger>,
    mode: Sharing,
    fallback: f64,
    /// What asks ahead: requests may vanish while they wait, and the runtimes of workers end before others do.
    tasks: TaskTracker,
    runtime: Handle,
}

impl Replicas {
    /// Shares limits through `ledger`. What is asked ahead runs on the runtime that calls this.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, mode: Sharing, fallback: f64, tasks: TaskTracker) -> Self {
        Self { ledger, mode, fallback, tasks, runtime: Handle::current() }
    }
}

/// A limit for all replicas.
pub struct Shared {
    rate: Rate,
    key: String,
    replicas: Arc<Replicas>,
    /// What this replica admits alone while the ledger is away; its state outlasts that, so that flapping earns nothing.
    fallback: Limiter,
    /// Where the limit stood when the ledger last told, and when that was.
    told: Mutex<(Instant, Duration)>,
    /// Taken ahead, by priority; none where that would save nothing.
    leases: Option<[Arc<Lease>; 3]>,
}

impl Shared {
    /// The limit of this name, shared with every replica that has the same.
    #[must_use]
    pub fn new(name: &str, rate: Rate, replicas: Arc<Replicas>, now: Instant) -> Self {
        let most = lease::most(rate);
        let leased = replicas.mode == Sharing::Leased && most > 1;
        Self {
            rate,
            key: format!("limit:{name}"),
            fallback: Limiter::new(fraction(rate, replicas.fallback), now),
            told: Mutex::new((Instant::now(), Duration::ZERO)),
            leases: leased.then(|| Priority::ALL.map(|_| Arc::new(Lease::new(rate)))),
            replicas,
        }
    }

    /// The rate that all replicas admit together.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Decides if that needs no waiting: from what was taken ahead, or alone while the ledger is away.
    pub(super) fn decide(self: &Arc<Self>, now: Instant, priority: Priority) -> Option<Decision> {
        if let Some(spent) = self.spend(priority) {
            return Some(spent);
        }
        self.replicas.ledger.is_away().then(|| self.alone(now, priority))
    }

    /// Decides with the ledger, or alone if it gives no answer.
    pub(super) async fn ask(self: &Arc<Self>, now: Instant, priority: Priority) -> Decision {
        let Some(leases) = &self.leases else {
            return match self.take(priority, 1).await {
                Ok(grant) => self.decision(grant.taken > 0, grant.owed, priority),
                Err(_) => self.alone(now, priority),
            };
        };
        let lease = &leases[priority as usize];
        let failures = lease.failures();
        loop {
            // Listening begins before looking: an answer in between is not missed.
            let mut settled = pin!(lease.settled());
            settled.as_mut().enable();
            if let Some(spent) = self.spend(priority) {
                return spent;
            }
            if lease.failures() != failures {
                return self.alone(now, priority);
            }
            self.refill(priority);
            settled.await;
        }
    }

    /// Where it stands, as far as this replica was told.
    pub(super) fn peek(&self, now: Instant) -> Decision {
        if self.replicas.ledger.is_away() {
            return self.fallback.peek(now);
        }
        let mut decision = self.decision(true, self.owed(), Priority::High);
        decision.admitted = decision.wait.is_zero();
        decision
    }

    /// Spends one of those taken ahead, and takes more in time. None if there is none, and the ledger may have some.
    fn spend(self: &Arc<Self>, priority: Priority) -> Option<Decision> {
        let lease = &self.leases.as_ref()?[priority as usize];
        match lease.spend(Instant::now()) {
            Spent::One { left, low } => {
                if low {
                    self.refill(priority);
                }
                let told = self.decision(true, self.owed(), priority);
                let remaining = told.remaining.saturating_add(left);
                let wait = if remaining > 0 { Duration::ZERO } else { told.wait };
                Some(Decision { admitted: true, remaining, wait })
            }
            Spent::NoneUntil(wait) => Some(Decision { admitted: false, remaining: 0, wait }),
            Spent::Nothing => None,
        }
    }

    /// Takes a batch ahead in a task of its own, unless one is under way.
    fn refill(self: &Arc<Self>, priority: Priority) {
        let Some(leases) = &self.leases else { return };
        let lease = &leases[priority as usize];
        let Some(wanted) = lease.begin(Instant::now()) else { return };
        // However the task ends, and even if it never begins, those who wait are told.
        let (shared, ending) = (Arc::clone(self), lease.ending());
        let asking = async move {
            if let Ok(grant) = shared.take(priority, wanted).await {
                let wait = shared.decision(true, grant.owed, priority).wait;
                ending.granted(grant.taken, wanted, wait, Instant::now());
            }
        };
        self.replicas.tasks.spawn_on(asking, &self.replicas.runtime);
    }

    async fn take(&self, priority: Priority, wanted: u32) -> Taken {
        let reserve = priority.reserve(self.rate.burst.get());
        let taken = self.replicas.ledger.take(Ask { key: &self.key, rate: self.rate, reserve, wanted }).await;
        if let Ok(grant) = &taken {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), grant.owed);
        }
        taken
    }

    fn alone(&self, now: Instant, priority: Priority) -> Decision {
        self.fallback.decide(now, priority.reserve(self.fallback.rate().burst.get()))
    }

    /// What is owed now, if nobody else was admitted since the ledger told.
    fn owed(&self) -> Duration {
        let (told, owed) = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        owed.saturating_sub(told.elapsed())
    }

    fn decision(&self, admitted: bool, owed: Duration, priority: Priority) -> Decision {
        let burst = self.rate.burst.get();
        Decision::at(self.rate, admitted, owed, burst - priority.reserve(burst).min(burst - 1))
    }
}

/// This share of a rate, which admits one at least.
fn fraction(rate: Rate, share: f64) -> Rate {
    let burst = f64::from(rate.burst.get()) * share;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a 32-bit number")]
    let burst = std::num::NonZeroU32::new(burst as u32).unwrap_or(std::num::NonZeroU32::MIN);
    Rate { requests: rate.requests, per: rate.per.div_f64(share), burst }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("key", &self.key).field("rate", &self.rate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
