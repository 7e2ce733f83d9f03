//! Answers on their way into a record and out of it again.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use http::response::Parts;
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::mark;
use crate::body::{Body, Cut};
use crate::refusal::{Refusal, Sent};
use crate::service::Response;
use crate::store::records::{Answer, Outcome};

/// The longest body that is kept.
const LONGEST: usize = 256 << 10;
/// Pieces of a longer one that wait for a caller who reads slowly.
const AHEAD: usize = 16;

/// What belongs to an answer whoever gets it and whenever. Nothing of a connection, of a cache, or of one caller's limits is among it.
const SAFE: [HeaderName; 8] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LINK,
    header::LOCATION,
];

/// A body that was to be read whole.
pub(super) enum Collected {
    /// All of it.
    Whole(Bytes),
    /// It was cut.
    Cut(Cut),
    /// It is too long to keep: what was read, and the rest.
    TooLong(Bytes, Body),
}

/// Reads a body as far as it can be kept.
pub(super) async fn collect(mut body: Body) -> Collected {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => read.extend_from_slice(&data),
            Ok(Err(_trailers)) => {}
            Err(cut) => return Collected::Cut(cut),
        }
        if read.len() > LONGEST {
            return Collected::TooLong(read.freeze(), body);
        }
    }
    Collected::Whole(read.freeze())
}

/// What is kept of a whole answer.
pub(super) fn kept(head: &Parts, body: &Bytes) -> Answer {
    let of = |name: &HeaderName| {
        let values = head.headers.get_all(name).iter();
        values.map(|value| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect::<Vec<_>>()
    };
    Answer { status: head.status.as_u16(), fields: SAFE.iter().flat_map(of).collect(), body: body.clone() }
}

/// The answer that a repetition gets; none if it was not kept.
pub(super) fn replayed(outcome: &Outcome) -> Option<Response> {
    let Outcome::Answer(answer) = outcome else { return None };
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() = StatusCode::from_u16(answer.status).ok()?;
    for (name, value) in &answer.fields {
        response.headers_mut().append(name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    mark(&mut response);
    Some(response)
}

/// What the caller is told whose answer was cut before any of it was handed on.
pub(super) fn refused(cut: Cut) -> Refusal {
    match cut {
        Cut::Timeout => Refusal::DeadlineExceeded(Sent::Something),
        Cut::Truncated | Cut::TooLarge => Refusal::UpstreamInvalidResponse,
    }
}

/// Reads a long body to its end, whoever listens; `ended` hears whether it was whole before the listener does.
pub(super) fn poured<E, F>(tasks: &TaskTracker, begun: Bytes, rest: Body, ended: E) -> Body
where
    E: FnOnce(bool) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (pieces, listener) = mpsc::channel(AHEAD);
    tasks.spawn(pour(begun, rest, pieces, ended));
    Body::streamed(Poured(listener))
}

async fn pour<F: Future<Output = ()>>(
    begun: Bytes,
    mut rest: Body,
    pieces: mpsc::Sender<Result<Frame<Bytes>, Cut>>,
    ended: impl FnOnce(bool) -> F,
) {
    // A listener that left is no reason to stop: the write is the gateway's to see through.
    let _ = pieces.send(Ok(Frame::data(begun))).await;
    loop {
        match rest.frame().await {
            Some(Ok(frame)) => _ = pieces.send(Ok(frame)).await,
            Some(Err(cut)) => {
                ended(false).await;
                _ = pieces.send(Err(cut)).await;
                return;
            }
            None => return ended(true).await,
        }
    }
}

/// What a listener hears of a body that is read for it.
struct Poured(mpsc::Receiver<Result<Frame<Bytes>, Cut>>);

impl HttpBody for Poured {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.0.poll_recv(cx)
    }
}
