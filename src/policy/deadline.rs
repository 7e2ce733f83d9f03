//! Layer 7: one time budget for all that follows.
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

/// Ends a request whose budget is used up: the operation's, and on top the body's time-out until the body has come.
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer;

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline(inner)
    }
}

/// The service of [`DeadlineLayer`].
#[derive(Debug)]
pub struct Deadline<S>(S);

impl<S: Service<Routed, Error = Refusal>> Service<Routed> for Deadline<S> {
    type Error = Refusal;

    async fn call(&self, request: Routed) -> Result<Response, Refusal> {
        let exchange = request.exchange().clone();
        let budget = request.snapshot().timeout(request.operation());
        let body_timeout = request.snapshot().bounds.body_timeout;
        tokio::select! {
            biased;
            answer = self.0.call(request) => answer,
            () = expired(&exchange, budget, body_timeout) => Err(Refusal::DeadlineExceeded(Sent::Something)),
        }
    }
}

/// Ends when the budget has; a budget that was started anew in the meantime is waited for once more.
async fn expired(exchange: &Exchange, budget: Duration, body_timeout: Duration) {
    let mut at = exchange.started() + budget;
    loop {
        sleep_until(at).await;
        at = exchange.validated().copied().unwrap_or(exchange.started() + body_timeout) + budget;
        if at <= Instant::now() {
            return;
        }
    }
}
