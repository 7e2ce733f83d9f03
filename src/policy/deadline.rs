//! Layer 6: one time budget for all that follows.
//!
//! The time a caller takes to send its body is not Passport's, so the budget starts anew when the body has been validated; the
//! body has a time-out of its own.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tower_layer::Layer;

use crate::exchange::Exchange;
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::stage::Routed;

/// Ends a request whose budget is used up.
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer {
    body_timeout: Duration,
}

impl DeadlineLayer {
    /// Grants the operation's budget, and `body_timeout` on top until the body has come.
    #[must_use]
    pub fn new(body_timeout: Duration) -> Self {
        Self { body_timeout }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { body_timeout: self.body_timeout, inner }
    }
}

/// The service of [`DeadlineLayer`].
#[derive(Debug)]
pub struct Deadline<S> {
    body_timeout: Duration,
    inner: S,
}

impl<S: Service<Routed, Error = Refusal>> Service<Routed> for Deadline<S> {
    type Error = Refusal;

    async fn call(&self, request: Routed) -> Result<Response, Refusal> {
        let exchange = request.exchange().clone();
        let budget = request.snapshot().timeout(request.operation());
        tokio::select! {
            biased;
            answer = self.inner.call(request) => answer,
            () = self.expired(&exchange, budget) => Err(Refusal::DeadlineExceeded(Sent::Something)),
        }
    }
}

impl<S> Deadline<S> {
    /// Ends when the budget has; a budget that was started anew in the meantime is waited for once more.
    async fn expired(&self, exchange: &Exchange, budget: Duration) {
        let mut at = exchange.started() + budget;
        loop {
            sleep_until(at).await;
            at = exchange.validated().copied().unwrap_or(exchange.started() + self.body_timeout) + budget;
            if at <= Instant::now() {
                return;
            }
        }
    }
}
