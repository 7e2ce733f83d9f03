//! State that outlives a request: counters of limits, and the Redis that replicas share.

pub use self::gcra::{Decision, Limiter};
pub use self::limiters::Limiters;
pub use self::redis::{Redis, StoreError, Use};

mod gcra;
mod limiters;
pub mod redis;
