//! Layer 18: the budget toward Passport, charged per attempt as Passport counts, and the pauses that Passport asks for.
//!
//! Priority is by reserve, not by queue: reads leave the last 30 % of the burst to writes, and those the last 10 % to payments.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tower_layer::Layer;

use super::retry_after::retry_after;
use crate::catalogue::Effect;
use crate::clock::SharedClock;
use crate::metrics::{LimitDecision, Metrics, Shadow};
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::snapshot::Limit;
use crate::stage::{Outbound, Validated};
use crate::store::{Counter, Decision, Priority};
use crate::tenant::CredentialName;
use crate::trace::Stage;

/// Decides who may still use a credential, for all workers.
pub struct Quota {
    clock: SharedClock,
    metrics: Arc<Metrics>,
    /// Until when Passport wants a credential's requests to stop. One entry per configured credential at most.
    pauses: Mutex<HashMap<CredentialName, Instant>>,
}

impl Quota {
    /// Nothing is charged yet, nothing paused.
    #[must_use]
    pub fn new(clock: SharedClock, metrics: Arc<Metrics>) -> Self {
        Self { clock, metrics, pauses: Mutex::default() }
    }

    /// Remembers a pause that Passport asked for. Of several, whose answers may overtake each other, the longest holds.
    fn heed(&self, credential: &CredentialName, answer: &Response) {
        if !matches!(answer.status().as_u16(), 429 | 503) {
            return;
        }
        if let Some(wait) = retry_after(answer.headers(), self.clock.wall()) {
            let until = self.clock.now() + wait;
            let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
            let pause = pauses.entry(credential.clone()).or_insert(until);
            *pause = until.max(*pause);
            drop(pauses);
            tracing::warn!(credential = credential.as_str(), seconds = wait.as_secs(), "Passport asked for a pause; reads wait");
        }
    }

    fn pause(&self, credential: &CredentialName, now: Instant) -> Option<Duration> {
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let until = *pauses.get(credential)?;
        if until <= now {
            pauses.remove(credential);
            return None;
        }
        Some(until - now)
    }

    async fn charge(&self, request: &Validated, limit: &Limit, now: Instant) -> Result<(), Refusal> {
        let decision = decide(&limit.counter, request, now).await;
        self.count(request, decision.admitted);
        match decision {
            Decision { admitted: true, .. } => Ok(()),
            Decision { wait, .. } if !limit.shadow => {
                Err(Refusal::UpstreamQuotaExhausted(wait + limit.jitter.mul_f64(fastrand::f64())))
            }
            Decision { .. } => {
                let labels = Shadow { operation: &request.operation().name, problem: "upstream-quota-exhausted" };
                self.metrics.shadow_denials_total.with(labels).inc();
                Ok(())
            }
        }
    }

    fn count(&self, request: &Validated, admitted: bool) {
        let decision = if admitted { "allowed" } else { "denied" };
        let name = request.credential().1.name.as_str();
        self.metrics.limit_decisions_total.with(LimitDecision { limit: "quota", name, decision }).inc();
    }
}

impl Quota {
    /// Charges an attempt, unless it has to wait.
    async fn admit(&self, request: &Outbound) -> Result<(), Refusal> {
        let validated = request.validated();
        let (_, credential) = validated.credential();
        let now = self.clock.now();
        if validated.operation().effect == Effect::Read
            && let Some(wait) = self.pause(&credential.name, now)
        {
            self.count(validated, false);
            return Err(Refusal::UpstreamQuotaExhausted(wait));
        }
        if let Some(quota) = &credential.quota {
            self.charge(validated, quota, now).await?;
        }
        Ok(())
    }
}

/// Decides about one attempt; waits only for Redis, where replicas share the quota.
async fn decide(counter: &Counter, request: &Validated, now: Instant) -> Decision {
    let priority = match request.operation().effect {
        Effect::Read => Priority::Low,
        Effect::Write => Priority::Middle,
        Effect::Money => Priority::High,
    };
    if let Some(decision) = counter.decide(now, priority) {
        return decision;
    }
    let since = Instant::now();
    let span = request.exchange().span(Stage::Store);
    let decision = Box::pin(counter.ask(now, priority)).await;
    drop(span);
    request.exchange().add_waited(since.elapsed());
    decision
}

/// Charges each attempt, and heeds what Passport answers to it.
#[derive(Clone)]
pub struct QuotaLayer(Arc<Quota>);

impl QuotaLayer {
    /// Asks `quota`.
    #[must_use]
    pub fn new(quota: Arc<Quota>) -> Self {
        Self(quota)
    }
}

impl<S> Layer<S> for QuotaLayer {
    type Service = Charged<S>;

    fn layer(&self, inner: S) -> Charged<S> {
        Charged { quota: Arc::clone(&self.0), inner }
    }
}

/// The service of [`QuotaLayer`].
pub struct Charged<S> {
    quota: Arc<Quota>,
    inner: S,
}

impl<S: Service<Outbound, Error = Refusal>> Service<Outbound> for Charged<S> {
    type Error = Refusal;

    async fn call(&self, request: Outbound) -> Result<Response, Refusal> {
        self.quota.admit(&request).await?;
        let credential = request.validated().credential().1.name.clone();
        let answer = self.inner.call(request).await?;
        self.quota.heed(&credential, &answer);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
