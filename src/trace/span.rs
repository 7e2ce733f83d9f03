//! Spans: of a request, and of each of its stages that may wait.

use std::sync::Arc;

use http::HeaderValue;
use tokio::time::Instant;

use super::{Context, Trace};

/// What is told of a span: keys of a closed set. Not inline: every request's futures have room for spans, and most end without any.
pub(super) type Attributes = Vec<(&'static str, Value)>;

/// A stage that may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// For an issuer's newer keys.
    Keys,
    /// For the caller's body.
    Body,
    /// For another request's flight to the upstream.
    Flight,
    /// For an upstream token.
    Token,
    /// For an answer of the upstream.
    Upstream,
    /// For what replicas share.
    Store,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Fixed(&'static str),
    Shared(Arc<str>),
    Integer(i64),
}

/// What a span is called.
#[derive(Clone, Debug)]
pub(super) enum Name {
    Operation(Arc<str>),
    Stage(Stage),
}

/// Whose call a span is (OpenTelemetry's `SpanKind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(super) context: Context,
    pub(super) parent: Option<[u8; 8]>,
    pub(super) state: Option<HeaderValue>,
    pub(super) name: Name,
    pub(super) kind: Kind,
    /// Nanoseconds since the epoch.
    pub(super) started: u64,
    pub(super) ended: u64,
    pub(super) attributes: Attributes,
    pub(super) failed: bool,
}

impl Stage {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Keys => "issuer keys",
            Self::Body => "body",
            Self::Flight => "cache flight",
            Self::Token => "upstream token",
            Self::Upstream => "upstream",
            Self::Store => "store",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Upstream | Self::Store => Kind::Client,
            _ => Kind::Internal,
        }
    }
}

impl Name {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Operation(name) => name,
            Self::Stage(stage) => stage.name(),
        }
    }
}

/// A span that ends when this is dropped, however that comes.
#[derive(Debug)]
pub struct OpenSpan<'a> {
    trace: &'a Trace,
    stage: Stage,
    context: Context,
    started: Instant,
    attributes: Attributes,
    failed: bool,
}

impl<'a> OpenSpan<'a> {
    pub(super) fn new(trace: &'a Trace, stage: Stage, context: Context) -> Self {
        Self { trace, stage, context, started: Instant::now(), attributes: Attributes::new(), failed: false }
    }

    pub(super) fn context(&self) -> Context {
        self.context
    }

    /// Names the upstream that is asked, and which attempt this is.
    pub fn asks(&mut self, upstream: &Arc<str>, attempt: u32) {
        self.attributes.push(("passport_gateway.upstream", Value::Shared(Arc::clone(upstream))));
        self.attributes.push(("passport_gateway.attempt", Value::Integer(attempt.into())));
    }

    /// Tells the status of the upstream's answer.
    pub fn answered(&mut self, status: http::StatusCode) {
        self.attributes.push(("http.response.status_code", Value::Integer(status.as_u16().into())));
        self.failed = status.is_client_error() || status.is_server_error();
    }

    /// It came to nothing.
    pub fn failed(&mut self, why: &'static str) {
        self.attributes.push(("error.type", Value::Fixed(why)));
        self.failed = true;
    }
}

impl Drop for OpenSpan<'_> {
    fn drop(&mut self) {
        self.trace.tracer.send(Span {
            context: self.context,
            parent: Some(self.trace.context.span),
            state: self.trace.state.clone(),
            name: Name::Stage(self.stage),
            kind: self.stage.kind(),
            started: self.trace.unix(self.started),
            ended: self.trace.unix(Instant::now()),
            attributes: std::mem::take(&mut self.attributes),
            failed: self.failed,
        });
    }
}
