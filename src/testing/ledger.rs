//! A ledger in memory, for limits that replicas share: it answers late, wrongly or not at all, as it is told.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::store::{self, Ask, Grant, StoreError, Taken};

/// The way there, and the way back.
const WAY: Duration = Duration::from_micros(500);

/// Keeps limits as `gcra.lua` does.
#[derive(Default)]
pub(crate) struct Ledger {
    limits: Mutex<HashMap<String, (Instant, u64)>>,
    trips: AtomicU64,
    pub(crate) away: AtomicBool,
    pub(crate) failing: AtomicBool,
}

impl Ledger {
    /// Times that it was asked.
    pub(crate) fn trips(&self) -> u64 {
        self.trips.load(Relaxed)
    }

    /// Requests that it admitted under this limit.
    pub(crate) fn taken(&self, key: &str) -> u64 {
        self.limits.lock().unwrap().get(key).map_or(0, |(_, taken)| *taken)
    }

    fn admit(&self, ask: Ask<'_>) -> Grant {
        let (now, interval, burst) = (Instant::now(), ask.rate.interval(), ask.rate.burst.get());
        let mut limits = self.limits.lock().unwrap();
        let (whole_at, total) = limits.entry(ask.key.to_owned()).or_insert((now, 0));
        *whole_at = now.max(*whole_at).min(now + interval * burst);
        let usable = interval * (burst - ask.reserve).max(1);
        let left = usable.saturating_sub(*whole_at - now).as_nanos() / interval.as_nanos();
        let taken = u32::try_from(left).unwrap_or(u32::MAX).min(ask.wanted);
        *whole_at += interval * taken;
        *total += u64::from(taken);
        Grant { taken, owed: *whole_at - now }
    }
}

impl store::Ledger for Ledger {
    fn is_away(&self) -> bool {
        self.away.load(Relaxed)
    }

    fn take<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Taken> + Send + 'a>> {
        Box::pin(async move {
            self.trips.fetch_add(1, Relaxed);
            sleep(WAY).await;
            if self.failing.load(Relaxed) {
                return Err(StoreError::Late);
            }
            let grant = self.admit(ask);
            sleep(WAY).await;
            Ok(grant)
        })
    }
}
