//! The task of one source: it waits until an attempt is due, makes it, and publishes what came of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, Uri};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::answer::{self, Minted};
use super::endpoint::{TIMEOUT, TokenEndpoint};
use super::expiry::Expiry;
use super::failure::Failure;
use super::secrets::ClientSecrets;
use super::source::Source;
use super::{Token, request};
use crate::clock::SharedClock;
use crate::config;
use crate::metrics::{Metrics, TokenResult};

/// How often the secrets of a rejected credential are looked at: if they changed, there is no reason left to hold back.
const SECRETS_POLL: Duration = Duration::from_secs(2);

/// Makes one source's requests for tokens, one at a time.
pub(super) struct Minter<E> {
    pub source: Arc<Source>,
    pub credential: config::Credential,
    pub url: Uri,
    pub endpoint: Arc<E>,
    pub expiry: Expiry,
    pub metrics: Arc<Metrics>,
    pub clock: SharedClock,
    /// What the last request was made with, while it counts as rejected.
    pub rejected: Option<ClientSecrets>,
}

/// Ends the waiting of callers when there is nobody left to mint.
struct Stopped(Arc<Source>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.update(super::life::Life::stop);
    }
}

impl<E: TokenEndpoint> Minter<E> {
    /// Mints until `shutdown`.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let _stopped = Stopped(Arc::clone(&self.source));
        let minting = async {
            loop {
                self.due().await;
                self.mint().await;
            }
        };
        shutdown.run_until_cancelled(minting).await;
    }

    /// Waits until an attempt is due, which may turn out to be sooner than it was at first.
    async fn due(&self) {
        loop {
            let due = self.source.due();
            if due <= self.clock.now() {
                return;
            }
            tokio::select! {
                () = self.clock.sleep_until(due) => {}
                () = self.source.hurried() => {}
                () = self.secrets_changed() => {
                    let now = self.clock.now();
                    self.source.update(|life| life.hasten(now));
                }
            }
        }
    }

    /// Ends when a rejected credential has other secrets than those that were rejected.
    async fn secrets_changed(&self) {
        let Some(rejected) = &self.rejected else { return std::future::pending().await };
        loop {
            if self.secrets().await.is_ok_and(|secrets| secrets != *rejected) {
                return;
            }
            self.clock.sleep_until(self.clock.now() + SECRETS_POLL).await;
        }
    }

    async fn mint(&mut self) {
        self.source.update(super::life::Life::begin);
        // A defect in here must end neither the task nor the callers' hopes.
        let outcome = AssertUnwindSafe(self.attempt()).catch_unwind().await.unwrap_or(Err(Failure::Internal));
        let now = self.clock.now();
        let label = outcome.as_ref().map_or_else(|failure| failure.label(), |_| "ok");
        let labels = TokenResult { credential: self.credential.name.as_str(), result: label };
        self.metrics.upstream_token_requests_total.with(labels).inc();
        let failure = outcome.as_ref().err().copied();
        let token = self.source.update(|life| {
            life.finish(outcome, now, fastrand::f64());
            life.token().cloned()
        });
        match (failure, token) {
            (Some(failure), _) => self.tell_failure(failure, now),
            (None, Some(token)) => self.tell_token(&token, now),
            (None, None) => {}
        }
    }

    /// One request for a token, and the instant at which it was sent.
    async fn attempt(&mut self) -> Result<(Minted, Instant), Failure> {
        let secrets = self.secrets().await?;
        let request = request::build(self.credential.token_request, &self.url, &secrets)?;
        let sent = self.clock.now();
        let outcome = self.ask(request).await.and_then(|answer| answer::read(answer, self.clock.wall()));
        self.rejected = outcome.as_ref().is_err_and(|failure| failure.is_rejection()).then_some(secrets);
        Ok((outcome?, sent))
    }

    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let answer = timeout(TIMEOUT, self.endpoint.ask(request)).await.map_err(|_| Failure::Timeout)?;
        answer.map_err(|unanswered| {
            tracing::debug!(cause = unanswered.cause, "the token endpoint gave no answer");
            unanswered.failure
        })
    }

    /// Client id and secret as they are now, read where blocking is allowed.
    async fn secrets(&self) -> Result<ClientSecrets, Failure> {
        let credential = self.credential.clone();
        let read = tokio::task::spawn_blocking(move || ClientSecrets::read(&credential));
        read.await.unwrap_or(Err(Failure::Internal))
    }

    fn tell_failure(&self, failure: Failure, now: Instant) {
        let retry_in = self.source.due().saturating_duration_since(now);
        let result = failure.label();
        tracing::warn!(result, ?retry_in, "no new token: {failure}");
    }

    fn tell_token(&self, token: &Token, now: Instant) {
        let left = token.expires().saturating_duration_since(now);
        self.expiry.set(self.clock.wall() + left);
        tracing::info!(generation = token.generation(), expires_in = ?left, "token minted");
        let lacking = self.source.lacked_by(token);
        if !lacking.is_empty() {
            let lacking: Vec<&str> = lacking.iter().map(crate::scope::Scope::as_str).collect();
            tracing::warn!(scopes = lacking.join(" "), "tenants are promised scopes that the credential was not granted");
        }
    }
}
