//! One immutable view of catalogue, callers, tenants and credentials, loaded once per request and never mixed with another.
//!
//! What outlives a snapshot (limiters, tokens, cache, breakers, pools) lives in registries; a snapshot holds handles on it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use tokio::time::Instant;

use crate::catalogue::{Catalogue, Effect, Modes, Operation, OperationId, OperationSet};
use crate::config::{self, Config, Identity};
use crate::fields::Line;
use crate::identity::{Callers, KeyRing, TenantGrants, TenantId};
use crate::refusal::whole_seconds;
use crate::store::{CallerLimits, Counter, Limiters};
use crate::tenant::{CredentialName, TenantName};

pub use self::published::Snapshots;

mod published;

/// Everything a request is judged by.
#[derive(Debug)]
pub struct Snapshot {
    /// The operations.
    pub catalogue: Arc<Catalogue>,
    /// Who may call, and how they prove it.
    pub callers: Callers,
    /// How strictly requests are validated.
    pub validation: Modes,
    available: OperationSet,
    timeout: Duration,
    /// What a request may take.
    pub bounds: Bounds,
    meanings: Box<[Identity]>,
    tenants: Box<[Tenant]>,
    credentials: Box<[Credential]>,
}

/// What a request may take, beside time.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// For the whole of its body.
    pub body_timeout: Duration,
    /// Bytes of its body.
    pub max_body_bytes: usize,
    /// Bytes of it that must come each second, on average; 0 is any.
    pub min_body_rate: usize,
    /// Retries after the first attempt.
    pub retries: u32,
    /// Retries per request that all requests may earn.
    pub retry_budget: f64,
}

/// A credential's place in the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(pub u16);

/// A tenant, as requests need it.
#[derive(Debug)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// The credential its requests go up with.
    pub credential: CredentialId,
    /// Its limit; none is unlimited.
    pub limit: Option<Limit>,
    /// The limit of each of its callers; none is unlimited.
    pub caller_limit: Option<Limit<CallerLimits>>,
    /// Until when a missing scope refuses no read; none: it always does.
    pub scope_shadow_until: Option<SystemTime>,
    class_limits: [Option<Limit>; 3],
}

/// A credential, as requests need it.
#[derive(Debug)]
pub struct Credential {
    /// Its name.
    pub name: CredentialName,
    /// By which its tokens and stored answers are found, however many snapshots there are.
    pub identity: Identity,
    /// Credentials of one Passport account share invalidation.
    pub account: Arc<str>,
    /// The budget toward Passport.
    pub quota: Option<Limit>,
}

/// A limit, and how it is meant.
#[derive(Debug)]
pub struct Limit<C = Counter> {
    /// What all requests count on.
    pub counter: Arc<C>,
    /// Counted, but not enforced.
    pub shadow: bool,
    /// By up to so much those who are refused are told to wait longer.
    pub jitter: Duration,
    /// `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10, as those who are counted are told.
    pub policy_field: HeaderValue,
}

impl Snapshot {
    /// Prepares everything that requests look up.
    #[must_use]
    pub fn build(config: &Config, keys: &KeyRing, limiters: &Limiters, now: Instant) -> Self {
        let catalogue = Arc::clone(&config.catalogue);
        let grants: Vec<_> =
            config.tenants.iter().map(|tenant| TenantGrants::new(&tenant.name, catalogue.granted(&tenant.scopes))).collect();
        let limit = |kind: &str, name: &str, policy: &str, limit: config::Limit| {
            Limit::new(limiters.counter(format!("{kind}:{name}"), limit.rate, now), policy, limit)
        };
        Self {
            callers: Callers::build(config, &catalogue, &grants, keys),
            validation: config.validation,
            available: available(config),
            timeout: config.passport.timeout,
            bounds: Bounds {
                body_timeout: config.server.body_timeout,
                max_body_bytes: config.server.max_body_bytes,
                min_body_rate: config.server.min_body_rate,
                retries: config.retry.attempts,
                retry_budget: config.retry.budget,
            },
            meanings: catalogue.operations().map(|(_, operation)| meaning(operation)).collect(),
            tenants: config.tenants.iter().map(|tenant| Tenant::build(tenant, &config.credentials, limiters, &limit)).collect(),
            credentials: config.credentials.iter().map(|credential| Credential::build(credential, &limit)).collect(),
            catalogue,
        }
    }

    /// Whether the operation is enabled and its upstream has a URL.
    #[must_use]
    pub fn is_available(&self, operation: OperationId) -> bool {
        self.available.contains(operation)
    }

    /// The time budget of an operation, to the head of the upstream's answer.
    #[must_use]
    pub fn timeout(&self, operation: &Operation) -> Duration {
        operation.timeout.unwrap_or(self.timeout)
    }

