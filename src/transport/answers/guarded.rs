//! The bytes of a connection to a server, of which none is handed on that breaks an answer or belongs to none.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Answers, Flaw, Watch};
use crate::clock::turn::{self, Turn};
use crate::transport::Wire;

/// A connection whose answers are watched.
#[derive(Debug)]
pub struct Guarded<I> {
    io: I,
    answers: Answers,
    watch: Watch,
    used: bool,
    /// When the last answer ended.
    settled: Option<Turn>,
}

impl<I> Guarded<I> {
    /// Nothing was sent over `io`; who sends requests tells `watch`.
    pub fn new(io: I, watch: Watch) -> Self {
        Self { io, answers: Answers::default(), watch, used: false, settled: None }
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
        self.used && self.answers.is_settled() && self.watch.is_asked() && !self.was_looked_at() && self.io.has_unread()
    }

    /// Whether the event loop has looked at the socket since the last answer ended. What comes after such a look can no more be
    /// told from an answer than what comes after the request: the one is some microseconds, the other the way to the server and back.
    fn was_looked_at(&self) -> bool {
        let present = turn::present();
        present.is_some() && self.settled.is_some() && present != self.settled
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
            this.settled = turn::present();
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::thread;

    use futures_util::FutureExt;
    use http::Method;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::runtime::Builder;

    use super::*;

    /// A socket with something to be read of which the runtime has not heard.
    struct Unheard {
        io: DuplexStream,
        asked: Arc<AtomicUsize>,
    }

    impl Wire for Unheard {
        fn has_unread(&self) -> bool {
            self.asked.fetch_add(1, Relaxed);
            true
        }
    }

    impl AsyncRead for Unheard {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.io).poll_read(cx, buffer)
        }
    }

    impl AsyncWrite for Unheard {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.io).poll_write(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.io).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.io).poll_shutdown(cx)
        }
    }

    /// A connection on which one answer came, and a second request is about to go up; how often the socket was asked.
    async fn asked_again() -> (Guarded<Unheard>, DuplexStream, Arc<AtomicUsize>) {
        let ((io, mut server), asked, watch) = (duplex(1024), Arc::default(), Watch::default());
        let mut guarded = Guarded::new(Unheard { io, asked: Arc::clone(&asked) }, watch.clone());
        watch.ask(&Method::GET);
        guarded.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        server.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        guarded.read_exact(&mut [0; 27]).await.unwrap();
        watch.ask(&Method::GET);
        (guarded, server, asked)
    }

    /// Whether a request finds its connection stale, and how often the socket was asked, if the event loop looked so many times
    /// before the first answer and after it. In a thread of its own, which is what looks are counted for.
    fn found(before: usize, after: usize) -> (bool, usize) {
        let worker = thread::spawn(move || {
            (0..before).for_each(|_| turn::looked());
            Builder::new_current_thread().build().unwrap().block_on(async {
                let (mut guarded, _server, asked) = asked_again().await;
                (0..after).for_each(|_| turn::looked());
                let stale = guarded.read(&mut [0; 64]).now_or_never().is_some();
                (stale, asked.load(Relaxed))
            })
        });
        worker.join().unwrap()
    }

    #[test]
    fn a_socket_is_asked_unless_the_event_loop_has_looked_since_the_last_answer() {
        assert_eq!(found(1, 0), (true, 1));
        assert_eq!(found(1, 1), (false, 0));
    }

    #[test]
    fn where_nobody_counts_looks_the_socket_is_asked() {
        assert_eq!(found(0, 0), (true, 1));
    }
}
