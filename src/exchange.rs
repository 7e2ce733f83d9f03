//! The facts of one request, on their way outwards.
//!
//! Proof travels inwards in stages; facts travel outwards here. Observe makes one exchange per request, every stage carries it,
//! the layer that learns a fact writes it once, and observe reads them all, also for a request that was abandoned.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use crate::catalogue::{OperationId, Violation};
use crate::tenant::TenantName;
use crate::trace::{OpenSpan, Stage, Trace};

pub use self::facts::{CacheResult, CacheStatus, Forward, LimitState};

mod facts;

/// A shared handle on one request's facts.
#[derive(Clone, Debug)]
pub struct Exchange(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    id: HeaderValue,
    started: Instant,
    trace: Option<Trace>,
    operation: OnceLock<(OperationId, Arc<str>)>,
    tenant: OnceLock<TenantName>,
    caller: OnceLock<Arc<str>>,
    cache: OnceLock<CacheStatus>,
    limit: OnceLock<LimitState>,
    idempotency: OnceLock<&'static str>,
    refused: OnceLock<&'static str>,
    audited: OnceLock<()>,
    reported: OnceLock<Vec<Violation>>,
    scope_missed: OnceLock<()>,
    validated: OnceLock<Instant>,
    attempts: AtomicU32,
    upstream: AtomicU64,
    waited: AtomicU64,
    body_wait: AtomicU64,
}

macro_rules! fact {
    ($(#[$doc:meta])* $set:ident, $name:ident: $type:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> Option<&$type> {
            self.0.$name.get()
        }

        /// Writes the fact; the first writer wins.
        pub fn $set(&self, fact: $type) {
            let _ = self.0.$name.set(fact);
        }
    };
}

macro_rules! wait {
    ($(#[$doc:meta])* $add:ident, $name:ident) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> Duration {
            Duration::from_nanos(self.0.$name.load(Relaxed))
        }

        /// Adds to it.
        pub fn $add(&self, wait: Duration) {
            self.0.$name.fetch_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        }
    };
}

impl Exchange {
    /// The facts of a request whose head was complete at `started`.
    #[must_use]
    pub fn new(id: HeaderValue, started: Instant) -> Self {
        Self::traced(id, started, None)
    }

    /// The same, as part of a trace.
    #[must_use]
    pub fn traced(id: HeaderValue, started: Instant, trace: Option<Trace>) -> Self {
        Self(Arc::new(Facts {
            id,
            started,
            trace,
            operation: OnceLock::new(),
            tenant: OnceLock::new(),
            caller: OnceLock::new(),
            cache: OnceLock::new(),
            limit: OnceLock::new(),
            idempotency: OnceLock::new(),
            refused: OnceLock::new(),
            audited: OnceLock::new(),
            reported: OnceLock::new(),
            scope_missed: OnceLock::new(),
            validated: OnceLock::new(),
            attempts: AtomicU32::new(0),
            upstream: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            body_wait: AtomicU64::new(0),
        }))
    }

    /// The request's id, as it goes up and back.
    #[must_use]
    pub fn id(&self) -> &HeaderValue {
        &self.0.id
    }

    /// When its head was complete.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.0.started
    }

    /// Its part of a trace, if requests are traced.
    #[must_use]
    pub fn trace(&self) -> Option<&Trace> {
        self.0.trace.as_ref()
    }

    /// Opens a span for a stage that may wait, if this request is traced and sampled.
    #[must_use]
    pub fn span(&self, stage: Stage) -> Option<OpenSpan<'_>> {
        self.0.trace.as_ref()?.open(stage)
    }

    fact! {
        /// The operation, once routed.
        set_operation, operation: (OperationId, Arc<str>)
    }

    fact! {
        /// The tenant, once authenticated.
        set_tenant, tenant: TenantName
    }

    fact! {
        /// The caller's id, once authenticated; for the log, never a metric label.
        set_caller, caller: Arc<str>
    }

    fact! {
        /// How the cache dealt with it.
        set_cache, cache: CacheStatus
    }

    fact! {
        /// The tightest limit that counted it.
        set_limit, limit: LimitState
    }

    fact! {
        /// What its idempotency key led to.
        set_idempotency, idempotency: &'static str
    }

    fact! {
        /// The name of the problem it ended in.
        set_refused, refused: &'static str
    }

    fact! {
        /// That it is a write which began, and that whoever sees it through records it.
        set_audited, audited: ()
    }

    fact! {
        /// Violations of rules that are reported, not enforced.
        set_reported, reported: Vec<Violation>
    }

    fact! {
        /// That it passed though it lacked the operation's scope, because its tenant's scopes are in shadow.
        set_scope_missed, scope_missed: ()
    }

    fact! {
        /// When its body had come and validation began: the upstream's time budget starts here.
        set_validated, validated: Instant
    }

    /// Requests given to the upstream for it.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts.load(Relaxed)
    }

    /// Counts one request given to the upstream.
    pub fn add_attempt(&self) {
        self.0.attempts.fetch_add(1, Relaxed);
    }

    wait! {
        /// Time spent waiting for the upstream's answers.
        add_upstream, upstream
    }

    wait! {
        /// Time spent waiting for another request's upstream call, or for a token.
        add_waited, waited
    }

    wait! {
        /// Time spent waiting for the caller's body.
        add_body_wait, body_wait
    }

    /// All waits for others: what remains of the duration is the gateway's own.
    #[must_use]
    pub fn waits(&self) -> Duration {
        self.upstream() + self.waited() + self.body_wait()
    }
}
