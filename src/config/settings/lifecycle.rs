//! `[lifecycle]`: start and stop.

use std::time::Duration;

/// When the gateway counts as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Every credential and issuer has ended its first attempt, either way.
    Attempted,
    /// At least one credential has a token.
    Any,
    /// Every credential has a token and every issuer its keys.
    All,
}

/// Start and stop.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// What makes `/readyz` answer 200.
    pub readiness: Readiness,
    /// After SIGTERM: not ready, still serving.
    pub pre_drain: Duration,
    /// Then: how long in-flight work may take to finish.
    pub drain: Duration,
}
