//! The one body type of requests and answers.
//!
//! Whatever must live as long as an answer (a permit, a pooled connection, the access log's line) is tied to the end of its
//! body, not to its head.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

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

/// How an answer's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its last byte was handed on.
    Complete,
    /// It was cut.
    Cut(Cut),
    /// Nobody read it to the end.
    Abandoned,
}

/// What wants to know how a body ended; told exactly once.
pub trait Tail: Send + Sync + Unpin + 'static {
    /// Takes note of the end.
    fn ended(&mut self, end: End);
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
        Self::streamed(Tailed { body: self, tail, told: false })
    }

    /// Keeps `resource` until this body ends or is dropped.
    #[must_use]
    pub fn holding<T: Send + Sync + Unpin + 'static>(self, resource: T) -> Self {
        self.with_tail(Held(Some(resource)))
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

struct Tailed<T: Tail> {
    body: Body,
    tail: T,
    told: bool,
}

impl<T: Tail> Tailed<T> {
    fn tell(&mut self, end: End) {
        if !std::mem::replace(&mut self.told, true) {
            self.tail.ended(end);
        }
    }
}

impl<T: Tail> HttpBody for Tailed<T> {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            None => self.tell(End::Complete),
            Some(Err(cut)) => self.tell(End::Cut(*cut)),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<T: Tail> Drop for Tailed<T> {
    // hyper does not poll a body past the end it announces, so a dropped body may well be complete.
    fn drop(&mut self) {
        self.tell(if self.body.is_end_stream() { End::Complete } else { End::Abandoned });
    }
}

struct Held<T>(Option<T>);

impl<T: Send + Sync + Unpin + 'static> Tail for Held<T> {
    fn ended(&mut self, _: End) {
        self.0 = None;
    }
}
