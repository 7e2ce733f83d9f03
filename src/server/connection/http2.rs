//! HTTP/2 on a connection: each stream is a request to the stack, in a task of its own that ends with the connection.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Body;
use crate::config::Http2;
use crate::peer::Peer;
use crate::server::frames::FramedIo;
use crate::server::streams::Streams;
use crate::service::Service;
use crate::stage::Arrival;

use super::{Limits, Opened, Reason};

/// Room for our answer to a head beyond our bound, before HTTP/2 itself refuses it: a list counts 32 bytes more a field.
const LIST_MARGIN: usize = 16 * 1024;
/// Bytes of an answer that are held for a stream whose reader is slow.
const SEND_BUFFER: usize = 32 * 1024;

/// Serves a connection to its end.
pub(super) async fn serve<I, S>(
    opened: Opened<I>,
    peer: Peer,
    stack: Arc<S>,
    (limits, settings): (&Limits, Http2),
    drain: CancellationToken,
) -> Result<(), Reason>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Arrival, Error = Infallible>,
{
    let streams = Arc::new(Streams::new());
    let answer = service_fn(|request: http::Request<Incoming>| {
        let (stack, peer, stream) = (Arc::clone(&stack), peer.clone(), streams.begin());
        let (mut head, incoming) = request.into_parts();
        name_host(&mut head);
        let arrival = Arrival { head, body: Body::from(incoming), peer, flaw: None };
        async move {
            let answer = stack.call(arrival).await?;
            Ok::<_, Infallible>(answer.map(|body| stream.answer(body)))
        }
    });
    let cut = CancellationToken::new();
    let tasks = Tasks { tasks: TaskTracker::new(), cut: cut.clone() };
    let _cut = cut.drop_guard();
    let io = TokioIo::new(FramedIo::new(opened.io, opened.read, settings.max_resets, Arc::clone(&streams)));
    let mut connection = pin!(protocol(limits, settings, tasks).serve_connection(io, answer));
    let mut expired = pin!(streams.expired(limits));
    let mut draining = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended.map_err(|_| streams.failure().unwrap_or(Reason::Protocol)),
            () = drain.cancelled(), if !draining => {
                draining = true;
                streams.drain();
                connection.as_mut().graceful_shutdown();
            }
            reason = expired.as_mut() => return reason.map_or(Ok(()), Err),
        }
    }
}

/// Limits on everything a peer can make us hold or do.
fn protocol(limits: &Limits, settings: Http2, tasks: Tasks) -> http2::Builder<Tasks> {
    let mut protocol = http2::Builder::new(tasks);
    protocol
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_concurrent_streams)
        .max_header_list_size(u32::try_from(limits.max_header_bytes + LIST_MARGIN).unwrap_or(u32::MAX))
        .initial_stream_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_pending_accept_reset_streams(settings.max_pending_resets)
        .max_local_error_reset_streams(settings.max_resets)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(settings.keep_alive)
        .keep_alive_timeout(limits.header_timeout);
    protocol
}

/// `:authority` says what `Host` says elsewhere (RFC 9113 §8.3.1); where both came, the stack compares them.
fn name_host(head: &mut Parts) {
    let authority = head.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let (Some(authority), false) = (authority, head.headers.contains_key(HOST)) {
        head.headers.insert(HOST, authority);
    }
}

/// Runs streams until they end or the connection does.
#[derive(Clone)]
struct Tasks {
    tasks: TaskTracker,
    cut: CancellationToken,
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, stream: F) {
        // In an allocation of its own: each step that hands a future on holds it twice.
        let (stream, cut) = (Box::pin(stream), self.cut.clone());
        self.tasks.spawn(async move { cut.run_until_cancelled_owned(stream).await });
    }
}
