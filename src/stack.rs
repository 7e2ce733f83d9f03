//! The life of a request, outermost layer first: the table of contents of this program.

use std::convert::Infallible;
use std::sync::Arc;

use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;

use crate::audit::Audit;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::edge::observe::ObserveLayer;
use crate::edge::request_id::RequestIdLayer;
use crate::edge::rescue::RescueLayer;
use crate::edge::sanitize::Sanitize;
use crate::gate::GateLayer;
use crate::metrics::Metrics;
use crate::policy::audit::{AuditAskedLayer, AuditWritesLayer};
use crate::policy::authenticate::{AuthenticateLayer, Failures, IssuerKeys};
use crate::policy::authorize::Authorize;
use crate::policy::cache::{CacheLayer, ResponseCache};
use crate::policy::complete::CompleteLayer;
use crate::policy::deadline::DeadlineLayer;
use crate::policy::idempotency::{Idempotency, IdempotencyLayer};
use crate::policy::rate_limit::RateLimitLayer;
use crate::policy::route::Route;
use crate::policy::validate::ValidateLayer;
use crate::refusal::Refusal;
use crate::service::{SeamLayer, Service};
use crate::snapshot::Snapshots;
use crate::stage::{Arrival, Outbound};
use crate::store::Redis;
use crate::trace::Tracer;
use crate::transport::{Connect, Connector};
use crate::upstream::breaker::{BreakerLayer, Breakers};
use crate::upstream::concurrency::{ConcurrencyLayer, InFlight};
use crate::upstream::quota::{Quota, QuotaLayer};
use crate::upstream::retry::{Budget, RetryLayer};
use crate::upstream::token::{TokenLayer, Tokens};

/// What all workers share: with four of them there is still one limit, one mint, one flight, one breaker.
pub struct Shared<C = Connector> {
    /// The configuration in force.
    pub config: Arc<Config>,
    /// The gateway's clock.
    pub clock: SharedClock,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// Begins traces, if they are wanted.
    pub tracer: Option<Arc<Tracer>>,
    /// The audit trail, if there is one.
    pub audit: Option<Arc<Audit>>,
    /// The snapshot in force.
    pub snapshots: Arc<Snapshots>,
    /// The issuers' keys, and how fetching them goes.
    pub keys: Arc<IssuerKeys>,
    /// Failed attempts to authenticate, by peer.
    pub failures: Arc<Failures>,
    /// What replicas share; none is one replica alone.
    pub redis: Option<Arc<Redis>>,
    /// Records of writes that bear a key.
    pub idempotency: Arc<Idempotency>,
    /// Stored answers and flights.
    pub cache: Arc<ResponseCache>,
    /// Retries left.
    pub budget: Arc<Budget>,
    /// Upstream tokens.
    pub tokens: Arc<Tokens>,
    /// The budget toward Passport.
    pub quota: Arc<Quota>,
    /// Upstreams that are failing.
    pub breakers: Arc<Breakers<C>>,
    /// Requests in flight.
    pub in_flight: Arc<InFlight>,
}

/// Builds one worker's stack. `writes` are the tasks that drain waits for; `forward` is the worker's own.
///
/// Each layer stands where it stands for the reason beside it.
pub fn stack<C, F>(shared: &Shared<C>, writes: TaskTracker, forward: F) -> impl Service<Arrival, Error = Infallible> + use<C, F>
where
    C: Connect,
    F: Service<Outbound, Error = Refusal>,
{
    let Shared { config, clock, metrics, snapshots, .. } = shared;
    let server = &config.server;
    let clock = || Arc::clone(clock);
    let metrics = || Arc::clone(metrics);
    let snapshots = || Arc::clone(snapshots);
    ServiceBuilder::new()
        // edge
        .layer(RequestIdLayer::new(clock())) // everything below names it
        .layer(ObserveLayer::new(metrics(), shared.tracer.clone(), config.telemetry.access_log)) // sees panics and abandonment too
        .layer(SeamLayer)
        .layer(RescueLayer) // the one place where an error becomes a response
        .layer(GateLayer::new(Sanitize::new(server))) // nothing below sees a forged or ambiguous field
        // policy
        .layer(GateLayer::new(Route::new(snapshots()))) // deny by default; binds the request to one snapshot
        .layer(AuditAskedLayer::new(shared.audit.clone())) // who is denied, and writes that never begin
        .layer(DeadlineLayer) // one time budget for all that follows
        .layer(AuthenticateLayer::new(snapshots(), shared.keys.clone(), shared.failures.clone(), clock())) // who asks
        .layer(GateLayer::new(Authorize)) // one bit; before anything is counted or read
        .layer(RateLimitLayer::new(clock(), metrics())) // the tenant's own; cache hits count
        .layer(ValidateLayer) // the only reader of the body; a 400 costs nothing upstream
        .layer(CompleteLayer::new(writes.clone())) // from here on a write runs to its end
        .layer(AuditWritesLayer::new(shared.audit.clone())) // each write leaves a record, or does not leave
        .layer(IdempotencyLayer::new(shared.idempotency.clone(), writes)) // at most one forward per key
        .layer(CacheLayer::new(shared.cache.clone())) // hits end here; writes invalidate
        .layer(SeamLayer)
        // upstream
        .layer(RetryLayer::new(shared.budget.clone(), clock(), metrics())) // each attempt pays below
        .layer(TokenLayer::new(shared.tokens.clone())) // swaps the credential; deals with the ambiguous 401
        .layer(QuotaLayer::new(shared.quota.clone())) // charged per attempt, as Passport counts
        .layer(BreakerLayer::new(shared.breakers.clone())) // above shedding: our own refusals are no failures
        .layer(ConcurrencyLayer::new(shared.in_flight.clone())) // refuses, never queues; held until the body's end
        .service(forward) // streams both ways over pooled connections
}

#[cfg(test)]
mod tests;
