//! The generic cell rate algorithm on one atomic word.
//!
//! The word is the theoretical arrival time: when the burst will be whole again. Unlike a token bucket it needs no refilling,
//! and unlike a window it never admits more than burst + rate × time over any interval.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use crate::rate::Rate;

/// A limit that any number of threads share.
#[derive(Debug)]
pub struct Limiter {
    rate: Rate,
    interval: u64,
    origin: Instant,
    /// Nanoseconds since `origin` at which the burst is whole again.
    whole_at: AtomicU64,
}

/// What a limiter decided, and where that leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may go on.
    pub admitted: bool,
    /// Requests that would be admitted now.
    pub remaining: u32,
    /// Time to the next request that will be admitted.
    pub wait: Duration,
}

impl Limiter {
    /// A limiter whose burst is whole at `now`.
    #[must_use]
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, interval: nanos(rate.interval()), origin: now, whole_at: AtomicU64::new(0) }
    }

    /// The rate it admits.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Decides about one request, leaving `reserve` of the burst to others.
    pub fn decide(&self, now: Instant, reserve: u32) -> Decision {
        let now = self.since_origin(now);
        let usable = self.rate.burst.get().saturating_sub(reserve).max(1);
        let tolerance = self.interval * u64::from(usable - 1);
        let admit = |whole_at: u64| {
            let owed = whole_at.saturating_sub(now);
            (owed <= tolerance).then_some(now + owed + self.interval)
        };
        let (admitted, whole_at) = match self.whole_at.fetch_update(Relaxed, Relaxed, admit) {
            Ok(before) => (true, admit(before).unwrap_or(before)),
            Err(unchanged) => (false, unchanged),
        };
        Decision::at(self.rate, admitted, Duration::from_nanos(whole_at.saturating_sub(now)), usable)
    }

    /// What [`decide`](Self::decide) would decide, with nothing counted.
    #[must_use]
    pub fn peek(&self, now: Instant) -> Decision {
        let owed = self.whole_at.load(Relaxed).saturating_sub(self.since_origin(now));
        let burst = self.rate.burst.get();
        Decision::at(self.rate, owed <= self.interval * u64::from(burst - 1), Duration::from_nanos(owed), burst)
    }

    fn since_origin(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.origin))
    }
}

impl Decision {
    /// What there is to say of a limit whose burst is whole again after `owed`, to one who may use so much of the burst.
    #[must_use]
    pub(super) fn at(rate: Rate, admitted: bool, owed: Duration, usable: u32) -> Self {
        let (interval, owed) = (nanos(rate.interval()), nanos(owed));
        let left = (interval * u64::from(usable)).saturating_sub(owed) / interval;
        Self {
            admitted,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            wait: Duration::from_nanos(owed.saturating_sub(interval * u64::from(usable - 1))),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    fn rate(requests: u32, burst: u32) -> Rate {
        Rate { requests: NonZeroU32::new(requests).unwrap(), per: Duration::from_secs(1), burst: NonZeroU32::new(burst).unwrap() }
    }

    #[test]
    fn a_whole_burst_is_admitted_at_once_and_then_one_per_interval() {
        let start = Instant::now();
        let limiter = Limiter::new(rate(10, 3), start);

        let left: Vec<_> = (0..3).map(|_| limiter.decide(start, 0).remaining).collect();
        let refused = limiter.decide(start, 0);

        assert_eq!(left, [2, 1, 0]);
        assert_eq!(refused, Decision { admitted: false, remaining: 0, wait: Duration::from_millis(100) });
        assert!(!limiter.decide(start + Duration::from_millis(99), 0).admitted);
        assert!(limiter.decide(start + Duration::from_millis(100), 0).admitted);
    }

    #[test]
    fn a_peek_counts_nothing() {
        let start = Instant::now();
        let limiter = Limiter::new(rate(10, 1), start);

        assert!((0..5).all(|_| limiter.peek(start).admitted));
        limiter.decide(start, 0);

        assert_eq!(limiter.peek(start), Decision { admitted: false, remaining: 0, wait: Duration::from_millis(100) });
        assert!(limiter.peek(start + Duration::from_millis(100)).admitted);
    }

    #[test]
    fn a_reserve_is_left_to_those_who_may_use_it() {
        let start = Instant::now();
        let limiter = Limiter::new(rate(10, 10), start);

        let reads = (0..10).filter(|_| limiter.decide(start, 3).admitted).count();
        let payments = (0..10).filter(|_| limiter.decide(start, 0).admitted).count();

        assert_eq!((reads, payments), (7, 3));
    }

    #[test]
    fn threads_together_admit_what_one_would() {
        let start = Instant::now();
        let limiter = Limiter::new(rate(10, 1000), start);

        let admitted: usize = std::thread::scope(|scope| {
            let many = || (0..5000).filter(|call| limiter.decide(start + Duration::from_millis(call / 10), 0).admitted).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(many)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });

        assert!((1000..=1000 + 5).contains(&admitted), "{admitted}: a burst, and what half a second earns");
    }

    proptest! {
        #[test]
        fn no_interval_admits_more_than_burst_plus_rate_times_time(
            requests in 1_u32..50, burst in 1_u32..20, gaps in prop::collection::vec(0_u64..500, 1..200),
        ) {
            let start = Instant::now();
            let rate = rate(requests, burst);
            let limiter = Limiter::new(rate, start);
            let mut now = start;
            let mut admitted = Vec::new();

            for gap in gaps {
                now += Duration::from_millis(gap);
                if limiter.decide(now, 0).admitted {
                    admitted.push(now);
                }
            }

            for (first, from) in admitted.iter().enumerate() {
                for (last, to) in admitted.iter().enumerate().skip(first) {
                    let earned = (*to - *from).as_nanos() / rate.interval().as_nanos();
                    prop_assert!(((last - first) as u128) < u128::from(burst) + earned);
                }
            }
        }

        #[test]
        fn a_refusal_changes_nothing_for_those_who_come_later(
            requests in 1_u32..100, burst in 1_u32..20, insistence in 1_usize..200, millis in 0_u64..2000,
        ) {
            let start = Instant::now();
            let [insisted, quiet] = [0; 2].map(|_| Limiter::new(rate(requests, burst), start));
            for limiter in [&insisted, &quiet] {
                for _ in 0..burst {
                    assert!(limiter.decide(start, 0).admitted);
                }
            }

            for _ in 0..insistence {
                prop_assert!(!insisted.decide(start, 0).admitted);
            }

            let later = start + Duration::from_millis(millis);
            prop_assert_eq!(insisted.decide(later, 0), quiet.decide(later, 0));
        }

        #[test]
        fn all_that_is_earned_is_admitted(requests in 1_u32..100, burst in 2_u32..20, seconds in 1_u32..20) {
            let start = Instant::now();
            let limiter = Limiter::new(rate(requests, burst), start);
            let admitted = (0..=seconds * 1000)
                .filter(|millis| limiter.decide(start + Duration::from_millis(u64::from(*millis)), 0).admitted)
                .count();

            let most = usize::try_from(burst + requests * seconds).unwrap();
            prop_assert!((most - 1..=most).contains(&admitted), "{} of {}", admitted, most);
        }

        #[test]
        fn who_waits_as_told_is_admitted(requests in 1_u32..1000, burst in 1_u32..50, calls in 1_usize..100) {
            let start = Instant::now();
            let limiter = Limiter::new(rate(requests, burst), start);
            for _ in 0..calls {
                limiter.decide(start, 0);
            }

            let told = limiter.decide(start, 0);

            prop_assert!(limiter.decide(start + told.wait, 0).admitted);
        }
    }
}
