//! State that outlives a request: counters of limits, records of writes, and the Redis that replicas share.

pub use self::callers::CallerLimits;
pub use self::counter::Counter;
pub use self::gcra::{Decision, Limiter};
pub use self::limiters::Limiters;
pub use self::priority::Priority;
pub use self::redis::{Redis, StoreError, Use};
pub use self::shared::{Ask, Grant, Ledger, Replicas, Shared, Taken};

mod callers;
mod counter;
mod gcra;
mod limiters;
mod priority;
pub mod records;
pub mod redis;
mod shared;
