//! The account of one attempt: counted and timed once, also if it is abandoned.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use crate::exchange::Exchange;
use crate::metrics::{Metrics, UpstreamOperation, UpstreamStatus};
use crate::stage::Validated;
use crate::trace::OpenSpan;

/// An attempt under way.
pub(super) struct Attempt<'a> {
    metrics: &'a Metrics,
    upstream: &'a Arc<str>,
    operation: &'a str,
    exchange: &'a Exchange,
    began: Instant,
    took: Option<Duration>,
    span: Option<OpenSpan<'a>>,
    result: Option<Result<StatusCode, ()>>,
}

impl<'a> Attempt<'a> {
    pub(super) fn begin(
        metrics: &'a Metrics,
        upstream: &'a Arc<str>,
        request: &'a Validated,
        mut span: Option<OpenSpan<'a>>,
    ) -> Self {
        let exchange = request.exchange();
        exchange.add_attempt();
        if let Some(span) = &mut span {
            span.asks(upstream, exchange.attempts());
        }
        Self {
            metrics,
            upstream,
            operation: &request.operation().name,
            exchange,
            began: Instant::now(),
            took: None,
            span,
            result: None,
        }
    }

    /// The head of the answer has come.
    pub(super) fn answered(mut self, status: StatusCode) {
        self.result = Some(Ok(status));
        let took = self.began.elapsed();
        self.took = Some(took);
        let labels = UpstreamOperation { upstream: self.upstream, operation: self.operation };
        self.metrics.upstream_duration_seconds.with(labels).observe(took.as_secs_f64());
    }

    /// There is no answer.
    pub(super) fn failed(mut self) {
        self.result = Some(Err(()));
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.exchange.add_upstream(self.took.unwrap_or_else(|| self.began.elapsed()));
        match (&mut self.span, &self.result) {
            (Some(span), Some(Ok(status))) => span.answered(*status),
            (Some(span), Some(Err(()))) => span.failed("no answer"),
            (Some(span), None) => span.failed("abandoned"),
            (None, _) => {}
        }
        let status = match &self.result {
            Some(Ok(status)) => status.as_str(),
            Some(Err(())) => "error",
            None => "abandoned",
        };
        self.metrics.upstream_requests_total.with(UpstreamStatus { upstream: self.upstream, status }).inc();
    }
}
