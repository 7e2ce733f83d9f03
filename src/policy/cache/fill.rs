//! Asks Passport on behalf of the cache and sorts what comes back.

use std::sync::Arc;

use bytes::Bytes;
use http::header;
use http::response::Parts;
use tokio::time::Instant;

use super::answer::Answer;
use super::collect::{Collected, collect};
use super::freshness::{Freshness, Received};
use super::response_cache::ResponseCache;
use crate::body::Cut;
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::stage::Validated;

/// What came of asking Passport.
pub(super) enum Filled {
    /// An answer that may be shared, and stored if it has a freshness.
    Shared(Arc<Answer>, Option<Freshness>),
    /// An answer for one receiver: it must not be stored, or is too large to be held.
    Alone(Response),
    /// None.
    Refused(Refusal),
}

impl ResponseCache {
    /// Asks `inner` for a cacheable operation. The answer is held whole if it is not too large, so that it has an entity tag,
    /// and so that one that was cut short is refused rather than passed on.
    pub(super) async fn fill<S>(&self, inner: &S, request: Validated, began: Instant) -> Filled
    where
        S: Service<Validated, Error = Refusal>,
    {
        let response = match inner.call(request.clone()).await {
            Ok(response) => response,
            Err(refusal) => return Filled::Refused(refusal),
        };
        let wall = self.clock().wall();
        let (head, body) = response.into_parts();
        match collect(body, self.largest_body()).await {
            Ok(Collected::Whole(body)) if is_whole(&head, &body) => {
                let received = Received { status: head.status, fields: &head.headers, asked: began, wall };
                let freshness = self.freshness(&request, &received);
                let answer = Answer::new(request.head(), &head, body, wall);
                sort(answer, freshness, head)
            }
            Ok(Collected::TooLong(body)) => Filled::Alone(Response::from_parts(head, body)),
            Err(Cut::Timeout) => Filled::Refused(Refusal::DeadlineExceeded(Sent::Something)),
            Ok(Collected::Whole(_)) | Err(Cut::Truncated | Cut::TooLarge) => Filled::Refused(Refusal::UpstreamInvalidResponse),
        }
    }
}

/// Failures are shared though they are not stored: a failing Passport must not get a call from everyone who waits.
fn sort(answer: Answer, freshness: Option<Freshness>, mut head: Parts) -> Filled {
    let failed = head.status.is_client_error() || head.status.is_server_error();
    if freshness.is_some() || failed {
        return Filled::Shared(Arc::new(answer), freshness);
    }
    // It goes to the one who asked, so nothing is left out of its head.
    if let Some(tag) = answer.tag() {
        head.headers.insert(header::ETAG, tag.clone());
    }
    Filled::Alone(Response::from_parts(head, answer.into_body()))
}

/// Whether the body is as long as was announced.
fn is_whole(head: &Parts, body: &Bytes) -> bool {
    let announced = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    announced.is_none_or(|announced: usize| announced == body.len())
}
