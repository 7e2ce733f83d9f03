//! Layer 9: the limit of the operation's class, then the tenant's own; cache hits count.

use std::sync::Arc;

use crate::clock::SharedClock;
use crate::exchange::{Exchange, LimitState};
use crate::gate::Gate;
use crate::metrics::{LimitDecision, Metrics, Shadow};
use crate::refusal::{Refusal, whole_seconds};
use crate::snapshot::Limit;
use crate::stage::Authorized;
use crate::store::Decision;

/// Counts a request against its tenant's limits.
pub struct RateLimit {
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

impl RateLimit {
    /// Decides by `clock`'s monotonic time.
    #[must_use]
    pub fn new(clock: SharedClock, metrics: Arc<Metrics>) -> Self {
        Self { clock, metrics }
    }
}

impl Gate<Authorized> for RateLimit {
    type Out = Authorized;

    fn admit(&self, request: Authorized) -> Result<Authorized, Refusal> {
        let tenant = request.tenant();
        let effect = request.operation().effect;
        let limits = [("class", effect.as_str(), tenant.class_limit(effect)), ("tenant", "tenant", tenant.limit.as_ref())];
        let mut tightest: Option<LimitState> = None;
        for (kind, policy, limit) in limits {
            let Some(limit) = limit else { continue };
            let decision = limit.limiter.decide(self.clock.now(), 0);
            self.count(kind, &request, decision, limit.shadow);
            let state = state(policy, limit, decision);
            if !decision.admitted && !limit.shadow {
                request.exchange().set_limit(state);
                return Err(Refusal::RateLimited(decision.wait));
            }
            if tightest.is_none_or(|tightest| state.remaining < tightest.remaining) {
                tightest = Some(state);
            }
        }
        tell(request.exchange(), tightest);
        Ok(request)
    }
}

impl RateLimit {
    fn count(&self, limit: &str, request: &Authorized, decision: Decision, shadow: bool) {
        let outcome = if decision.admitted { "allowed" } else { "denied" };
        let labels = LimitDecision { limit, name: request.tenant().name.as_str(), decision: outcome };
        self.metrics.limit_decisions_total.with(labels).inc();
        if shadow && !decision.admitted {
            let labels = Shadow { operation: &request.operation().name, problem: "rate-limited" };
            self.metrics.shadow_denials_total.with(labels).inc();
        }
    }
}

fn tell(exchange: &Exchange, tightest: Option<LimitState>) {
    if let Some(tightest) = tightest {
        exchange.set_limit(tightest);
    }
}

/// What the `RateLimit` fields say; `t` and `Retry-After` name the same instant.
fn state(policy: &'static str, limit: &Limit, decision: Decision) -> LimitState {
    let rate = limit.limiter.rate();
    LimitState {
        policy,
        quota: rate.burst.get(),
        window: whole_seconds(rate.window()),
        remaining: decision.remaining,
        reset: if decision.wait.is_zero() { 0 } else { whole_seconds(decision.wait) },
    }
}
