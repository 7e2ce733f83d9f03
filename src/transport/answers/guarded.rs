//! The bytes of a connection to a server, of which none is handed on that breaks an answer or belongs to none.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Answers, Flaw, Watch};
use crate::transport::Wire;

/// A connection whose answers are watched.
#[derive(Debug)]
pub struct Guarded<I> {
    io: I,
    answers: Answers,
    watch: Watch,
    used: bool,
}

impl<I> Guarded<I> {
    /// Nothing was sent over `io`; who sends requests tells `watch`.
    pub fn new(io: I, watch: Watch) -> Self {
        Self { io, answers: Answers::default(), watch, used: false }
    }

    /// A byte of a request goes up.
    fn sending(&mut self) {
        if let Some(head_only) = self.watch.take() {
            self.answers.ask(head_only);
            self.used = true;
        }
    }
}

impl<I: Wire> Guarded<I> {
    /// Whether a request is about to go up on a connection from which something is to be read that the runtime does not know of
    /// yet: its end, or bytes that would be taken for the answer.
    fn is_stale(&self) -> bool {
        self.used && self.answers.is_settled() && self.watch.is_asked() && self.io.has_unread()
    }
}

impl<I: Wire> AsyncRead for Guarded<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {}
            Poll::Pending if this.is_stale() => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            polled => return polled,
        }
        let read = this.answers.read(&buffer.filled()[before..]);
        if let Err(flaw) = read {
            buffer.set_filled(before);
            return Poll::Ready(Err(flawed(&this.watch, flaw)));
        }
        if this.answers.is_settled() && !this.watch.is_asked() {
            this.watch.settle();
        }
        Poll::Ready(Ok(()))
    }
}

fn flawed(watch: &Watch, flaw: Flaw) -> io::Error {
    watch.flawed(flaw);
    io::Error::new(io::ErrorKind::InvalidData, flaw)
}

impl<I: Wire> AsyncWrite for Guarded<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.sending();
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.sending();
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
