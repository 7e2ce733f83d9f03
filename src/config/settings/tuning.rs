//! `[cache]`, `[retry]` and `[breaker]`.

use std::time::Duration;

/// The response cache.
#[derive(Clone, Copy, Debug)]
pub struct Cache {
    /// Bytes over all entries, keys and overhead included; 0 is off.
    pub max_bytes: u64,
    /// How long a stale entry may be served while it is renewed (RFC 5861 §3).
    pub stale_while_revalidate: Duration,
    /// How long a stale entry may be served when renewing fails (RFC 5861 §4).
    pub stale_if_error: Duration,
}

/// Retries of what is safe to resend.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Retries after the first attempt.
    pub attempts: u32,
    /// Retries per request, over ten seconds: 0.1 is one in ten.
    pub budget: f64,
}

/// The circuit breaker of each upstream.
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    /// The share of failures that opens it.
    pub failures: f64,
    /// Requests in the window before it may open.
    pub minimum: u32,
    /// The window over which it counts.
    pub window: Duration,
    /// How long it stays open.
    pub open: Duration,
}
