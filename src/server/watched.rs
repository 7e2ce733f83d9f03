//! Wrappers of a connection's bytes and of its answers' bodies that note which phase it is in.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
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
    linger: Option<Pin<Box<Sleep>>>,
}

impl<I> WatchedIo<I> {
    pub(super) fn new(io: I, phases: Arc<Phases>) -> Self {
        Self { io, phases, framing: Framing::default(), linger: None }
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
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let this = &mut *self;
        if let Some(received) = buffer.filled().get(before..).filter(|received| !received.is_empty()) {
            if this.phases.received() {
                this.framing = Framing::default();
            }
            this.framing.read(received);
            this.phases.framed(this.framing.is_twofold());
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
        self.phases.flushed();
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
