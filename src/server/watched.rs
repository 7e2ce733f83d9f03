//! Wrappers of a connection's bytes and of its answers' bodies that note which phase it is in.
//!
//! No byte of a request is handed on before the one before it is answered, and none after a head with a flaw.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::body::{Body, Cut};

use super::framing::Framing;
use super::phase::Phases;

/// How long a connection that is closed on our side waits for the caller to stop sending.
const LINGER: Duration = Duration::from_secs(1);

/// A connection's bytes.
#[derive(Debug)]
pub(super) struct WatchedIo<I> {
    io: I,
    phases: Arc<Phases>,
    framing: Framing,
    /// Whether anything was handed on: the phase of the first head begins before that.
    begun: bool,
    /// What came together with the end of a request, and belongs to the next.
    held: BytesMut,
    linger: Option<Pin<Box<Sleep>>>,
}

impl<I> WatchedIo<I> {
    /// `held` has been read from `io` already.
    pub(super) fn new(io: I, held: BytesMut, phases: Arc<Phases>) -> Self {
        Self { io, phases, framing: Framing::default(), begun: false, held, linger: None }
    }
}

impl<I: AsyncRead + Unpin> WatchedIo<I> {
    /// Reads and drops what the caller still sends, for a while.
    ///
    /// Closing a socket with unread bytes resets it, and the reset can overtake the answer that told the caller why its request
    /// was not wanted (RFC 9112, §9.6).
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut bytes = [MaybeUninit::<u8>::uninit(); 4096];
        loop {
            let mut buffer = ReadBuf::uninit(&mut bytes);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for WatchedIo<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let begins = this.framing.is_between();
        let early = begins && this.begun && !this.phases.is_idle();
        // Whoever waits here for bytes that are held is woken when the answer is out.
        if this.framing.flaw().is_some() || (early && this.held.has_remaining()) {
            return Poll::Pending;
        }
        if this.framing.is_broken() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let before = buffer.filled().len();
        if this.held.has_remaining() {
            let count = this.held.len().min(buffer.remaining());
            buffer.put_slice(&this.held[..count]);
        } else {
            ready!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
        }
        let received = &mut buffer.filled_mut()[before..];
        if received.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let taken = if early { 0 } else { this.framing.take(received) };
        if this.held.has_remaining() {
            this.held.advance(taken);
            if this.held.is_empty() {
                this.held = BytesMut::new();
            }
        } else {
            this.held.extend_from_slice(&received[taken..]);
        }
        buffer.set_filled(before + taken);
        if early {
            return Poll::Pending;
        }
        if taken == 0 {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        this.begun = true;
        if begins {
            this.phases.received();
        }
        if let Some(flaw) = this.framing.flaw() {
            this.phases.flawed(flaw);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedIo<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    // hyper flushes the bytes below its own buffer only when that is empty.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        if self.phases.flushed() && self.held.has_remaining() {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        if self.phases.closed() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// An answer's body. hyper drops it when its last byte is buffered, or at once where no body is sent.
#[derive(Debug)]
pub(super) struct WatchedBody {
    body: Body,
    phases: Arc<Phases>,
}

impl WatchedBody {
    pub(super) fn new(body: Body, phases: Arc<Phases>) -> Self {
        Self { body, phases }
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.phases.ended();
    }
}
