//! Layer 16: sends again what is safe to send again, a few times, under a budget.
//!
//! Safe is a request of which no byte was given to a socket, and a read. It stands above token and quota, so that each attempt
//! has the current bearer and pays.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use tokio::time::{Instant, sleep};
use tower_layer::Layer;

use crate::catalogue::Effect;
use crate::clock::SharedClock;
use crate::metrics::{Metrics, UpstreamReason};
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::snapshot::Bounds;
use crate::stage::Validated;

pub use self::budget::Budget;

mod budget;

/// The longest first pause; each next one may be twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// Sends again what is safe to send again.
#[derive(Clone)]
pub struct RetryLayer {
    budget: Arc<Budget>,
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

impl RetryLayer {
    /// As many retries as the request's snapshot grants, as far as `budget` allows.
    #[must_use]
    pub fn new(budget: Arc<Budget>, clock: SharedClock, metrics: Arc<Metrics>) -> Self {
        Self { budget, clock, metrics }
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        Retry { policy: self.clone(), inner }
    }
}

/// The service of [`RetryLayer`].
pub struct Retry<S> {
    policy: RetryLayer,
    inner: S,
}

impl<S: Service<Validated, Error = Refusal>> Service<Validated> for Retry<S> {
    type Error = Refusal;

    async fn call(&self, request: Validated) -> Result<Response, Refusal> {
        self.policy.budget.deposit(self.policy.clock.now());
        let mut retries = 0;
        loop {
            let answer = self.inner.call(request.clone()).await;
            let Some(reason) = reason(request.operation().effect, &answer) else { return answer };
            let Some(pause) = self.policy.grant(retries, &request) else { return answer };
            // The answer is given up, and with it its connection, unless that was free already.
            drop(answer);
            self.policy.count(&request, reason);
            let since = Instant::now();
            sleep(pause).await;
            request.exchange().add_upstream(since.elapsed());
            retries += 1;
        }
    }
}

impl RetryLayer {
    /// The pause before the next attempt, with full jitter; none if there must be no next attempt.
    fn grant(&self, retries: u32, request: &Validated) -> Option<Duration> {
        let pause = FIRST_PAUSE.mul_f64(f64::from(1 << retries.min(8)) * fastrand::f64());
        let in_time = Instant::now() + pause < request.deadline();
        let Bounds { retries: most, retry_budget, .. } = request.snapshot().bounds;
        (retries < most && in_time && self.budget.withdraw(retry_budget, self.clock.now())).then_some(pause)
    }

    fn count(&self, request: &Validated, reason: &str) {
        let upstream = &request.snapshot().catalogue.upstream(request.operation().upstream).name;
        self.metrics.upstream_retries_total.with(UpstreamReason { upstream, reason }).inc();
    }
}

/// Why a request may be sent again; none if it must not be.
fn reason(effect: Effect, answer: &Result<Response, Refusal>) -> Option<&'static str> {
    match (answer, effect) {
        (Err(Refusal::UpstreamUnreachable(Sent::Nothing)), _) => Some("unreachable"),
        (Err(Refusal::UpstreamUnreachable(Sent::Something)), Effect::Read) => Some("reset"),
        (Err(Refusal::UpstreamInvalidResponse), Effect::Read) => Some("invalid_response"),
        // One that names a time wants to be left alone until then.
        (Ok(answer), Effect::Read) if !answer.headers().contains_key(header::RETRY_AFTER) => match answer.status().as_u16() {
            502 => Some("502"),
            503 => Some("503"),
            504 => Some("504"),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
