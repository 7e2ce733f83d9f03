//! The memory that answers may take while they are being collected, beside what is stored.

use std::sync::Arc;
use std::time::Duration;

use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::metrics::Metrics;

/// This part of the cache's bytes may be taken besides.
const SHARE: u64 = 16;
/// Taken at once where a body does not say how long it is.
const STEP: usize = 64 * 1024;

/// Room for all answers that are being collected.
#[derive(Debug)]
pub(super) struct Room {
    bytes: Arc<Semaphore>,
    taken: IntGauge,
}

/// What one answer has taken of it; given back when dropped.
#[derive(Debug)]
pub(super) struct Taken<'a> {
    room: &'a Room,
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Room beside a cache of so many bytes, yet always for one answer of the largest size.
    pub(super) fn beside(max_bytes: u64, largest: usize, metrics: &Metrics) -> Self {
        let bytes = usize::try_from(max_bytes / SHARE).unwrap_or(usize::MAX).clamp(largest, Semaphore::MAX_PERMITS);
        Self { bytes: Arc::new(Semaphore::new(bytes)), taken: metrics.cache_collecting_bytes.with(()) }
    }

    /// Nothing yet.
    pub(super) fn nothing(&self) -> Taken<'_> {
        Taken { room: self, permit: None }
    }
}

impl Taken<'_> {
    /// Makes it room for so many bytes out of at most `most`. Waits for others to be done, in turn, until `deadline`; says whether
    /// there is room. Who has some already does not wait, since others may wait for it.
    pub(super) async fn cover(&mut self, bytes: usize, most: usize, deadline: Instant) -> bool {
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if bytes <= held {
            return true;
        }
        let more = bytes.max(held.saturating_add(STEP)).min(most.max(bytes)) - held;
        let Ok(more) = u32::try_from(more) else { return false };
        let room = Arc::clone(&self.room.bytes);
        let patience = if held == 0 { deadline } else { Instant::now() + BRIEFLY };
        let Ok(Ok(permit)) = timeout_at(patience, room.acquire_many_owned(more)).await else { return false };
        self.room.taken.add(i64::from(more));
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        true
    }
}

/// How long an answer that has some room waits for more: two of them may wait for each other.
const BRIEFLY: Duration = Duration::from_secs(1);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        self.room.taken.sub(i64::try_from(held).unwrap_or(i64::MAX));
    }
}
