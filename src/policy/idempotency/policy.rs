//! What all workers share: the store, how keys are scoped, and what is counted.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Admission;
use super::key::Key;
use crate::catalogue::Effect;
use crate::clock::SharedClock;
use crate::config::{self, RequiredFor, SharedBy, WhenUnavailable};
use crate::metrics::{IdempotencyResult, IdempotencyState, Metrics};
use crate::refusal::Refusal;
use crate::stage::Validated;
use crate::store::records::embedded::OpenError;
use crate::store::records::{Board, Claim, Condition, Ending, Fingerprint, Name, Owner, Records, Resolution, Trace, Unresolved};

/// How often who waits for another's request looks again by itself.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How often what is kept long enough is let go of.
const SWEEP: Duration = Duration::from_secs(10);

/// A store that is open, or being waited for.
#[derive(Debug)]
pub struct Store {
    /// The handle on it.
    pub records: Records,
    /// Word of whether it could be had.
    pub had: Had,
}

/// Word of whether a store could be had.
pub type Had = oneshot::Receiver<Result<(), OpenError>>;

/// The gateway's one store of records, and the rules for using it.
pub struct Idempotency {
    records: Option<Records>,
    had: Mutex<Option<Had>>,
    environment: Arc<str>,
    required_for: RequiredFor,
    wait: Duration,
    shared_by: SharedBy,
    when_unavailable: WhenUnavailable,
    metrics: Arc<Metrics>,
}

/// How the store of records is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether it can be used.
    pub condition: Condition,
    /// Why it cannot, if that is known.
    pub failure: Option<String>,
    /// Records in flight, done and unknown.
    pub records: [u64; 3],
    /// Bytes they take.
    pub bytes: u64,
    /// Since when, in milliseconds of Unix time, the oldest of the unknown ones is unknown.
    pub oldest_unknown: Option<u64>,
}

impl Idempotency {
    /// Uses `store`, if records are kept.
    #[must_use]
    pub fn new(settings: &config::Idempotency, environment: &Arc<str>, store: Option<Store>, metrics: Arc<Metrics>) -> Self {
        let (records, had) = store.map(|store| (store.records, store.had)).unzip();
        Self {
            records,
            had: Mutex::new(had),
            environment: Arc::clone(environment),
            required_for: settings.required_for,
            wait: settings.wait,
            shared_by: settings.shared_by,
            when_unavailable: settings.when_unavailable,
            metrics,
        }
    }

    /// Word of whether the store could be had, for the one who stops the gateway if not.
    #[must_use]
    pub fn had(&self) -> Option<Had> {
        self.had.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How the store is doing; none if no records are kept.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        let board = self.records.as_ref()?.board();
        Some(Status {
            condition: board.condition(),
            failure: board.failure(),
            records: [&board.in_flight, &board.done, &board.unknown].map(|count| count.load(Relaxed)),
            bytes: board.bytes.load(Relaxed),
            oldest_unknown: board.oldest_unknown(),
        })
    }

    /// Takes an operator's word for what became of a write.
    ///
    /// # Errors
    ///
    /// Its outcome is not unknown, or the store does nothing.
    pub async fn resolve(&self, scope: Scope<'_>, key: &str, resolution: Resolution) -> Result<(), ResolveError> {
        let records = self.records.as_ref().ok_or(ResolveError::NoRecords)?;
        let key = Key::parse(key).ok_or(ResolveError::NoKey)?;
        let resolved = records.resolve(self.name(scope, &key), resolution).await;
        if resolved.is_ok() {
            self.entered(match resolution {
                Resolution::Done => "done",
                Resolution::Free => "free",
            });
        }
        self.show(records.board());
        Ok(resolved?)
    }

    /// Lets go of what is kept long enough, until `ended`; then gives the store up.
    pub async fn keep(self: Arc<Self>, clock: SharedClock, ended: CancellationToken) {
        let Some(records) = &self.records else { return };
        loop {
            self.show(records.board());
            tokio::select! {
                () = ended.cancelled() => break,
                () = clock.sleep_until(clock.now() + SWEEP) => records.sweep(),
            }
        }
        records.close().await;
    }

    pub(super) fn records(&self) -> Option<&Records> {
        self.records.as_ref()
    }

    pub(super) fn wait(&self) -> Duration {
        self.wait
    }

