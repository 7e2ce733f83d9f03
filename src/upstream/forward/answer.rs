//! The answer that comes down: what concerned the connection is taken off, and the body streams within its time.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::fields::remove_hop_by_hop;
use crate::body::{Body, Cut};
use crate::clock::turn;
use crate::exchange::Exchange;
use crate::refusal::Refusal;
use crate::service::Response;
use crate::upstream::pool::Connection;

/// Takes the answer off the connection, which goes back to the pool when the body has been read to its end.
///
/// `conditional` if the request asked whether what the gateway holds has changed.
///
/// `Set-Cookie` stays for the cache to see, which must not store such an answer; the edge takes it off.
pub(super) fn receive(
    answer: http::Response<Incoming>,
    connection: Connection,
    deadline: Instant,
    exchange: &Exchange,
    conditional: bool,
) -> Result<Response, Refusal> {
    let (mut head, incoming) = answer.into_parts();
    // A caller with a condition or a range of its own, which did not go up, would take it for the answer to that.
    let unasked = match head.status {
        StatusCode::NOT_MODIFIED => !conditional,
        StatusCode::PARTIAL_CONTENT => true,
        _ => false,
    };
    if unasked {
        return Err(Refusal::UpstreamInvalidResponse);
    }
    remove_hop_by_hop(&mut head.headers);
    head.extensions.clear();
    // An intermediary speaks its own version (RFC 9112 §2.3): an HTTP/1.0 upstream must not cost the caller its connection.
    head.version = Version::HTTP_11;
    let body = if incoming.is_end_stream() {
        connection.release();
        Body::empty()
    } else {
        let connection = Some(connection);
        Body::streamed(Streaming { incoming, connection, deadline, timer: None, waiting: None, exchange: exchange.clone() })
    };
    Ok(Response::from_parts(head, body))
}

/// A body on its way down.
struct Streaming {
    incoming: Incoming,
    connection: Option<Connection>,
    deadline: Instant,
    /// Made once the body is waited for: most answers are there as soon as their heads.
    timer: Option<Pin<Box<Sleep>>>,
    waiting: Option<Instant>,
    exchange: Exchange,
}

impl Streaming {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            let frame = match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => return Poll::Pending,
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                // Trailers are not forwarded: nothing in the gateway has looked at them.
                Some(Ok(Err(_trailers))) => {}
                Some(Err(_)) => return Poll::Ready(Some(Err(Cut::Truncated))),
                None => return Poll::Ready(None),
            }
        }
    }

    /// Whether the time is over, however fast data comes.
    fn is_late(&self) -> bool {
        turn::now() >= self.deadline
    }

    fn poll_data_in_time(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let polled = self.poll_data(cx);
        if polled.is_pending() {
            let deadline = self.deadline;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            ready!(timer.as_mut().poll(cx));
            return Poll::Ready(Some(Err(Cut::Timeout)));
        }
        polled
    }

    fn release(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.release();
        }
    }

    fn waited(&mut self) {
        if let Some(since) = self.waiting.take() {
            self.exchange.add_upstream(since.elapsed());
        }
    }
}

impl HttpBody for Streaming {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        let polled = if this.is_late() { Poll::Ready(Some(Err(Cut::Timeout))) } else { this.poll_data_in_time(cx) };
        match &polled {
            Poll::Pending => _ = this.waiting.get_or_insert_with(Instant::now),
            Poll::Ready(Some(Err(_))) => this.connection = None,
            Poll::Ready(None) => this.release(),
            // Nobody polls past the length that was announced, so the end must be seen before it is asked for.
            Poll::Ready(Some(Ok(_))) if this.incoming.is_end_stream() => this.release(),
            Poll::Ready(Some(Ok(_))) => {}
        }
        if polled.is_ready() {
            this.waited();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.waited();
    }
}
