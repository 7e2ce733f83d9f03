//! What `/status` tells: names and numbers, no secret and nothing personal.

use std::collections::BTreeMap;

use serde::Serialize;

use super::conditions::{Condition, Facts};

/// Where the admin pages learn about the gateway; asked anew for each page.
pub trait StatusSource: Send + Sync + 'static {
    /// What readiness is judged by.
    fn facts(&self) -> Facts;

    /// Everything else.
    fn status(&self) -> Status;
}

/// The gateway at this moment.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The running version.
    pub version: &'static str,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Passport's environment.
    pub environment: String,
    /// Open connections of callers, by worker.
    pub connections: Vec<usize>,
    /// Every tenant.
    pub tenants: Vec<Tenant>,
    /// Every credential.
    pub credentials: Vec<Credential>,
    /// Every issuer of callers' tokens.
    pub issuers: Vec<Issuer>,
    /// Every limit.
    pub limits: Vec<Limit>,
    /// The response cache.
    pub cache: Cache,
    /// The idempotency records; none are kept without a store.
    pub idempotency: Option<Idempotency>,
    /// Every upstream.
    pub upstreams: Vec<Upstream>,
    /// What replicas share.
    pub store: Store,
    /// The last time the configuration was read anew, if it was.
    pub last_reload: Option<Reload>,
}

/// A tenant.
#[derive(Clone, Debug, Serialize)]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// The credential its requests go up with.
    pub credential: String,
}

/// A credential toward Passport.
#[derive(Clone, Debug, Serialize)]
pub struct Credential {
    /// Its name.
    pub name: String,
    /// `pending`, `ready`, `failing` (there is a token yet), `unavailable` or `rejected`.
    pub state: &'static str,
    /// Its newest token, if it ever had one.
    pub token: Option<Token>,
    /// Why the last attempt to get a token failed, if it did.
    pub failure: Option<String>,
    /// Scopes that tenants are promised and that the token endpoint did not grant.
    pub lacking_scopes: Vec<String>,
    /// Operations on which Passport refused even fresh tokens: the credential lacks their scopes.
    pub refused_operations: Vec<String>,
}

/// An upstream token, without itself.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Token {
    /// Seconds since it was asked for.
    pub age_seconds: u64,
    /// Seconds until it expires.
    pub expires_in_seconds: u64,
}

/// An issuer of callers' tokens.
#[derive(Clone, Debug, Serialize)]
pub struct Issuer {
    /// Its `iss`.
    pub issuer: String,
    /// Keys that verify its tokens.
    pub keys: usize,
    /// Seconds since they were read.
    pub age_seconds: Option<u64>,
    /// Why the last attempt to read them failed, if it did.
    pub failure: Option<String>,
}

/// A limit and where it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Limit {
    /// `tenant`, `class`, `caller` or `quota`.
    pub kind: &'static str,
    /// Whom it limits.
    pub name: String,
    /// Requests per period.
    pub requests: u32,
    /// The period in seconds.
    pub per_seconds: f64,
    /// Requests that may come at once.
    pub burst: u32,
    /// Requests that would be admitted now; none for callers, of whom there are many.
    pub remaining: Option<u32>,
    /// Counted, but not enforced.
    pub shadow: bool,
}

/// The response cache.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cache {
    /// Entries it holds.
    pub entries: u64,
    /// Bytes it holds.
    pub bytes: u64,
    /// Bytes it may hold; 0 is off.
    pub max_bytes: u64,
    /// Upstream calls under way for it.
    pub flights: u64,
    /// The part of requests that needed no call to Passport, of those that it was asked for.
    pub hit_ratio: Option<f64>,
    /// Requests for cacheable operations since the start, by how they were dealt with.
    pub requests: BTreeMap<&'static str, u64>,
    /// Entries that left since the start, by why.
    pub evictions: BTreeMap<&'static str, u64>,
    /// Invalidations since the start, by whom.
    pub invalidations: BTreeMap<&'static str, u64>,
    /// How it stands with other replicas; none if there is no way to them.
    pub replicas: Option<CacheReplicas>,
}

/// How the cache stands with those of other replicas.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CacheReplicas {
    /// Whether their writes are heard of.
    pub heard: bool,
    /// Changes here that they were not told of yet.
    pub untold: u64,
    /// How late the last change there was heard of, if one was.
    pub last_lag_seconds: Option<f64>,
}

/// The idempotency records.
#[derive(Clone, Debug, Serialize)]
pub struct Idempotency {
    /// `embedded` or `redis`; what is counted below is then of all replicas.
    pub store: &'static str,
    /// Within what at most one forward per key holds.
    pub promise_holds_within: &'static str,
    /// `opening`, `open`, `failing` or `closed`.
    pub condition: &'static str,
    /// Why it cannot be used, if it fails and that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Writes that are under way.
    pub in_flight: u64,
    /// Writes whose outcome is known.
    pub done: u64,
    /// Writes whose outcome nobody knows: resolve them.
    pub unknown: u64,
    /// Since how many seconds the oldest of those is unknown.
    pub oldest_unknown_seconds: Option<u64>,
    /// Bytes they take; Redis counts its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// An upstream.
#[derive(Clone, Debug, Serialize)]
pub struct Upstream {
    /// The catalogue's name for it.
    pub name: String,
    /// Scheme and authority; none disables its operations.
    pub origin: Option<String>,
    /// `closed`, `half open` or `open`.
    pub breaker: &'static str,
    /// Requests in flight.
    pub in_flight: u64,
    /// Pooled connections that wait for a request.
    pub idle_connections: u64,
}

/// Where what replicas share is kept.
#[derive(Clone, Debug, Serialize)]
pub struct Store {
    /// `embedded` or `redis`.
    pub kind: &'static str,
    /// `connecting`, `connected`, `slow` or `away`; the embedded one is `connected`.
    pub state: &'static str,
    /// Seconds since it entered this state.
    pub since_seconds: u64,
    /// Why it is away, if it is.
    pub failure: Option<String>,
}

/// A time the configuration was read anew.
#[derive(Clone, Debug, Serialize)]
pub struct Reload {
    /// Seconds since then.
    pub age_seconds: u64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of reading the configuration anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Whether it was applied.
    pub applied: bool,
    /// Why not.
    pub faults: Vec<String>,
    /// What is legal in it, but unwise.
    pub warnings: Vec<String>,
    /// Keys that were changed and count from the next restart on.
    pub needs_restart: Vec<String>,
}

/// A whole answer of `/status`.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) ready: bool,
    pub(super) conditions: Vec<Condition>,
    #[serde(flatten)]
    pub(super) status: Status,
}
