//! Layer 14: at most one forward per idempotency key.
//!
//! The order of things is the promise. A request with a key goes on only as the [`Owner`] of a record that is durable; from then on the
//! owner counts as sending, so that a panic, a cut or a crash leaves the outcome unknown and never the key free. The key is freed
//! only by an answer that says nothing was done, or by a refusal of which no byte was given to a socket
//! ([`Refusal::sent`]). It stands above cache and retry: a retry is of the same forward, and what may be sent twice is theirs to know.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use tower_layer::Layer;

use self::answer::Collected;
use self::key::Key;
use crate::catalogue::{Effect, Meaning};
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::stage::Validated;
use crate::store::records::{Begun, Ending, Outcome, Owner};

pub use self::policy::{Had, Idempotency, ResolveError, Scope, Status, Store};

mod answer;
mod key;
mod past;
mod policy;

/// Says that an answer is a repetition of an earlier one.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Forwards writes that bear a key once.
#[derive(Clone)]
pub struct IdempotencyLayer {
    policy: Arc<Idempotency>,
    tasks: TaskTracker,
}

impl IdempotencyLayer {
    /// Uses the gateway's one store of records; `tasks` are those that drain waits for.
    #[must_use]
    pub fn new(policy: Arc<Idempotency>, tasks: TaskTracker) -> Self {
        Self { policy, tasks }
    }
}

impl<S> Layer<S> for IdempotencyLayer {
    type Service = Idempotent<S>;

    fn layer(&self, inner: S) -> Idempotent<S> {
        Idempotent { policy: Arc::clone(&self.policy), tasks: self.tasks.clone(), inner }
    }
}

/// The service of [`IdempotencyLayer`].
pub struct Idempotent<S> {
    policy: Arc<Idempotency>,
    tasks: TaskTracker,
    inner: S,
}

/// What becomes of a request with a key.
enum Admission {
    /// It is forwarded, once.
    Owner(Owner),
    /// It was answered before.
    Replay(Response),
    /// It is forwarded without a record, because the operator wants it so while none can be kept.
    Unrecorded,
}

impl<S: Service<Validated, Error = Refusal>> Service<Validated> for Idempotent<S> {
    type Error = Refusal;

    async fn call(&self, request: Validated) -> Result<Response, Refusal> {
        match self.key(&request)? {
            None => self.inner.call(request).await,
            // In an allocation of its own: the others need not carry it.
            Some(key) => Box::pin(self.call_once(request, key)).await,
        }
    }
}

impl<S: Service<Validated, Error = Refusal>> Idempotent<S> {
    /// The key that a write bears.
    fn key(&self, request: &Validated) -> Result<Option<Key>, Refusal> {
        let effect = request.operation().effect;
        if effect == Effect::Read {
            return Ok(None);
        }
        let key = Key::of(&request.head().headers).map_err(Refusal::MalformedRequest)?;
        if key.is_none() && self.policy.requires(effect) {
            self.policy.count(request, "missing");
            return Err(Refusal::IdempotencyKeyMissing);
        }
        Ok(key)
    }

    async fn call_once(&self, request: Validated, key: Key) -> Result<Response, Refusal> {
        match self.admission(&request, &key).await? {
            Admission::Owner(owner) => self.forward(owner, request).await,
            Admission::Replay(response) => Ok(response),
            Admission::Unrecorded => self.inner.call(request).await,
        }
    }

    /// Asks the store, and asks again when the request that is under way has ended, as long as the operator lets it wait.
    async fn admission(&self, request: &Validated, key: &Key) -> Result<Admission, Refusal> {
        let Some(records) = self.policy.records() else { return self.policy.unavailable(request, "no records are kept") };
        let claim = self.policy.claim(request, key);
        let until = request.deadline().min(Instant::now() + self.policy.wait());
        loop {
            let ended = records.board().ended.notified();
            let begun = match timeout_at(request.deadline(), records.begin(claim.clone())).await {
                Ok(Ok(begun)) => begun,
                Ok(Err(why)) => return self.policy.unavailable(request, &why.to_string()),
                Err(_) => return self.policy.unavailable(request, "the store of idempotency records is too slow"),
            };
            match begun {
                Begun::InFlight if Instant::now() < until => {
                    let patience = until.min(Instant::now() + policy::LOOK_AGAIN);
                    // Either way it is asked anew: of other replicas' requests nobody tells.
                    let _ = timeout_at(patience, ended).await;
                }
                begun => return self.admit(request, begun),
            }
        }
    }

