//! Layer 10: the limit of the operation's class, then the tenant's own, then the caller's; cache hits count.
//!
//! A limit of this replica alone is decided at once. One that replicas share may wait for Redis, and for nothing else.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;
use tower_layer::Layer;

use crate::clock::SharedClock;
use crate::exchange::LimitState;
use crate::metrics::{LimitDecision, Metrics, Shadow};
use crate::refusal::{Refusal, whole_seconds};
use crate::service::{Response, Service};
use crate::snapshot::Limit;
use crate::stage::Authorized;
use crate::store::{Counter, Decision, Priority};
use crate::trace::Stage;

/// Counts a request against the limits of its class, its tenant and its caller.
#[derive(Clone)]
pub struct RateLimitLayer {
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

impl RateLimitLayer {
    /// Decides by `clock`'s monotonic time.
    #[must_use]
    pub fn new(clock: SharedClock, metrics: Arc<Metrics>) -> Self {
        Self { clock, metrics }
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit { policy: self.clone(), inner }
    }
}

/// The service of [`RateLimitLayer`].
pub struct RateLimit<S> {
    policy: RateLimitLayer,
    inner: S,
}

impl<S: Service<Authorized, Error = Refusal>> Service<Authorized> for RateLimit<S> {
    type Error = Refusal;

    async fn call(&self, request: Authorized) -> Result<Response, Refusal> {
        self.policy.admit(&request).await?;
        self.inner.call(request).await
    }
}

/// One limit that applies to a request.
struct Applied<'a> {
    kind: &'static str,
    policy: &'static str,
    policy_field: &'a HeaderValue,
    shadow: bool,
    jitter: Duration,
}

impl RateLimitLayer {
    /// Counts the request; refuses it by the first limit that is reached, and leaves those behind it uncharged.
    async fn admit(&self, request: &Authorized) -> Result<(), Refusal> {
        let (tenant, effect, now) = (request.tenant(), request.operation().effect, self.clock.now());
        let mut tightest = None;
        if let Some(limit) = tenant.class_limit(effect) {
            let decision = decide(&limit.counter, request, now).await;
            self.settle(&Applied::new("class", effect.as_str(), limit), decision, request, &mut tightest)?;
        }
        if let Some(limit) = &tenant.limit {
            let decision = decide(&limit.counter, request, now).await;
            self.settle(&Applied::new("tenant", "tenant", limit), decision, request, &mut tightest)?;
        }
        if let Some(limit) = &tenant.caller_limit {
            let decision = limit.counter.decide(request.caller().key, now);
            self.settle(&Applied::new("caller", "caller", limit), decision, request, &mut tightest)?;
        }
        if let Some(tightest) = tightest {
            request.exchange().set_limit(tightest);
        }
        Ok(())
    }

    /// Counts a decision, keeps the tightest, and refuses what a limit denies that is enforced.
    fn settle(
        &self,
        limit: &Applied<'_>,
        mut decision: Decision,
        request: &Authorized,
        tightest: &mut Option<LimitState>,
    ) -> Result<(), Refusal> {
        self.count(limit, request, decision.admitted);
        if !decision.admitted && !limit.shadow {
            decision.wait += limit.jitter.mul_f64(fastrand::f64());
            request.exchange().set_limit(limit.state(decision));
            return Err(Refusal::RateLimited(decision.wait));
        }
        if tightest.as_ref().is_none_or(|tightest| decision.remaining < tightest.remaining) {
            *tightest = Some(limit.state(decision));
        }
        Ok(())
    }

    fn count(&self, limit: &Applied<'_>, request: &Authorized, admitted: bool) {
        let decision = if admitted { "allowed" } else { "denied" };
        let labels = LimitDecision { limit: limit.kind, name: request.tenant().name.as_str(), decision };
        self.metrics.limit_decisions_total.with(labels).inc();
        if limit.shadow && !admitted {
            let labels = Shadow { operation: &request.operation().name, problem: "rate-limited" };
            self.metrics.shadow_denials_total.with(labels).inc();
        }
    }
}

/// Decides at once, or waits for Redis.
async fn decide(counter: &Counter, request: &Authorized, now: Instant) -> Decision {
    if let Some(decision) = counter.decide(now, Priority::High) {
        return decision;
    }
    let _span = request.exchange().span(Stage::Store);
    let since = Instant::now();
    let decision = Box::pin(counter.ask(now, Priority::High)).await;
    request.exchange().add_waited(since.elapsed());
    decision
}

impl<'a> Applied<'a> {
    fn new<C>(kind: &'static str, policy: &'static str, limit: &'a Limit<C>) -> Self {
        Self { kind, policy, policy_field: &limit.policy_field, shadow: limit.shadow, jitter: limit.jitter }
    }

    /// What the `RateLimit` fields say; `t` and `Retry-After` name the same instant.
    fn state(&self, decision: Decision) -> LimitState {
        LimitState {
            policy: self.policy,
            policy_field: self.policy_field.clone(),
            remaining: decision.remaining,
            reset: if decision.wait.is_zero() { 0 } else { whole_seconds(decision.wait) },
        }
    }
}
