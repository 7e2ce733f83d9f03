//! Watches the frames that an HTTP/2 peer sends: what costs us and brings it nothing is rationed.
//!
//! The protocol library bounds memory, and some floods; it answers pings and settings for ever, and takes a request that is
//! reset at once as often as it comes (CVE-2023-44487). Nothing is interpreted here beyond a frame's kind and length.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::connection::Reason;
use super::streams::Streams;

/// The client's preface, which comes before the first frame.
const PREFACE: usize = 24;
/// Length, kind, flags and stream (RFC 9113 §4.1).
const HEAD: usize = 9;
const END_HEADERS: u8 = 0x4;

/// Frames that cost: settings, pings, priorities and what nobody knows.
const MOST_CONTROL: f64 = 1000.0;
/// Of those, so many come back each second.
const CONTROL_PER_SECOND: f64 = 100.0;
/// Resets that come back each second.
const RESETS_PER_SECOND: f64 = 10.0;

/// The frames of one connection, as its bytes come.
#[derive(Debug)]
struct Frames {
    skip: usize,
    head: [u8; HEAD],
    read: usize,
    in_headers: bool,
    control: Ration,
    resets: Ration,
}

/// Something of which there is so much, and which comes back with time.
#[derive(Debug)]
struct Ration {
    left: f64,
    most: f64,
    per_second: f64,
    at: Instant,
}

impl Ration {
    fn new(most: f64, per_second: f64) -> Self {
        Self { left: most, most, per_second, at: Instant::now() }
    }

    /// Takes one; says whether there was one.
    fn take(&mut self, now: Instant) -> bool {
        let back = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.at = now;
        self.left = (self.left + back).min(self.most) - 1.0;
        self.left >= 0.0
    }

    fn give(&mut self, count: f64) {
        self.left = (self.left + count).min(self.most);
    }
}

impl Frames {
    fn new(max_resets: usize) -> Self {
        Self {
            skip: PREFACE,
            head: [0; HEAD],
            read: 0,
            in_headers: false,
            control: Ration::new(MOST_CONTROL, CONTROL_PER_SECOND),
            resets: Ration::new(f64::from(u32::try_from(max_resets).unwrap_or(u32::MAX)), RESETS_PER_SECOND),
        }
    }

    /// Follows bytes as they come. Says whether they are still within what is granted.
    fn follow(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes.advance(skipped);
                continue;
            }
            let piece = (HEAD - self.read).min(bytes.len());
            self.head[self.read..self.read + piece].copy_from_slice(&bytes[..piece]);
            self.read += piece;
            bytes.advance(piece);
            if self.read == HEAD {
                self.read = 0;
                if !self.begin() {
                    return false;
                }
            }
        }
        true
    }

    /// A frame begins.
    fn begin(&mut self) -> bool {
        let [high, middle, low, kind, flags, ..] = self.head;
        self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        match kind {
            // DATA and WINDOW_UPDATE: what is transferred; the library counts empty frames.
            0 | 8 => true,
            // HEADERS and CONTINUATION; the library bounds their number and size.
            1 | 9 => {
                self.in_headers = flags & END_HEADERS == 0;
                true
            }
            3 => self.resets.take(Instant::now()),
            _ => self.control.take(Instant::now()),
        }
    }

    /// Whether a head has begun and not ended.
    fn is_receiving_head(&self) -> bool {
        let in_frame = self.skip > 0 && matches!(self.head[3], 1 | 9);
        self.in_headers || in_frame
    }
}

/// A connection's bytes, watched.
#[derive(Debug)]
pub(super) struct FramedIo<I> {
    io: I,
    /// What was read before the protocol was known.
    held: BytesMut,
    frames: Frames,
    /// Answers for which resets were given back.
    answered: u64,
    was_receiving_head: bool,
    streams: Arc<Streams>,
}

impl<I> FramedIo<I> {
    pub(super) fn new(io: I, held: BytesMut, max_resets: usize, streams: Arc<Streams>) -> Self {
        Self { io, held, frames: Frames::new(max_resets), answered: 0, was_receiving_head: false, streams }
    }

    /// Follows what came, and tells the streams about heads and floods.
    fn follow(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Whoever lets as many requests end as it resets is no attacker.
        let answered = self.streams.answered();
        self.frames.resets.give(f64::from(u32::try_from(answered - self.answered).unwrap_or(u32::MAX)));
        self.answered = answered;
        if !self.frames.follow(bytes) {
            self.streams.fail(Reason::Flood);
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let is_receiving_head = self.frames.is_receiving_head();
        if is_receiving_head != self.was_receiving_head {
            self.was_receiving_head = is_receiving_head;
            self.streams.receiving_head(is_receiving_head);
        }
        Ok(())
    }

    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            self.streams.fail(Reason::Io);
        }
        result
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for FramedIo<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        if this.held.has_remaining() {
            let count = this.held.len().min(buffer.remaining());
            buffer.put_slice(&this.held.split_to(count));
        } else {
            let read = ready!(Pin::new(&mut this.io).poll_read(cx, buffer));
            this.noted(read)?;
        }
        Poll::Ready(this.follow(&buffer.filled()[before..]))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for FramedIo<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes));
        Poll::Ready(self.noted(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.io).poll_flush(cx));
        Poll::Ready(self.noted(flushed))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices));
        Poll::Ready(self.noted(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const RESET: [u8; 13] = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8];

    fn after_preface() -> Frames {
        let mut frames = Frames::new(3);
        assert!(frames.follow(&[b'P'; PREFACE]));
        frames
    }

    #[tokio::test(start_paused = true)]
    async fn pings_are_rationed_and_come_back_with_time() {
        let mut frames = after_preface();

        assert!((0..1000).all(|_| frames.follow(&PING)));
        assert!(!frames.follow(&PING));
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert!((0..99).all(|_| frames.follow(&PING)));
    }

    #[tokio::test(start_paused = true)]
    async fn resets_are_rationed_however_their_bytes_come() {
        let mut frames = after_preface();

        assert!(RESET.iter().chain(&RESET).chain(&RESET).all(|byte| frames.follow(&[*byte])));
        assert!(!frames.follow(&RESET));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_received_from_its_first_byte_to_its_last() {
        let mut frames = after_preface();

        frames.follow(&[0, 0, 2, 1, 0, 0, 0, 0, 1]);
        assert!(frames.is_receiving_head());
        frames.follow(&[0, 0]);
        assert!(frames.is_receiving_head(), "it goes on in another frame");
        frames.follow(&[0, 0, 1, 9, END_HEADERS, 0, 0, 0, 1]);
        assert!(frames.is_receiving_head());
        frames.follow(&[0]);
        assert!(!frames.is_receiving_head());
    }
}
