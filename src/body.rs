//! The one body type of requests and answers.
//!
//! Whatever must live as long as an answer (a permit, a pooled connection, the access log's line) is tied to the end of its
//! body, not to its head.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

pub use self::tail::{End, Tail};
use self::tail::{Held, Tailed};

mod tail;

/// A body that is empty, held in memory, or streamed.
#[derive(Debug, Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Held(Option<Bytes>),
    Incoming(Incoming),
    Streamed(Pin<Box<dyn HttpBody<Data = Bytes, Error = Cut> + Send + Sync>>),
}

/// Why a body ended before its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The sender went away or broke the framing.
    #[error("the body was cut short by its sender")]
    Truncated,
    /// The time for the whole of it ran out.
    #[error("the body did not end in time")]
    Timeout,
    /// It is longer than allowed.
    #[error("the body is longer than allowed")]
    TooLarge,
}

impl Body {
    /// A body without bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// Wraps a body that streams.
    pub fn streamed(body: impl HttpBody<Data = Bytes, Error = Cut> + Send + Sync + 'static) -> Self {
        Self(Kind::Streamed(Box::pin(body)))
    }

    /// The bytes, if all of them are held in memory.
    #[must_use]
    pub fn held(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Held(bytes) => bytes.as_ref(),
            _ => None,
        }
    }

    /// Tells `tail` how this body ends.
    #[must_use]
    pub fn with_tail(self, tail: impl Tail) -> Self {
        Self::streamed(Tailed::new(self, tail))
    }

    /// Keeps `resource` until this body ends or is dropped.
    #[must_use]
    pub fn holding<T: Send + Sync + Unpin + 'static>(self, resource: T) -> Self {
        self.with_tail(Held::new(resource))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self(Kind::Held(Some(bytes))) }
    }
}

impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Self {
        if incoming.is_end_stream() { Self::empty() } else { Self(Kind::Incoming(incoming)) }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Held(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Incoming(incoming) => Pin::new(incoming).poll_frame(cx).map_err(|_| Cut::Truncated),
            Kind::Streamed(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Held(bytes) => bytes.is_none(),
            Kind::Incoming(incoming) => incoming.is_end_stream(),
            Kind::Streamed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Held(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Incoming(incoming) => incoming.size_hint(),
            Kind::Streamed(body) => body.size_hint(),
        }
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Held(_) => "Held",
            Self::Incoming(_) => "Incoming",
            Self::Streamed(_) => "Streamed",
        })
    }
}
