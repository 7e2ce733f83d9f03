//! What the cache does when it holds no answer: one flight for all who ask for the same, and patience with a bound.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Cache;
use super::control::CacheControl;
use super::fill::Filled;
use super::flight::{Flight, Landed, Lead, Outcome, Seat};
use super::store::{Entry, Found};
use crate::exchange::{CacheResult, CacheStatus, Forward};
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::stage::Validated;
use crate::trace::Stage;

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
type Waited = (Outcome, Option<oneshot::Receiver<Alone>>);

/// An answer for one receiver, and what Passport answered.
type Alone = (Response, StatusCode);

impl<S: Service<Validated, Error = Refusal>> Cache<S> {
    /// Gets an answer from upstream, in company where that is possible. `why` is why what was found will not do.
    pub(super) async fn fetch(&self, request: &Validated, control: &CacheControl, found: &Found, why: Forward) -> Fetched {
        if matches!(found, Found::Alone(until) if self.cache.clock().now() < *until) {
            return self.alone(request, why).await;
        }
        loop {
            let waited = match self.cache.board(request, control) {
                Seat::Landed(entry) => {
                    let (response, status) = self.recall(request, &entry, CacheResult::Hit);
                    return Fetched { answer: Ok(response), status };
                }
                Seat::Leader(lead) => {
                    let flight = Arc::clone(lead.flight());
                    let own = self.start(request.clone(), lead, found.entry());
                    (timeout_at(request.deadline(), flight.landed()).await.unwrap_or(LATE), Some(own))
                }
                Seat::Passenger(flight) => self.wait(request, &flight).await,
            };
            if !matches!(waited, (Outcome::Stranded, None)) {
                return self.disembark(request, waited, why).await;
            }
        }
    }

    /// Renews a stale answer while it is being served.
    pub(super) fn renew(&self, request: &Validated, entry: &Arc<Entry>) {
        if let Seat::Leader(lead) = self.cache.board(request, &CacheControl::default()) {
            let request = request.clone().in_background(Instant::now());
            drop(self.start(request, lead, Some(Arc::clone(entry))));
        }
    }

    /// Starts a flight in a task of its own: the leader's leaving strands nobody. An answer that cannot be shared goes to the
    /// leader alone. What is held is renewed by its validators, unless it was invalidated before the flight began.
    fn start(&self, request: Validated, lead: Lead, held: Option<Arc<Entry>>) -> oneshot::Receiver<Alone> {
        let (leader, own) = oneshot::channel();
        let (cache, inner) = (Arc::clone(&self.cache), Arc::clone(&self.inner));
        let held = held.filter(|held| held.epoch.is_of_the_same(&lead.flight().epoch));
        self.cache.tasks().spawn(async move {
            let request = request.with_own_budget(Instant::now());
            let flight = Arc::clone(lead.flight());
            let filled = cache.fill(&*inner, &request, flight.began, held.as_ref().map(|held| &*held.answer)).await;
            lead.land(|| {
                let stored = cache.keep(&request, &filled, &flight.epoch);
                match filled {
                    Filled::Shared(answer, _, status) => Outcome::Answer(Landed { answer, stored, status }),
                    Filled::Refused(refusal) => Outcome::Refused(refusal),
                    Filled::Alone(response, status) => {
                        // A leader that has left needs no answer.
                        let _ = leader.send((response, status));
                        Outcome::Unshared
                    }
                }
            });
        });
        own
    }

    /// Waits for another's flight, and beyond the bound for a second one as well.
    async fn wait(&self, request: &Validated, first: &Arc<Flight>) -> Waited {
        let _span = request.exchange().span(Stage::Flight);
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
            Seat::Leader(lead) => (Arc::clone(lead.flight()), Some(self.start(request.clone(), lead, None))),
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
    async fn disembark(&self, request: &Validated, (outcome, own): Waited, why: Forward) -> Fetched {
        let head = request.head();
        match (outcome, own) {
            (Outcome::Answer(landed), own) if own.is_some() || landed.answer.answers(&head.headers) => {
                let response = landed.answer.respond(head, None);
                let status = CacheStatus { collapsed: own.is_none(), ..status(why, &landed, response.status()) };
                Fetched { answer: Ok(response), status: collapsed(status) }
            }
            (Outcome::Refused(refusal), own) => {
                let status = CacheStatus { collapsed: own.is_none(), ..CacheStatus::forwarded(CacheResult::Miss, why) };
                Fetched { answer: Err(refusal), status: collapsed(status) }
            }
            (Outcome::Unshared, Some(own)) => match own.await {
                Ok(alone) => unshared(alone, why),
                Err(_) => defect(why),
            },
            // Its own worker is ending, so it will hardly be heard.
            (Outcome::Stranded, _) => defect(why),
            (Outcome::Answer(_) | Outcome::Unshared, _) => self.alone(request, why).await,
        }
    }

    /// Asks for a request alone, within the request's own time, and keeps what may be kept.
    async fn alone(&self, request: &Validated, why: Forward) -> Fetched {
        let (began, epoch) = (self.cache.clock().now(), self.cache.epoch(request));
        let filled = self.cache.fill(&*self.inner, request, began, None).await;
        let stored = self.cache.keep_between_boardings(request, &filled, &epoch);
        match filled {
            Filled::Shared(answer, _, upstream) => {
                let response = answer.respond(request.head(), None);
                let status = status(why, &Landed { answer, stored, status: upstream }, response.status());
                Fetched { answer: Ok(response), status }
            }
            Filled::Alone(response, upstream) => unshared((response, upstream), why),
            Filled::Refused(refusal) => Fetched { answer: Err(refusal), status: CacheStatus::forwarded(CacheResult::Miss, why) },
        }
    }

    /// Answers a request with what is stored.
    pub(super) fn recall(&self, request: &Validated, entry: &Entry, result: CacheResult) -> (Response, CacheStatus) {
        let now = self.cache.clock().now();
        let response = entry.answer.respond(request.head(), Some(entry.freshness.age(now)));
        (response, CacheStatus::hit(result, entry.freshness.ttl(now)))
    }
}

/// The end of a request whose time ran out while it waited.
const LATE: Outcome = Outcome::Refused(Refusal::DeadlineExceeded(Sent::Something));

/// What is told of an answer that came from Passport; a 304 that the gateway had asked for confirmed what it held.
fn status(why: Forward, landed: &Landed, told: StatusCode) -> CacheStatus {
    let is_confirmed = landed.status == StatusCode::NOT_MODIFIED;
    let result = if is_confirmed { CacheResult::Revalidated } else { CacheResult::Miss };
    CacheStatus {
        forward_status: (landed.status != told).then_some(landed.status),
        stored: landed.stored.is_some(),
        ttl: landed.stored,
        ..CacheStatus::forwarded(result, why)
    }
}

/// Who had another's answer is counted as such, whatever it was.
fn collapsed(status: CacheStatus) -> CacheStatus {
    if status.collapsed { CacheStatus { result: CacheResult::Collapsed, ..status } } else { status }
}

fn unshared((response, upstream): Alone, why: Forward) -> Fetched {
    let forward_status = (response.status() != upstream).then_some(upstream);
    let status = CacheStatus { forward_status, ..CacheStatus::forwarded(CacheResult::Miss, why) };
    Fetched { answer: Ok(response), status }
}

fn defect(why: Forward) -> Fetched {
    Fetched { answer: Err(Refusal::Internal), status: CacheStatus::forwarded(CacheResult::Miss, why) }
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
