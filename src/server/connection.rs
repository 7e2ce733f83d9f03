//! One caller's connection: requests in, the stack's answers out, and no way to hold it open for nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::peer::Peer;
use crate::service::Service;
use crate::stage::Arrival;

use super::phase::{Phase, Phases};

pub(super) use self::preface::given_up;
pub use self::reason::Reason;

mod http1;
mod http2;
mod preface;
mod reason;

/// What one connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's head; larger ones are answered by the stack up to twice as many, then by hyper.
    pub max_header_bytes: usize,
    /// From a head's first byte to its last.
    pub header_timeout: Duration,
    /// From the last byte of an answer, or the opening, to the first byte of a request.
    pub idle_timeout: Duration,
    /// From the head of an answer to its last byte: what a caller that does not read can hold up.
    pub answer_timeout: Duration,
    /// What an HTTP/2 connection may take; none speaks HTTP/1.1 alone.
    pub http2: Option<config::Http2>,
    /// Whether TLS agreed on HTTP/2: nothing else is spoken then (RFC 9113 §3.4).
    pub http2_agreed: bool,
}

impl Limits {
    /// The limits of callers' connections.
    #[must_use]
    pub fn new(server: &config::Server, answer_timeout: Duration) -> Self {
        Self {
            max_header_bytes: server.max_header_bytes,
            header_timeout: server.header_timeout,
            idle_timeout: server.idle_timeout,
            answer_timeout,
            http2: server.http2,
            http2_agreed: false,
        }
    }

    fn deadline(&self, phase: Phase, since: Instant) -> Option<Instant> {
        let timeout = match phase {
            Phase::Idle => self.idle_timeout,
            Phase::Head => self.header_timeout,
            Phase::Working | Phase::Lingering => return None,
            Phase::Answering | Phase::Flushing => self.answer_timeout,
        };
        since.checked_add(timeout)
    }
}

/// Serves one connection to its end; once `drain` is cancelled, no further request is taken from it.
///
/// # Errors
///
/// Why it ended other than by either side closing it between requests.
pub async fn serve_connection<I, S>(
    io: I,
    peer: Peer,
    stack: Arc<S>,
    limits: Arc<Limits>,
    drain: CancellationToken,
) -> Result<(), Reason>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Arrival, Error = Infallible>,
{
    let mut opened = Opened { io, read: BytesMut::new(), phases: Phases::new() };
    match (preface::comes(&mut opened, &limits, &drain).await, limits.http2) {
        // In an allocation of its own: connections of HTTP/1.1 need not carry it.
        (Ok(true), Some(http2)) => Box::pin(http2::serve(opened, peer, stack, (&limits, http2), drain)).await,
        (Ok(false), _) if limits.http2_agreed && !opened.read.is_empty() => Err(Reason::Protocol),
        (Ok(_), _) => http1::serve(opened, peer, stack, &limits, drain).await,
        (Err(reason), _) => reason.map_or(Ok(()), Err),
    }
}

/// A connection whose protocol is not settled.
#[derive(Debug)]
struct Opened<I> {
    io: I,
    /// What has come of the first request.
    read: BytesMut,
    phases: Phases,
}

#[cfg(test)]
mod tests;
