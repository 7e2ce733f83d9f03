//! The registry of limits: one per name, however many snapshots and workers use it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::{CallerLimits, Counter, Limiter, Replicas, Shared};
use crate::rate::Rate;

/// Limits by name. A limit keeps its state for as long as its rate is unchanged.
#[derive(Default)]
pub struct Limiters {
    counters: Mutex<HashMap<String, Arc<Counter>>>,
    callers: Mutex<HashMap<String, Arc<CallerLimits>>>,
    replicas: Option<Arc<Replicas>>,
}

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
fn kept<T>(
    map: &Mutex<HashMap<String, Arc<T>>>,
    name: String,
    make: impl FnOnce(&str) -> T,
    fits: impl FnOnce(&T) -> bool,
) -> Arc<T> {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = map.get(&name).filter(|found| fits(found)) {
        return Arc::clone(found);
    }
    let new = Arc::new(make(&name));
    map.insert(name, Arc::clone(&new));
    new
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::store::Priority;

    #[test]
    fn an_unchanged_rate_keeps_its_state_and_a_changed_one_starts_anew() {
        let now = Instant::now();
        let one = Rate { requests: NonZeroU32::MIN, per: Duration::from_secs(1), burst: NonZeroU32::MIN };
        let two = Rate { per: Duration::from_secs(2), ..one };
        let limiters = Limiters::default();
        let admitted = |rate| limiters.counter("acme".to_owned(), rate, now).decide(now, Priority::High).unwrap().admitted;

        assert_eq!([admitted(one), admitted(one), admitted(two)], [true, false, true]);
    }
}
