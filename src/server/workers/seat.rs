//! A connection's place at a worker: what counts it while it is open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use prometheus::IntGauge;
use tokio::sync::OwnedSemaphorePermit;

/// Held as long as the connection is open, from the moment it is handed over.
#[derive(Debug)]
pub(super) struct Seat {
    open: Arc<AtomicUsize>,
    gauge: IntGauge,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    /// Counts one more connection.
    pub(super) fn take(open: &Arc<AtomicUsize>, gauge: &IntGauge, permit: OwnedSemaphorePermit) -> Self {
        open.fetch_add(1, Relaxed);
        gauge.inc();
        Self { open: Arc::clone(open), gauge: gauge.clone(), _permit: permit }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
        self.gauge.dec();
    }
}
