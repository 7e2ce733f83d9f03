//! How the gateway is doing, gathered for probes, `/status` and the gauges of the cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::reload::LastReload;
use crate::admin::{self, Attempt, Facts, Status, StatusSource};
use crate::catalogue::Effect;
use crate::config;
use crate::metrics::{Upstream, UpstreamState};
use crate::policy::authenticate::KeyStatus;
use crate::policy::cache::CacheReport;
use crate::policy::idempotency;
use crate::rate::Rate;
use crate::server::Loads;
use crate::snapshot::{Credential, Limit};
use crate::stack::Shared;
use crate::store::CallerLimits;
use crate::store::records::Condition;
use crate::store::redis::State;
use crate::transport::Origin;
use crate::upstream::token;

/// What can be told of a running gateway.
pub(super) struct Vitals {
    shared: Arc<Shared>,
    loads: Loads,
    last_reload: Arc<LastReload>,
    started: Instant,
    draining: AtomicBool,
}

impl Vitals {
    /// A gateway that starts now.
    pub(super) fn new(shared: Arc<Shared>, loads: Loads, last_reload: Arc<LastReload>) -> Self {
        Self { started: shared.clock.now(), shared, loads, last_reload, draining: AtomicBool::new(false) }
    }

    /// The gateway was told to stop.
    pub(super) fn draining(&self) {
        self.draining.store(true, Relaxed);
    }

    fn uptime(&self) -> Duration {
        self.shared.clock.now().saturating_duration_since(self.started)
    }

    fn limits(&self) -> Vec<admin::Limit> {
        let (snapshot, now) = (self.shared.snapshots.load(), self.shared.clock.now());
        let limit = |kind, name: String, of: &Limit| limit(kind, name, of, now);
        let tenants = snapshot.tenants().iter().flat_map(|tenant| {
            let own = tenant.limit.iter().map(|own| limit("tenant", tenant.name.to_string(), own));
            let class = |effect: Effect| {
                Some(limit("class", format!("{} {}", tenant.name, effect.as_str()), tenant.class_limit(effect)?))
            };
            let callers = tenant.caller_limit.iter().map(|limit| callers(tenant.name.to_string(), limit));
            own.chain([Effect::Read, Effect::Write, Effect::Money].into_iter().filter_map(class))
                .chain(callers)
                .collect::<Vec<_>>()
        });
        let quota = |credential: &Credential| Some(limit("quota", credential.name.to_string(), credential.quota.as_ref()?));
        tenants.chain(snapshot.credentials().iter().filter_map(quota)).collect()
    }

    fn store(&self) -> admin::Store {
        let Some(redis) = &self.shared.redis else {
            return admin::Store { kind: "embedded", state: "connected", since_seconds: self.uptime().as_secs(), failure: None };
        };
        let status = redis.status();
        let (state, failure) = match status.state {
            State::Connecting => ("connecting", None),
            State::Connected => ("connected", None),
            State::Slow => ("slow", None),
            State::Away(reason) => ("away", Some(reason)),
        };
        admin::Store { kind: "redis", state, since_seconds: status.since.elapsed().as_secs(), failure }
    }

    fn idempotency(&self, status: idempotency::Status) -> admin::Idempotency {
        let [in_flight, done, unknown] = status.records;
        let wall = self.shared.clock.wall();
        let age = |since: u64| wall.duration_since(UNIX_EPOCH + Duration::from_millis(since)).unwrap_or_default().as_secs();
        let shared = self.shared.redis.is_some();
        admin::Idempotency {
            store: if shared { "redis" } else { "embedded" },
            promise_holds_within: if shared { "this Redis and prefix" } else { "this file" },
            condition: status.condition.as_str(),
            failure: status.failure,
            in_flight,
            done,
            unknown,
            oldest_unknown_seconds: status.oldest_unknown.map(age),
            bytes: (!shared).then_some(status.bytes),
        }
    }

    fn upstreams(&self) -> Vec<admin::Upstream> {
        let metrics = &self.shared.metrics;
        let upstream = |upstream: &config::Upstream| {
            let name = &*upstream.name;
            let connections = |state| metrics.upstream_connections.with(UpstreamState { upstream: name, state }).get();
            admin::Upstream {
                name: name.to_owned(),
                origin: upstream.base.as_ref().map(origin),
                breaker: match metrics.breaker_state.with(Upstream { upstream: name }).get() {
                    0 => "closed",
                    1 => "half open",
                    _ => "open",
                },
                in_flight: connections("active").unsigned_abs(),
                idle_connections: connections("idle").unsigned_abs(),
            }
        };
        self.shared.snapshots.config().passport.upstreams.iter().map(upstream).collect()
    }
}

