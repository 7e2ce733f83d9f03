//! The layers between the gateway's policies and Passport, and the connections they end in.
//!
//! What must count over all workers (tokens, breakers, permits, budgets, pauses) is made once and handed to every stack; a pool
//! belongs to one worker.

pub mod breaker;
pub mod concurrency;
pub mod destination;
pub mod forward;
pub mod pool;
pub mod quota;
pub mod retry;
pub mod token;

mod retry_after;
mod window;

#[cfg(test)]
mod testing;