    fn admit(&self, request: &Validated, begun: Begun) -> Result<Admission, Refusal> {
        let (result, admission) = match begun {
            Begun::Started(owner) => ("forwarded", Ok(Admission::Owner(owner))),
            Begun::InFlight => ("in_flight", Err(Refusal::IdempotencyInFlight)),
            Begun::Mismatch => ("mismatch", Err(Refusal::IdempotencyMismatch)),
            Begun::Unknown(past) => ("unknown", Err(past::unknown(request, &past, None))),
            Begun::Done(outcome, past) => match answer::replayed(&outcome) {
                Some(response) => ("replayed", Ok(Admission::Replay(response))),
                None => ("unknown", Err(past::unknown(request, &past, Some(&outcome)))),
            },
        };
        self.policy.count(request, result);
        admission
    }

    /// Forwards as the owner, and tells the store how it ended before anybody else hears of it.
    async fn forward(&self, mut owner: Owner, request: Validated) -> Result<Response, Refusal> {
        self.policy.entered("in_flight");
        owner.forwarding();
        let effect = request.operation().effect;
        let meaning = |status| request.snapshot().catalogue.meaning(effect, status);
        match self.inner.call(request.clone()).await {
            Err(refusal) => {
                let nothing = refusal.sent() == Sent::Nothing;
                self.conclude(owner, if nothing { Ending::Free } else { Ending::Unknown }).await;
                Err(refusal)
            }
            Ok(response) => match meaning(response.status().as_u16()) {
                Meaning::Done => self.keep(owner, response).await,
                Meaning::Free => {
                    self.conclude(owner, Ending::Free).await;
                    Ok(response)
                }
                Meaning::Unknown => {
                    self.conclude(owner, Ending::Unknown).await;
                    Ok(response)
                }
            },
        }
    }

    /// Keeps an answer that is known to be the last, once it is whole.
    async fn keep(&self, owner: Owner, response: Response) -> Result<Response, Refusal> {
        let (head, body) = response.into_parts();
        match answer::collect(body).await {
            Collected::Whole(body) => {
                let answer = answer::kept(&head, &body);
                self.conclude(owner, Ending::Done(Outcome::Answer(answer))).await;
                Ok(Response::from_parts(head, body.into()))
            }
            Collected::Cut(cut) => {
                self.conclude(owner, Ending::Unknown).await;
                Err(answer::refused(cut))
            }
            Collected::TooLong(begun, rest) => {
                let status = head.status.as_u16();
                let policy = Arc::clone(&self.policy);
                let body = answer::poured(&self.tasks, begun, rest, async move |whole| {
                    let ending = if whole { Ending::Done(Outcome::Status(status)) } else { Ending::Unknown };
                    policy.conclude(owner, ending).await;
                });
                Ok(Response::from_parts(head, body))
            }
        }
    }

    async fn conclude(&self, owner: Owner, ending: Ending) {
        self.policy.conclude(owner, ending).await;
    }
}

/// The key among these fields, if there is a valid one: bare and quoted ones are the same.
pub(super) fn key_bytes(fields: &HeaderMap) -> Option<Vec<u8>> {
    Key::of(fields).ok().flatten().map(|key| key.as_bytes().to_vec())
}

/// The key that stands in this text, as records know it; none if it is no key.
#[must_use]
pub fn bare_key(text: &str) -> Option<String> {
    Key::parse(text).map(Key::into_text)
}

/// The field that marks a repetition.
fn mark(response: &mut Response) {
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
}

#[cfg(test)]
mod tests;
