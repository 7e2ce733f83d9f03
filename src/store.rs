//! State that outlives a request: counters of limits.

pub use self::gcra::{Decision, Limiter};
pub use self::limiters::Limiters;

mod gcra;
mod limiters;
