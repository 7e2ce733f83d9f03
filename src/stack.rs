//! The life of a request, outermost layer first: the table of contents of this program.

use std::convert::Infallible;
use std::sync::Arc;

use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;

use crate::clock::SharedClock;
use crate::config::{self, Config};
use crate::edge::observe::ObserveLayer;
use crate::edge::request_id::RequestIdLayer;
use crate::edge::rescue::RescueLayer;
use crate::edge::sanitize::Sanitize;
use crate::gate::GateLayer;
use crate::metrics::Metrics;
use crate::policy::authenticate::{AuthenticateLayer, Authenticator};
use crate::policy::authorize::Authorize;
use crate::policy::cache::{CacheLayer, ResponseCache};
use crate::policy::complete::CompleteLayer;
use crate::policy::deadline::DeadlineLayer;
use crate::policy::idempotency::Idempotency;
use crate::policy::rate_limit::RateLimit;
use crate::policy::route::Route;
use crate::policy::validate::ValidateLayer;
use crate::refusal::Refusal;
use crate::service::{SeamLayer, Service};
use crate::snapshot::Snapshots;
use crate::stage::{Arrival, Outbound};
use crate::upstream::breaker::{BreakerLayer, Breakers};
use crate::upstream::concurrency::{ConcurrencyLayer, InFlight};
use crate::upstream::quota::{Quota, Pauses};
use crate::upstream::retry::{Budget, RetryLayer};
use crate::upstream::token::{TokenLayer, Tokens};

/// What all workers share: with four of them there is still one limit, one mint, one flight, one breaker.
pub struct Shared {
    /// The configuration in force at the start.
    pub config: Arc<Config>,
    /// The gateway's clock.
    pub clock: SharedClock,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// The snapshot in force.
    pub snapshots: Arc<Snapshots>,
    /// Upstream tokens.
    pub tokens: Arc<Tokens>,
    /// The response cache.
    pub cache: Arc<ResponseCache>,
}

/// Builds one worker's stack over `forward`, which is the worker's own.
///
/// Each layer stands where it stands for the reason beside it.
pub fn stack<F>(shared: &Shared, tasks: &TaskTracker, forward: F) -> impl Service<Arrival, Error = Infallible>
where
    F: Service<Outbound, Error = Refusal>,
{
    let Shared { config, clock, metrics, snapshots, tokens, cache } = shared;
    ServiceBuilder::new()
        // edge
        .layer(RequestIdLayer::new(clock.clone())) // 1: everything below names it
        .layer(ObserveLayer::new(metrics.clone(), config.telemetry.access_log)) // 2: sees panics and abandonment too
        .layer(SeamLayer)
        .layer(RescueLayer) // 3: the one place where an error becomes a response
        .layer(GateLayer::new(Sanitize::new(&config.server))) // 4: nothing below sees a forged field
        .service(forward)
}
