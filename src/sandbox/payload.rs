//! The body of an answer: whole, cut short, or stalled.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Bytes, and what comes after them.
pub(crate) struct Payload {
    data: Bytes,
    end: End,
}

enum End {
    /// The answer is complete.
    Whole,
    /// The connection ends, once what there is was flushed.
    Cut { flushed: bool },
    /// Nothing more comes.
    Stall,
}

impl Payload {
    /// A complete answer.
    pub(crate) fn whole(data: Bytes) -> Self {
        Self { data, end: End::Whole }
    }

    /// An answer after which the connection ends too early.
    pub(crate) fn cut(data: Bytes) -> Self {
        Self { data, end: End::Cut { flushed: false } }
    }

    /// An answer that never ends.
    pub(crate) fn stalled(data: Bytes) -> Self {
        Self { data, end: End::Stall }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        match &mut self.end {
            End::Whole => Poll::Ready(None),
            End::Stall => Poll::Pending,
            End::Cut { flushed: true } => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            End::Cut { flushed } => {
                // The server writes what it has whenever the body has to wait; an error at once would drop those bytes.
                *flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.end, End::Whole) && self.data.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Whole => SizeHint::with_exact(self.data.len() as u64),
            End::Cut { .. } | End::Stall => SizeHint::default(),
        }
    }
}
