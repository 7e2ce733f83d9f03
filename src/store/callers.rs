//! One limit for each caller of a tenant, in bounded memory.
//!
//! Callers of an issuer are unbounded, so that only so many are remembered. One that was forgotten begins anew, with a whole
//! burst: as much as it had to begin with, and no more. A caller is forgotten only when so many others came since, and whatever
//! they do together is bounded by the tenant's own limit.

use std::fmt;
use std::sync::Arc;

use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use tokio::time::Instant;

use super::{Decision, Limiter};
use crate::identity::CallerKey;
use crate::rate::Rate;

/// Callers remembered at most, per tenant; some 150 bytes each.
const CAPACITY: usize = 10_000;

/// The limits of one tenant's callers, always this replica's own: no store holds who its callers are.
pub struct CallerLimits {
    rate: Rate,
    limiters: Cache<CallerKey, Arc<Limiter>, UnitWeighter, foldhash::fast::RandomState>,
}

impl CallerLimits {
    /// Limits that each admit this rate.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let hasher = foldhash::fast::RandomState::default();
        Self { rate, limiters: Cache::with(CAPACITY, CAPACITY as u64, UnitWeighter, hasher, DefaultLifecycle::default()) }
    }

    /// The rate that each caller has.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Decides about one request of this caller.
    #[must_use]
    pub fn decide(&self, caller: CallerKey, now: Instant) -> Decision {
        let limiter = self.limiters.get(&caller).unwrap_or_else(|| {
            let made = self.limiters.get_or_insert_with(&caller, || Ok::<_, ()>(Arc::new(Limiter::new(self.rate, now))));
            made.unwrap_or_else(|()| Arc::new(Limiter::new(self.rate, now)))
        });
        limiter.decide(now, 0)
    }

    /// Callers that are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.limiters.len()
    }
}

impl fmt::Debug for CallerLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerLimits").field("rate", &self.rate).field("remembered", &self.remembered()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    fn key(caller: usize) -> CallerKey {
        CallerKey::of(&["test", &caller.to_string()])
    }

    fn limits(burst: u32) -> CallerLimits {
        let rate = Rate { requests: NonZeroU32::MIN, per: Duration::from_secs(1), burst: NonZeroU32::new(burst).unwrap() };
        CallerLimits::new(rate)
    }

    #[test]
    fn callers_do_not_use_up_each_others_limit() {
        let (limits, now) = (limits(2), Instant::now());

        let admitted = |caller: usize| (0..5).filter(|_| limits.decide(key(caller), now).admitted).count();

        assert_eq!((admitted(1), admitted(2)), (2, 2));
        assert_eq!(limits.decide(key(1), now).wait, Duration::from_secs(1));
        assert!(limits.decide(key(1), now + Duration::from_secs(1)).admitted);
    }

    #[test]
    fn any_number_of_callers_takes_bounded_memory() {
        let (limits, now) = (limits(1), Instant::now());

        for caller in 0..3 * CAPACITY {
            let _ = limits.decide(key(caller), now);
        }

        assert!(limits.remembered() <= CAPACITY, "{limits:?}");
    }

    #[test]
    fn one_that_was_forgotten_has_no_more_than_a_whole_burst() {
        let (limits, now) = (limits(3), Instant::now());
        let admitted = |caller: usize| (0..10).filter(|_| limits.decide(key(caller), now).admitted).count();
        admitted(0);

        for caller in 1..=3 * CAPACITY {
            let _ = limits.decide(key(caller), now);
        }

        assert!(admitted(0) <= 3);
    }
}
