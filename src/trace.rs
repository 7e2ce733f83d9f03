//! Traces: W3C context in and out, and a span for each request and each of its waits, for an OpenTelemetry collector.
//!
//! A span is made of closed sets and of names from the configuration: there is no place in it for a target, a query or a value.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use prometheus::IntCounter;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::span::{Name, Span, Value};
use crate::clock::SharedClock;
use crate::fields::{TRACEPARENT, TRACESTATE};

pub use self::context::Context;
pub use self::export::Exporter;
pub use self::span::{OpenSpan, Stage};

mod context;
mod export;
mod otlp;
mod span;

/// Spans that wait to be sent; more are dropped, and counted.
const QUEUE: usize = 4096;

/// What becomes of spans, counted.
#[derive(Debug)]
pub struct Counted {
    /// The collector has them.
    pub exported: IntCounter,
    /// The collector refused them, or could not be reached.
    pub failed: IntCounter,
    /// The queue was full.
    pub dropped: IntCounter,
}

/// Begins traces, and queues their spans.
pub struct Tracer {
    /// Trace ids below it are sampled, of those that begin here.
    threshold: u64,
    queue: mpsc::Sender<Span>,
    counted: Arc<Counted>,
    clock: SharedClock,
}

/// One request's part of a trace.
pub struct Trace {
    tracer: Arc<Tracer>,
    /// The request's own span.
    context: Context,
    /// The caller's span.
    parent: Option<[u8; 8]>,
    state: Option<HeaderValue>,
    /// An instant, and the nanoseconds since the epoch that it stands for.
    anchor: (Instant, u64),
}

/// How a request ended.
#[derive(Debug)]
pub struct Ended<'a> {
    /// The operation.
    pub operation: &'a Arc<str>,
    /// The method.
    pub method: &'static str,
    /// The status; none if the caller left before.
    pub status: Option<u16>,
    /// The outcome, as metrics name it.
    pub outcome: &'static str,
    /// The tenant, once authenticated.
    pub tenant: Option<&'a str>,
    /// The request's id.
    pub request_id: &'a HeaderValue,
}

impl Tracer {
    /// Samples this share of the traces that begin here; those of callers as they say. What is queued is for an [`Exporter`].
    pub(crate) fn new(ratio: f64, clock: SharedClock, counted: Arc<Counted>) -> (Arc<Self>, mpsc::Receiver<Span>) {
        let (queue, spans) = mpsc::channel(QUEUE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of all ids"
        )]
        let threshold = (ratio * u64::MAX as f64) as u64;
        (Arc::new(Self { threshold, queue, counted, clock }), spans)
    }

    /// A request's part of its caller's trace, or of one that begins with it.
    #[must_use]
    pub fn begin(self: &Arc<Self>, fields: &HeaderMap, started: Instant) -> Trace {
        let caller = Context::received(&fields.get_all(TRACEPARENT));
        let context = caller.map_or_else(|| Context::first(self.threshold), Context::child);
        let nanos = self.clock.wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        Trace {
            tracer: Arc::clone(self),
            context,
            parent: caller.map(|caller| caller.span),
            state: caller.and_then(|_| context::state(fields.get_all(TRACESTATE))),
            anchor: (started, u64::try_from(nanos).unwrap_or(u64::MAX)),
        }
    }

    fn send(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.counted.dropped.inc();
        }
    }
}

impl Trace {
    /// Opens a span for a stage that may wait; none if this trace is not sampled.
    #[must_use]
    pub fn open(&self, stage: Stage) -> Option<OpenSpan<'_>> {
        self.context.sampled.then(|| OpenSpan::new(self, stage, self.context.child()))
    }

    /// Writes what the upstream is told: this span, or the request's own, as its parent (W3C Trace Context §2.2, §3).
    pub fn write(&self, span: Option<&OpenSpan<'_>>, fields: &mut HeaderMap) {
        fields.insert(TRACEPARENT, span.map_or(self.context, OpenSpan::context).header());
        if let Some(state) = &self.state {
            fields.insert(TRACESTATE, state.clone());
        }
    }

    /// Ends the request's own span.
    pub fn end(&self, ended: &Ended<'_>) {
        if !self.context.sampled {
            return;
        }
        let mut attributes: span::Attributes = vec![
            ("passport_gateway.operation", Value::Shared(Arc::clone(ended.operation))),
            ("http.request.method", Value::Fixed(ended.method)),
            ("passport_gateway.outcome", Value::Fixed(ended.outcome)),
        ];
        attributes.extend(ended.status.map(|status| ("http.response.status_code", Value::Integer(status.into()))));
        attributes.extend(ended.tenant.map(|tenant| ("passport_gateway.tenant", Value::Shared(tenant.into()))));
        if let Ok(id) = ended.request_id.to_str() {
            attributes.push(("passport_gateway.request_id", Value::Shared(id.into())));
        }
        let failed = ended.status.is_some_and(|status| status >= 500);
        self.tracer.send(Span {
            context: self.context,
            parent: self.parent,
            state: self.state.clone(),
            name: Name::Operation(Arc::clone(ended.operation)),
            kind: span::Kind::Server,
            started: self.anchor.1,
            ended: self.unix(Instant::now()),
            attributes,
            failed,
        });
    }

    /// The nanoseconds since the epoch that an instant stands for.
    fn unix(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.anchor.0).as_nanos();
        self.anchor.1.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace").field("context", &self.context).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