    /// What answers of this operation were answers to: another, once anything about the operation is.
    #[must_use]
    pub fn meaning(&self, operation: OperationId) -> Identity {
        self.meanings[operation.index()]
    }

    /// Every credential that requests may need.
    pub fn credential_identities(&self) -> impl Iterator<Item = Identity> {
        self.credentials.iter().map(|credential| credential.identity)
    }

    /// Whether there is a tenant of this name.
    #[must_use]
    pub fn has_tenant(&self, name: &str) -> bool {
        self.tenants.iter().any(|tenant| tenant.name.as_str() == name)
    }

    /// Every tenant.
    #[must_use]
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// Every credential.
    #[must_use]
    pub fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    /// The tenant at this place.
    #[must_use]
    pub fn tenant(&self, id: TenantId) -> &Tenant {
        &self.tenants[usize::from(id.0)]
    }

    /// The credential at this place.
    #[must_use]
    pub fn credential(&self, id: CredentialId) -> &Credential {
        &self.credentials[usize::from(id.0)]
    }
}

impl<C> Limit<C> {
    /// A limit that is told to those whom it counts under the name of `policy`.
    fn new(counter: Arc<C>, policy: &str, limit: config::Limit) -> Self {
        let mut field = Line::of("\"");
        field.push(policy).push("\";q=").push_number(limit.rate.burst.get());
        field.push(";w=").push_number(whole_seconds(limit.rate.window()));
        Self { counter, shadow: limit.shadow, jitter: limit.jitter, policy_field: field.value() }
    }
}

impl Tenant {
    /// The limit on operations of this effect.
    #[must_use]
    pub fn class_limit(&self, effect: Effect) -> Option<&Limit> {
        self.class_limits[effect as usize].as_ref()
    }

    fn build(
        tenant: &config::Tenant,
        credentials: &[config::Credential],
        limiters: &Limiters,
        limit: &impl Fn(&str, &str, &str, config::Limit) -> Limit,
    ) -> Self {
        let class = |effect: Effect| {
            let class = tenant.class_limits.iter().find(|class| class.effect == effect)?;
            Some(limit("class", &format!("{}:{}", tenant.name, effect.as_str()), effect.as_str(), class.limit))
        };
        let place = credentials.iter().position(|credential| credential.name == tenant.credential);
        Self {
            name: tenant.name.clone(),
            credential: CredentialId(
                place.and_then(|place| u16::try_from(place).ok()).expect("configuration names only credentials it holds"),
            ),
            scope_shadow_until: tenant.scope_shadow_until,
            limit: tenant.rate_limit.map(|rate| limit("tenant", tenant.name.as_str(), "tenant", rate)),
            caller_limit: tenant
                .caller_limit
                .map(|limit| Limit::new(limiters.callers(tenant.name.to_string(), limit.rate), "caller", limit)),
            class_limits: [class(Effect::Read), class(Effect::Write), class(Effect::Money)],
        }
    }
}

impl Credential {
    fn build(credential: &config::Credential, limit: &impl Fn(&str, &str, &str, config::Limit) -> Limit) -> Self {
        Self {
            name: credential.name.clone(),
            identity: credential.identity(),
            account: Arc::clone(&credential.account),
            quota: credential.quota.map(|quota| limit("quota", credential.name.as_str(), "quota", quota)),
        }
    }
}

fn available(config: &Config) -> OperationSet {
    let mut available = OperationSet::new();
    for (id, operation) in config.catalogue.operations() {
        if operation.enabled && config.passport.upstreams[operation.upstream.index()].base.is_some() {
            available.insert(id);
        }
    }
    available
}

/// All that the operation is, as it prints: of that nothing is left out, and nothing depends on how often it was read.
fn meaning(operation: &Operation) -> Identity {
    Identity::of([format!("{operation:?}").as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meanings(overrides: &str) -> Vec<(Arc<str>, Identity)> {
        let overrides = toml::from_str(overrides).unwrap();
        let catalogue = Catalogue::embedded(&overrides).unwrap();
        catalogue.operations().map(|(_, operation)| (Arc::clone(&operation.name), meaning(operation))).collect()
    }

    #[test]
    fn operations_mean_the_same_until_they_are_changed() {
        let (before, same) = (meanings(""), meanings(""));
        let changed = meanings("list_payments = { cache_ttl = \"2s\" }");

        assert!(before == same);
        let differ: Vec<_> = before.iter().zip(&changed).filter(|(old, new)| old.1 != new.1).map(|(old, _)| &*old.0).collect();
        assert_eq!(differ, ["list_payments"]);
    }
}
