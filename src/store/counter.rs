//! A limit as requests meet it: decided here at once, or together with the other replicas.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Decision, Limiter, Priority, Shared};
use crate::rate::Rate;

/// A limit.
#[derive(Debug)]
pub enum Counter {
    /// This replica's own.
    Own(Limiter),
    /// One for all replicas, kept in Redis.
    Shared(Arc<Shared>),
}

impl Counter {
    /// The rate it admits.
    #[must_use]
    pub fn rate(&self) -> Rate {
        match self {
            Self::Own(limiter) => limiter.rate(),
            Self::Shared(shared) => shared.rate(),
        }
    }

    /// Decides about one request if that needs no waiting; if it does, [`ask`](Self::ask).
    #[must_use]
    pub fn decide(&self, now: Instant, priority: Priority) -> Option<Decision> {
        match self {
            Self::Own(limiter) => Some(limiter.decide(now, priority.reserve(limiter.rate().burst.get()))),
            Self::Shared(shared) => shared.decide(now, priority),
        }
    }

    /// Decides about one request, and waits for Redis if it must: for one answer that is not late.
    pub async fn ask(&self, now: Instant, priority: Priority) -> Decision {
        match self {
            Self::Own(limiter) => limiter.decide(now, priority.reserve(limiter.rate().burst.get())),
            Self::Shared(shared) => shared.ask(now, priority).await,
        }
    }

    /// Where it stands, as far as this replica knows, with nothing counted.
    #[must_use]
    pub fn peek(&self, now: Instant) -> Decision {
        match self {
            Self::Own(limiter) => limiter.peek(now),
            Self::Shared(shared) => shared.peek(now),
        }
    }
}
