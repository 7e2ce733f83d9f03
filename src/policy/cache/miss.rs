//! What the cache does when it holds no answer: one flight for all who ask for the same, and patience with a bound.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Cache;
use super::control::CacheControl;
use super::fill::Filled;
use super::flight::{Flight, Lead, Outcome, Seat};
use super::store::{Entry, Found};
use crate::exchange::{CacheResult, CacheStatus};
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::stage::Validated;

/// How long a request waits for another's flight before a second one is begun.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of a miss.
pub(super) struct Fetched {
    /// The answer, or why there is none.
    pub answer: Result<Response, Refusal>,
    /// Which way it came.
    pub status: CacheStatus,
}

/// How a request's waiting ended; with the receiver of the answer if the flight was its own.
type Waited = (Outcome, Option<oneshot::Receiver<Response>>);

impl<S: Service<Validated, Error = Refusal>> Cache<S> {
    /// Gets an answer from upstream, in company where that is possible.
    pub(super) async fn fetch(&self, request: &Validated, control: &CacheControl, found: &Found) -> Fetched {
        if matches!(found, Found::Alone(until) if self.cache.clock().now() < *until) {
            return self.alone(request).await;
        }
        match self.cache.board(request, control) {
            Seat::Landed(entry) => {
                let (response, status) = self.recall(request, &entry, CacheResult::Hit);
                Fetched { answer: Ok(response), status }
            }
            Seat::Leader(lead) => {
                let flight = Arc::clone(lead.flight());
                let own = self.start(request.clone(), lead);
                let landed = timeout_at(request.deadline(), flight.landed()).await;
                self.disembark(request, (landed.unwrap_or(LATE), Some(own))).await
            }
            Seat::Passenger(flight) => {
                let waited = self.wait(request, &flight).await;
                self.disembark(request, waited).await
            }
        }
    }

    /// Renews a stale answer while it is being served.
    pub(super) fn renew(&self, request: &Validated) {
        if let Seat::Leader(lead) = self.cache.board(request, &CacheControl::default()) {
            drop(self.start(request.clone(), lead));
        }
    }

    /// Starts a flight in a task of its own: the leader's leaving strands nobody. An answer that cannot be shared goes to the
    /// leader alone.
    fn start(&self, request: Validated, lead: Lead) -> oneshot::Receiver<Response> {
        let (leader, own) = oneshot::channel();
        let (cache, inner) = (Arc::clone(&self.cache), Arc::clone(&self.inner));
        self.cache.tasks().spawn(async move {
            let request = request.with_own_budget(Instant::now());
            let flight = Arc::clone(lead.flight());
            let filled = cache.fill(&*inner, request.clone(), flight.began).await;
            lead.land(|| {
                let stored = cache.keep(&request, &filled, &flight.epoch);
                match filled {
                    Filled::Shared(answer, _) => Outcome::Answer(answer, stored),
                    Filled::Refused(refusal) => Outcome::Refused(refusal),
                    Filled::Alone(response) => {
                        // A leader that has left needs no answer.
                        let _ = leader.send(response);
                        Outcome::Unshared
                    }
                }
            });
        });
        own
    }

    /// Waits for another's flight, and beyond the bound for a second one as well.
    async fn wait(&self, request: &Validated, first: &Arc<Flight>) -> Waited {
        let since = Instant::now();
        let patience = timeout_at((since + PATIENCE).min(request.deadline()), first.landed()).await;
        request.exchange().add_waited(since.elapsed());
        match patience {
            Ok(outcome) => return (outcome, None),
            Err(_) if Instant::now() >= request.deadline() => return (LATE, None),
            Err(_) => {}
        }
        let (second, own) = match self.cache.board_again(request, first) {
            Seat::Landed(outcome) => return (outcome, None),
            Seat::Passenger(flight) => (flight, None),
            Seat::Leader(lead) => (Arc::clone(lead.flight()), Some(self.start(request.clone(), lead))),
        };
        let since = Instant::now();
        let waited = tokio::select! {
            biased;
            outcome = second.landed() => (outcome, own),
            outcome = first.landed() => (outcome, None),
            () = sleep_until(request.deadline()) => (LATE, None),
        };
        if waited.1.is_none() {
            request.exchange().add_waited(since.elapsed());
        }
        waited
    }

    /// Takes a flight's outcome for one of those who waited for it.
    async fn disembark(&self, request: &Validated, (outcome, own): Waited) -> Fetched {
        let result = if own.is_some() { CacheResult::Miss } else { CacheResult::Collapsed };
        let head = request.head();
        match (outcome, own) {
            (Outcome::Answer(answer, stored), own) if own.is_some() || answer.answers(&head.headers) => {
                Fetched { answer: Ok(answer.respond(head, None)), status: status(result, stored) }
            }
            (Outcome::Refused(refusal), _) => Fetched { answer: Err(refusal), status: status(result, None) },
            (Outcome::Unshared, Some(own)) => {
                let answer = own.await.map_err(|_| Refusal::Internal);
                Fetched { answer, status: status(result, None) }
            }
            (Outcome::Answer(..) | Outcome::Unshared, _) => self.alone(request).await,
        }
    }

    /// Asks for a request alone, within the request's own time, and keeps what may be kept.
    async fn alone(&self, request: &Validated) -> Fetched {
        let (began, epoch) = (self.cache.clock().now(), self.cache.epoch(request));
        let filled = self.cache.fill(&*self.inner, request.clone(), began).await;
        let stored = self.cache.keep_between_boardings(request, &filled, &epoch);
        let answer = match filled {
            Filled::Shared(answer, _) => Ok(answer.respond(request.head(), None)),
            Filled::Alone(response) => Ok(response),
            Filled::Refused(refusal) => Err(refusal),
        };
        Fetched { answer, status: status(CacheResult::Miss, stored) }
    }

    /// Answers a request with what is stored.
    pub(super) fn recall(&self, request: &Validated, entry: &Entry, result: CacheResult) -> (Response, CacheStatus) {
        let now = self.cache.clock().now();
        let response = entry.answer.respond(request.head(), Some(entry.freshness.age(now)));
        (response, CacheStatus { result, ttl: Some(entry.freshness.ttl(now)), stored: false })
    }
}

/// The end of a request whose time ran out while it waited.
const LATE: Outcome = Outcome::Refused(Refusal::DeadlineExceeded(Sent::Something));

fn status(result: CacheResult, stored: Option<i64>) -> CacheStatus {
    CacheStatus { result, ttl: stored, stored: stored.is_some() }
}

/// Whether an answer is an error in the sense of `stale-if-error` (RFC 5861 §4): 500, 502, 503 or 504, or none where one of these
/// would be made. A credential that Passport refuses is none: what it was allowed to see once, it may not see now.
pub(super) fn is_failure(answer: &Result<Response, Refusal>) -> bool {
    let status = match answer {
        Ok(response) => response.status(),
        Err(Refusal::UpstreamCredentialRejected | Refusal::UpstreamScopeMissing(_)) => return false,
        Err(refusal) => refusal.kind().status,
    };
    matches!(
        status,
        StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}
