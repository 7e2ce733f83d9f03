//! The registry of limits: one per name, however many snapshots and workers use it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::time::Instant;

use super::{CallerLimits, Counter, Limiter, Replicas, Shared};
use crate::rate::Rate;

/// Limits by name. A limit keeps its state for as long as its rate is unchanged and a snapshot has it.
///
/// Snapshots alone own limits: one that the configuration does not name any more ends with the last request that counts on it,
/// so that any number of reloads leaves nothing behind.
#[derive(Default)]
pub struct Limiters {
    counters: Registry<Counter>,
    callers: Registry<CallerLimits>,
    replicas: Option<Arc<Replicas>>,
}

type Registry<T> = Mutex<HashMap<String, Weak<T>>>;

impl Limiters {
    /// Limits that this replica shares with others; those of callers are its own.
    #[must_use]
    pub fn shared(replicas: Replicas) -> Self {
        Self { replicas: Some(Arc::new(replicas)), ..Self::default() }
    }

    /// The limit of this name and rate, made at `now` if there is none.
    pub fn counter(&self, name: String, rate: Rate, now: Instant) -> Arc<Counter> {
        let make = |name: &str| match &self.replicas {
            Some(replicas) => Counter::Shared(Arc::new(Shared::new(name, rate, Arc::clone(replicas), now))),
            None => Counter::Own(Limiter::new(rate, now)),
        };
        kept(&self.counters, name, make, |counter| counter.rate() == rate)
    }

    /// The limits of a tenant's callers.
    pub fn callers(&self, tenant: String, rate: Rate) -> Arc<CallerLimits> {
        kept(&self.callers, tenant, |_| CallerLimits::new(rate), |limits| limits.rate() == rate)
    }
}

/// What stands under this name, unless it does not fit any more; then it is made anew.
fn kept<T>(registry: &Registry<T>, name: String, make: impl FnOnce(&str) -> T, fits: impl FnOnce(&T) -> bool) -> Arc<T> {
    let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = registry.get(&name).and_then(Weak::upgrade).filter(|found| fits(found)) {
        return found;
    }
    registry.retain(|_, limit| limit.strong_count() > 0);
    let new = Arc::new(make(&name));
    registry.insert(name, Arc::downgrade(&new));
    new
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::store::Priority;

    fn rate(seconds: u64) -> Rate {
        Rate { requests: NonZeroU32::MIN, per: Duration::from_secs(seconds), burst: NonZeroU32::MIN }
    }

    #[test]
    fn an_unchanged_rate_keeps_its_state_and_a_changed_one_starts_anew() {
        let now = Instant::now();
        let limiters = Limiters::default();
        let mut in_force = limiters.counter("acme".to_owned(), rate(1), now);
        let mut admitted = |seconds| {
            in_force = limiters.counter("acme".to_owned(), rate(seconds), now);
            in_force.decide(now, Priority::High).unwrap().admitted
        };

        assert_eq!([admitted(1), admitted(1), admitted(2)], [true, false, true]);
    }

    #[test]
    fn what_no_snapshot_has_any_more_is_forgotten_however_often_names_change() {
        let limiters = Limiters::default();
        let kept = limiters.counter("kept".to_owned(), rate(1), Instant::now());

        for reload in 0..1000 {
            let _counter = limiters.counter(format!("tenant {reload}"), rate(1), Instant::now());
            let _callers = limiters.callers(format!("tenant {reload}"), rate(1));
        }

        let names = (limiters.counters.lock().unwrap().len(), limiters.callers.lock().unwrap().len());
        assert_eq!(names, (2, 1), "the one that is kept, and the last one of each kind");
        assert!(Arc::ptr_eq(&kept, &limiters.counter("kept".to_owned(), rate(1), Instant::now())));
    }
}
