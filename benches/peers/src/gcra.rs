//! The floor's rate limit: one word a tenant.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The generic cell rate algorithm, for one thread.
pub struct Limit {
    epoch: Instant,
    interval: u64,
    tolerance: u64,
    arrival: Cell<u64>,
}

impl Limit {
    pub fn new(per_second: u32, burst: u32) -> Self {
        let interval = 1_000_000_000 / u64::from(per_second);
        Self { epoch: Instant::now(), interval, tolerance: interval * u64::from(burst), arrival: Cell::new(0) }
    }

    pub fn admits(&self) -> bool {
        let now = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let next = self.arrival.get().max(now) + self.interval;
        let admitted = Duration::from_nanos(next - now) <= Duration::from_nanos(self.tolerance);
        if admitted {
            self.arrival.set(next);
        }
        admitted
    }
}