impl StatusSource for Vitals {
    fn facts(&self) -> Facts {
        let tokens = self.shared.tokens.statuses();
        let keys = self.shared.keys.status();
        Facts {
            uptime: self.uptime(),
            draining: self.draining.load(Relaxed),
            credentials: tokens.iter().map(|token| (token.credential.to_string(), minted(token))).collect(),
            issuers: keys.iter().map(|keys| (keys.issuer.to_string(), fetched(keys))).collect(),
            records: self.shared.idempotency.status().map(|status| status.condition != Condition::Opening),
        }
    }

    fn status(&self) -> Status {
        let clock = &self.shared.clock;
        let config = self.shared.snapshots.config();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: self.uptime().as_secs(),
            environment: config.passport.environment.to_string(),
            connections: self.loads.open(),
            tenants: config.tenants.iter().map(tenant).collect(),
            credentials: self.shared.tokens.statuses().iter().map(credential).collect(),
            issuers: self.shared.keys.status().iter().map(|keys| issuer(keys, clock.wall())).collect(),
            limits: self.limits(),
            cache: cache(&self.shared.cache.status()),
            idempotency: self.shared.idempotency.status().map(|status| self.idempotency(status)),
            upstreams: self.upstreams(),
            store: self.store(),
            last_reload: self.last_reload.shown(clock.now()),
        }
    }
}

fn minted(token: &token::Status) -> Attempt {
    match (token.attempted, token.generation) {
        (false, _) => Attempt::Pending,
        (true, 0) => Attempt::Failed,
        (true, _) => Attempt::Succeeded,
    }
}

fn fetched(keys: &KeyStatus) -> Attempt {
    match (keys.attempted, keys.last_success) {
        (false, _) => Attempt::Pending,
        (true, None) => Attempt::Failed,
        (true, Some(_)) => Attempt::Succeeded,
    }
}

fn cache(report: &CacheReport) -> admin::Cache {
    let replicas = report.replicas.map(|replicas| admin::CacheReplicas {
        heard: replicas.heard,
        untold: replicas.untold,
        last_lag_seconds: replicas.last_lag.map(|lag| lag.as_secs_f64()),
    });
    admin::Cache {
        entries: report.entries as u64,
        bytes: report.bytes,
        max_bytes: report.max_bytes,
        flights: report.flights as u64,
        hit_ratio: report.hit_ratio(),
        requests: report.results.into(),
        evictions: report.evictions.into(),
        invalidations: report.invalidations.into(),
        replicas,
    }
}

fn tenant(tenant: &config::Tenant) -> admin::Tenant {
    admin::Tenant { name: tenant.name.to_string(), credential: tenant.credential.to_string() }
}

fn credential(status: &token::Status) -> admin::Credential {
    let seconds = |duration: Duration| duration.as_secs();
    let token = status
        .age
        .zip(status.expires_in)
        .map(|(age, expires_in)| admin::Token { age_seconds: seconds(age), expires_in_seconds: seconds(expires_in) });
    admin::Credential {
        name: status.credential.to_string(),
        state: status.state.as_str(),
        token,
        failure: status.failure.as_ref().map(ToString::to_string),
        lacking_scopes: status.lacking.iter().map(ToString::to_string).collect(),
        refused_operations: status.scope_missing.iter().map(ToString::to_string).collect(),
    }
}

fn issuer(keys: &KeyStatus, wall: SystemTime) -> admin::Issuer {
    let age = |at: SystemTime| wall.duration_since(at).unwrap_or_default().as_secs();
    admin::Issuer {
        issuer: keys.issuer.to_string(),
        keys: keys.keys,
        age_seconds: keys.last_success.map(age),
        failure: keys.last_error.as_ref().map(ToString::to_string),
    }
}

fn limit(kind: &'static str, name: String, limit: &Limit, now: Instant) -> admin::Limit {
    let remaining = Some(limit.counter.peek(now).remaining);
    admin::Limit { remaining, ..rated(kind, name, limit.counter.rate(), limit.shadow) }
}

/// The limit of each caller: which they are is not told.
fn callers(name: String, limit: &Limit<CallerLimits>) -> admin::Limit {
    rated("caller", name, limit.counter.rate(), limit.shadow)
}

fn rated(kind: &'static str, name: String, rate: Rate, shadow: bool) -> admin::Limit {
    admin::Limit {
        kind,
        name,
        requests: rate.requests.get(),
        per_seconds: rate.per.as_secs_f64(),
        burst: rate.burst.get(),
        remaining: None,
        shadow,
    }
}

/// Scheme, host and port alone: a path prefix or user information may say more than is anybody's business.
fn origin(base: &http::Uri) -> String {
    Origin::of(base).map_or_else(|_| String::new(), |origin| origin.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_port_and_no_user() {
        assert_eq!(origin(&"http://user:secret@127.0.0.1:9000/prefix".parse().unwrap()), "http://127.0.0.1:9000");
    }
}
