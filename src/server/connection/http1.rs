//! HTTP/1.1 on a connection: requests in, the stack's answers out, one after the other.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use futures_util::TryFutureExt;
use http::HeaderValue;
use http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::body::Body;
use crate::peer::Peer;
use crate::server::phase::{Phase, Phases};
use crate::server::watched::{WatchedBody, WatchedIo};
use crate::service::Service;
use crate::stage::Arrival;

use super::{Limits, Opened, Reason};

/// hyper's buffer at least: a target beyond our bound must fit, however small the bound on heads is.
const SMALLEST_BUFFER: usize = 64 * 1024;

/// Serves a connection to its end.
pub(super) async fn serve<I, S>(
    opened: Opened<I>,
    peer: Peer,
    stack: Arc<S>,
    limits: &Limits,
    drain: CancellationToken,
) -> Result<(), Reason>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Arrival, Error = Infallible>,
{
    let phases = Arc::new(opened.phases);
    let answer = service_fn(|request: http::Request<Incoming>| {
        let (head, incoming) = request.into_parts();
        let body = Body::from(incoming);
        phases.called(!http_body::Body::is_end_stream(&body));
        let (phases, flaw) = (Arc::clone(&phases), phases.flaw());
        stack.call(Arrival { head, body, peer: peer.clone(), flaw }).map_ok(move |mut answer| {
            if flaw.is_some() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            phases.answered();
            answer.map(|body| WatchedBody::new(body, phases))
        })
    });
    let io = TokioIo::new(WatchedIo::new(opened.io, opened.read, Arc::clone(&phases)));
    let mut connection = pin!(protocol(limits).serve_connection(io, answer));
    let mut expired = pin!(expired(&phases, limits));
    let mut draining = false;
    loop {
        // In this order: the watch looks at the phase that the connection has just entered.
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended.map_err(|error| Reason::of(&error)),
            () = drain.cancelled(), if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
            phase = expired.as_mut() => return Reason::of_expired(phase).map_or(Ok(()), Err),
        }
    }
}

/// hyper's own limits stand above ours, so that it is the stack that answers what is too large.
fn protocol(limits: &Limits) -> http1::Builder {
    let buffer = limits.max_header_bytes.saturating_mul(2).max(SMALLEST_BUFFER);
    let mut protocol = http1::Builder::new();
    // Its header time-out would also bound the time between requests; `expired` tells the two apart.
    protocol.header_read_timeout(None).max_buf_size(buffer);
    protocol
}

/// Ends when the connection has been in one phase for too long. The one timer is moved only when it would ring too late.
async fn expired(phases: &Phases, limits: &Limits) -> Phase {
    let mut timer = pin!(sleep(limits.idle_timeout));
    poll_fn(|cx| {
        loop {
            let (phase, since) = phases.current();
            let Some(deadline) = limits.deadline(phase, since) else { return Poll::Pending };
            if deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            ready!(timer.as_mut().poll(cx));
            if deadline <= timer.deadline() {
                return Poll::Ready(phase);
            }
            timer.as_mut().reset(deadline);
        }
    })
    .await
}
