//! The task of one source: it waits until an attempt is due, makes it, and publishes what came of it.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::Uri;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::answer::{self, Minted};
use super::endpoint::{TIMEOUT, TokenEndpoint, Unanswered};
use super::expiry::Expiry;
use super::failure::Failure;
use super::life::Life;
use super::request;
use super::revocation::{self, Live};
use super::secrets::ClientSecrets;
use super::source::Source;
use crate::clock::SharedClock;
use crate::config;
use crate::metrics::{Metrics, TokenResult};
use crate::scope::Scope;

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
    /// What the last request was made with, if it was rejected.
    pub rejected: Option<ClientSecrets>,
    /// What is to be revoked in the end; nothing if it is not asked for.
    pub live: Live,
}

/// Ends the waiting of callers when there is nobody left to mint.
struct Stopped(Arc<Source>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.update(Life::stop);
    }
}

impl<E: TokenEndpoint> Minter<E> {
    /// Mints until `shutdown`, and revokes what it minted if it is to.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let stopped = Stopped(Arc::clone(&self.source));
        let minting = async {
            loop {
                self.due().await;
                self.mint().await;
            }
        };
        shutdown.run_until_cancelled(minting).await;
        drop(stopped);
        revocation::revoke(&self.live, &self.url, &*self.endpoint, self.clock.now()).await;
    }

    /// Waits until an attempt is due, which may turn out to be sooner than it was at first.
    async fn due(&self) {
        let mut changed = pin!(self.secrets_changed());
        loop {
            let due = self.source.due();
            if due <= self.clock.now() {
                return;
            }
            tokio::select! {
                () = self.clock.sleep_until(due) => {}
                () = self.source.hurried() => {}
                () = &mut changed => {
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
        self.source.update(Life::begin);
        // A defect in here must end neither the task nor the callers' hopes.
        let outcome = AssertUnwindSafe(self.attempt()).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| Err(Failure::Internal.into()));
        let now = self.clock.now();
        match outcome {
            Ok(minted) => {
                self.finish(Ok(minted), now);
                self.count("ok");
                self.tell_token(now);
            }
            Err(Unanswered { failure, cause }) => {
                self.finish(Err(failure), now);
                self.count(failure.label());
                let retry_in = self.source.due().saturating_duration_since(now);
                tracing::warn!(result = failure.label(), cause, retry_in_s = retry_in.as_secs_f64(), "no new token: {failure}");
            }
        }
    }

    /// One request for a token, and the instant at which it was sent.
    async fn attempt(&mut self) -> Result<(Minted, Instant), Unanswered> {
        let secrets = self.secrets().await?;
        let request = request::build(self.credential.token_request, &self.url, &secrets)?;
        let sent = self.clock.now();
        let answer = timeout(TIMEOUT, self.endpoint.ask(request)).await.unwrap_or(Err(Failure::Timeout.into()))?;
        let minted = answer::read(answer, self.clock.wall());
        self.rejected = minted.as_ref().is_err_and(|failure| failure.is_rejection()).then_some(secrets);
        Ok((minted?, sent))
    }

    /// Client id and secret as they are now, read where blocking is allowed.
    async fn secrets(&self) -> Result<ClientSecrets, Unanswered> {
        let credential = self.credential.clone();
        let read = tokio::task::spawn_blocking(move || ClientSecrets::read(&credential));
        Ok(read.await.map_err(|_| Failure::Internal)??)
    }

    fn finish(&self, outcome: Result<(Minted, Instant), Failure>, now: Instant) {
        self.source.update(|life| life.finish(outcome, now, fastrand::f64()));
    }

    fn count(&self, result: &str) {
        let labels = TokenResult { credential: self.credential.name.as_str(), result };
        self.metrics.upstream_token_requests_total.with(labels).inc();
    }

    fn tell_token(&mut self, now: Instant) {
        let Some(token) = self.source.newest() else { return };
        if self.credential.revoke_on_shutdown {
            self.live.add(&token, now);
        }
        let left = token.expires().saturating_duration_since(now);
        let wall = self.clock.wall();
        self.expiry.set(wall - now.saturating_duration_since(token.sent), wall + left);
        tracing::info!(generation = token.generation(), expires_in_s = left.as_secs(), "token minted");
        let lacking = self.source.lacked_by(&token);
        if !lacking.is_empty() {
            let scopes: Vec<&str> = lacking.iter().map(Scope::as_str).collect();
            tracing::warn!(scopes = scopes.join(" "), "tenants are promised scopes that the credential was not granted");
        }
    }
}
