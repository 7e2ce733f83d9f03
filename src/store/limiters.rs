//! The registry of limiters: one per name, however many snapshots and workers use it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::Limiter;
use crate::rate::Rate;

/// Limiters by name. A limiter keeps its state for as long as its rate is unchanged.
#[derive(Debug, Default)]
pub struct Limiters(Mutex<HashMap<String, Arc<Limiter>>>);

impl Limiters {
    /// The limiter of this name and rate, made at `now` if there is none.
    pub fn limiter(&self, name: String, rate: Rate, now: Instant) -> Arc<Limiter> {
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let limiter = limiters.entry(name).or_insert_with(|| Arc::new(Limiter::new(rate, now)));
        if limiter.rate() != rate {
            *limiter = Arc::new(Limiter::new(rate, now));
        }
        Arc::clone(limiter)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_unchanged_rate_keeps_its_state_and_a_changed_one_starts_anew() {
        let now = Instant::now();
        let one = Rate { requests: NonZeroU32::MIN, per: Duration::from_secs(1), burst: NonZeroU32::MIN };
        let two = Rate { per: Duration::from_secs(2), ..one };
        let limiters = Limiters::default();

        assert!(limiters.limiter("acme".to_owned(), one, now).decide(now, 0).admitted);

        assert!(!limiters.limiter("acme".to_owned(), one, now).decide(now, 0).admitted);
        assert!(limiters.limiter("acme".to_owned(), two, now).decide(now, 0).admitted);
    }
}
