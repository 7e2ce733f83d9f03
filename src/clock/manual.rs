//! A clock that moves only when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Clock, Sleep};

/// A clock for tests and simulations: both its sides stand still until [`advance`](Self::advance) moves them together.
#[derive(Clone, Debug)]
pub struct ManualClock {
    started: (Instant, SystemTime),
    elapsed: Arc<watch::Sender<Duration>>,
    /// Seconds by which the wall clock was set, forward or back.
    set_by: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock standing at the monotonic present and at `wall`.
    #[must_use]
    pub fn starting_at(wall: SystemTime) -> Self {
        Self { started: (Instant::now(), wall), elapsed: Arc::new(watch::Sender::new(Duration::ZERO)), set_by: Arc::default() }
    }

    /// Moves both sides forward and wakes every sleeper whose instant has come.
    pub fn advance(&self, by: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += by);
    }

    /// Sets the wall clock alone, by so many seconds, as an operator does, or a machine that learns the time late.
    pub fn set_by(&self, seconds: i64) {
        self.set_by.fetch_add(seconds, Relaxed);
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.borrow()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        self.started.0 + self.elapsed()
    }

    fn wall(&self) -> SystemTime {
        let (straight, set_by) = (self.started.1 + self.elapsed(), self.set_by.load(Relaxed));
        let by = Duration::from_secs(set_by.unsigned_abs());
        if set_by < 0 { straight - by } else { straight + by }
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let started = self.started.0;
        let mut elapsed = self.elapsed.subscribe();
        Box::pin(async move {
            // The sender lives in the clock; once every clock is gone nobody can observe time, so waiting may end.
            let _ = elapsed.wait_for(|elapsed| started + *elapsed >= at).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_instant_has_come() {
        let clock = ManualClock::starting_at(UNIX_EPOCH);
        let mut sleeper = clock.sleep_until(clock.now() + Duration::from_secs(5));

        clock.advance(Duration::from_secs(4));
        assert!(sleeper.as_mut().now_or_never().is_none());

        clock.advance(Duration::from_secs(1));
        sleeper.await;
        assert_eq!(clock.wall(), UNIX_EPOCH + Duration::from_secs(5));
    }
}
