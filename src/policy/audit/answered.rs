//! What of an answer Passport says to keep: `id`, `reference` and `updated_at`, and nothing else.

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt};
use http_body::Frame;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use serde::Deserialize;

use crate::audit::Answered;
use crate::body::{Body, Cut};
use crate::service::Response;

/// The longest answer that is looked into.
const LONGEST: usize = 64 << 10;

/// The members of the answer's one object; what is no string is not kept.
#[derive(Deserialize)]
struct Members {
    id: Option<serde_json::Value>,
    reference: Option<serde_json::Value>,
    updated_at: Option<serde_json::Value>,
}

/// Reads an answer, so that it is known what it says whether or not anybody takes it; one that is long goes on unread.
///
/// Its end is waited for: the answer to a write is short, and has a time-out of its own.
pub(super) async fn read(response: Response) -> (Response, Answered) {
    let (head, mut body) = response.into_parts();
    if let Some(bytes) = body.held() {
        let answered = kept(bytes);
        return (Response::from_parts(head, body), answered);
    }
    let (mut frames, mut length) = (Vec::new(), 0);
    let whole = loop {
        let Some(frame) = body.frame().await else { break true };
        length += frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
        let is_plain = frame.as_ref().is_ok_and(Frame::is_data);
        frames.push(frame);
        if !is_plain || length > LONGEST {
            break false;
        }
    };
    if whole {
        let bytes = joined(frames);
        let answered = kept(&bytes);
        return (Response::from_parts(head, bytes.into()), answered);
    }
    let rest = Body::streamed(StreamBody::new(stream::iter(frames).chain(BodyStream::new(body))));
    (Response::from_parts(head, rest), Answered::default())
}

fn joined(frames: Vec<Result<Frame<Bytes>, Cut>>) -> Bytes {
    let mut data = frames.into_iter().filter_map(|frame| frame.ok()?.into_data().ok());
    let first = data.next().unwrap_or_default();
    // Most answers come in one piece, which needs no copy.
    data.fold(None, |all: Option<BytesMut>, more| {
        let mut all = all.unwrap_or_else(|| BytesMut::from(&*first));
        all.extend_from_slice(&more);
        Some(all)
    })
    .map_or(first.clone(), BytesMut::freeze)
}

fn kept(bytes: &Bytes) -> Answered {
    let Ok(members) = serde_json::from_slice::<Members>(bytes) else { return Answered::default() };
    let text = |value: Option<serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) => Some(text),
        _ => None,
    };
    Answered { id: text(members.id), reference: text(members.reference), updated_at: text(members.updated_at) }
}
