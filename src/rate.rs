//! A rate of requests: so many per period, with a burst.

use std::num::NonZeroU32;
use std::time::Duration;

/// A rate that admits something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests earned per period.
    pub requests: NonZeroU32,
    /// The period, above zero.
    pub per: Duration,
    /// Requests admitted at once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// The time in which one request is earned, at least a nanosecond.
    #[must_use]
    pub fn interval(&self) -> Duration {
        (self.per / self.requests.get()).max(Duration::from_nanos(1))
    }

    /// The time in which a used-up burst is earned anew.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.interval() * self.burst.get()
    }
}