    pub(super) fn requires(&self, effect: Effect) -> bool {
        self.required_for.covers(effect)
    }

    pub(super) fn claim(&self, request: &Validated, key: &Key) -> Claim {
        let scope = Scope {
            credential: request.credential().1.name.as_str(),
            tenant: request.tenant().name.as_str(),
            caller: request.exchange().caller().map_or("", |caller| caller),
        };
        Claim {
            name: self.name(scope, key),
            fingerprint: fingerprint(request),
            trace: Trace {
                operation: request.operation().name.to_string(),
                request_id: request.exchange().id().to_str().unwrap_or_default().to_owned(),
            },
        }
    }

    fn name(&self, scope: Scope<'_>, key: &Key) -> Name {
        let Scope { credential, tenant, caller } = scope;
        let own = match self.shared_by {
            SharedBy::Tenant => "",
            SharedBy::Caller => caller,
        };
        Name::of(&[self.environment.as_bytes(), credential.as_bytes(), tenant.as_bytes(), own.as_bytes(), key.as_bytes()])
    }

    /// What becomes of a request while no record can be kept.
    pub(super) fn unavailable(&self, request: &Validated, why: &str) -> Result<Admission, Refusal> {
        let is_money = request.operation().effect == Effect::Money;
        if is_money || self.records.is_none() || self.when_unavailable == WhenUnavailable::Refuse {
            self.count(request, "unavailable");
            tracing::warn!(operation = &*request.operation().name, why, "a write with a key is refused");
            return Err(Refusal::IdempotencyUnavailable);
        }
        self.count(request, "unrecorded");
        tracing::warn!(operation = &*request.operation().name, why, "a write with a key is forwarded without a record");
        Ok(Admission::Unrecorded)
    }

    /// Tells the store how a write ended. If it does not take note, the outcome is unknown to it, which is safe.
    pub(super) async fn conclude(&self, owner: Owner, ending: Ending) {
        let state = match &ending {
            Ending::Done(_) => "done",
            Ending::Free => "free",
            Ending::Unknown => "unknown",
        };
        let began = Instant::now();
        match owner.end(ending).await {
            Ok(()) => self.entered(state),
            Err(error) => {
                self.entered("unknown");
                tracing::error!(%error, waited_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX), "how a write with a key ended was not recorded: its outcome stays unknown");
            }
        }
        if let Some(records) = &self.records {
            self.show(records.board());
        }
    }

    /// Counts a record that reached a state.
    pub(super) fn entered(&self, state: &'static str) {
        self.metrics.idempotency_records_total.with(IdempotencyState { state }).inc();
    }

    /// Counts a request by what its key led to.
    pub(super) fn count(&self, request: &Validated, result: &'static str) {
        let operation = &*request.operation().name;
        self.metrics.idempotency_requests_total.with(IdempotencyResult { operation, result }).inc();
        request.exchange().set_idempotency(result);
    }

    fn show(&self, board: &Board) {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        for (state, count) in [("in_flight", &board.in_flight), ("done", &board.done), ("unknown", &board.unknown)] {
            self.metrics.idempotency_records_kept.with(IdempotencyState { state }).set(whole(count.load(Relaxed)));
        }
        self.metrics.idempotency_record_bytes.with(()).set(whole(board.bytes.load(Relaxed)));
        let oldest = board.oldest_unknown().unwrap_or_default() / 1000;
        self.metrics.idempotency_oldest_unknown_timestamp_seconds.with(()).set(whole(oldest));
    }
}

/// Whose a key is.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The credential that the request goes up with.
    pub credential: &'a str,
    /// The tenant it is of.
    pub tenant: &'a str,
    /// Who sent it; counts only where callers do not share keys.
    pub caller: &'a str,
}

/// Why an operator's word changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no store.
    #[error("no idempotency records are kept")]
    NoRecords,
    /// What was given is no key.
    #[error("the key is not one of 1 to 255 visible characters")]
    NoKey,
    /// The record is not to be resolved.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
}

/// A digest of operation, target and body: the same request, or another one.
fn fingerprint(request: &Validated) -> Fingerprint {
    let mut context = digest::Context::new(&digest::SHA256);
    let parts = [request.operation().name.as_bytes(), request.target().as_str().as_bytes(), request.body()];
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}
