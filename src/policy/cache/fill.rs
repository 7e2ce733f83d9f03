//! Asks Passport on behalf of the cache and sorts what comes back.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::response::Parts;
use http::{StatusCode, header};
use tokio::time::Instant;

use super::answer::Answer;
use super::collect::{Collected, collect};
use super::freshness::{Freshness, Received};
use super::renewal::confirms;
use super::response_cache::ResponseCache;
use crate::body::Cut;
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::stage::Validated;

/// What came of asking Passport; answers with the status that it answered.
pub(super) enum Filled {
    /// An answer that may be shared, and stored if it has a freshness.
    Shared(Arc<Answer>, Option<Freshness>, StatusCode),
    /// An answer for one receiver: it must not be stored, or is too large to be held.
    Alone(Response, StatusCode),
    /// None.
    Refused(Refusal),
}

/// An answer that is held whole.
struct Arrived {
    head: Parts,
    body: Bytes,
    /// What Passport answered: the head's own status, or the 304 by which it stands.
    status: StatusCode,
    asked: Instant,
    came: Instant,
    wall: SystemTime,
}

impl ResponseCache {
    /// Asks `inner` for a cacheable operation, with the validators of what is `held`. The answer is collected if it is not too
    /// large, so that it has an entity tag, and so that one that was cut short is refused rather than passed on.
    pub(super) async fn fill<S>(&self, inner: &S, request: &Validated, asked: Instant, held: Option<&Answer>) -> Filled
    where
        S: Service<Validated, Error = Refusal>,
    {
        let held = held.and_then(|held| Some((held, held.validators()?)));
        let conditional = |(_, known): (_, &Arc<_>)| request.clone().unless_unchanged(Arc::clone(known));
        let mut response = match inner.call(held.map_or_else(|| request.clone(), conditional)).await {
            Ok(response) => response,
            Err(refusal) => return Filled::Refused(refusal),
        };
        if let Some((held, known)) = held.filter(|_| response.status() == StatusCode::NOT_MODIFIED) {
            if confirms(response.headers(), known) {
                return self.confirmed(request, held, &response, asked);
            }
            // It speaks of something else: nobody knows what is true.
            response = match inner.call(request.clone()).await {
                Ok(response) => response,
                Err(refusal) => return Filled::Refused(refusal),
            };
        }
        self.gather(request, response, asked).await
    }

    /// Takes what is held for the answer, with what a 304 tells of it.
    fn confirmed(&self, request: &Validated, held: &Answer, by: &Response, asked: Instant) -> Filled {
        let (updated, body) = held.updated(by.headers());
        let (came, wall) = (self.clock().now(), self.clock().wall());
        self.sort(request, Arrived { head: updated, body, status: by.status(), asked, came, wall })
    }

    /// Collects an answer from Passport.
    async fn gather(&self, request: &Validated, response: Response, asked: Instant) -> Filled {
        let (came, wall) = (self.clock().now(), self.clock().wall());
        let (head, body) = response.into_parts();
        let status = head.status;
        match collect(body, self.largest_body(), self.room(), request.deadline()).await {
            Ok(Collected::Whole(body)) if is_whole(&head, &body) => {
                self.sort(request, Arrived { head, body, status, asked, came, wall })
            }
            Ok(Collected::TooLong(body)) => Filled::Alone(Response::from_parts(head, body), status),
            // Others' answers fill the memory there is for collecting them.
            Ok(Collected::Crowded) => Filled::Refused(Refusal::Overloaded),
            Err(Cut::Timeout) => Filled::Refused(Refusal::DeadlineExceeded(Sent::Something)),
            Ok(Collected::Whole(_)) | Err(Cut::Truncated | Cut::TooLarge) => Filled::Refused(Refusal::UpstreamInvalidResponse),
        }
    }

    /// Failures are shared though they are not stored: a failing Passport must not get a call from everyone who waits.
    fn sort(&self, request: &Validated, arrived: Arrived) -> Filled {
        let Arrived { mut head, body, status, asked, came, wall } = arrived;
        let freshness = self.freshness(request, &Received { status: head.status, fields: &head.headers, asked, came, wall });
        let answer = Answer::new(request.head(), &head, body, wall);
        let failed = head.status.is_client_error() || head.status.is_server_error();
        if freshness.is_some() || failed {
            return Filled::Shared(Arc::new(answer), freshness, status);
        }
        // It goes to the one who asked, so nothing is left out of its head.
        if let Some(tag) = answer.tag() {
            head.headers.insert(header::ETAG, tag.clone());
        }
        Filled::Alone(Response::from_parts(head, answer.into_body()), status)
    }
}

/// Whether the body is as long as was announced.
fn is_whole(head: &Parts, body: &Bytes) -> bool {
    let announced = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    announced.is_none_or(|announced: usize| announced == body.len())
}
