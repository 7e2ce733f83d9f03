//! One immutable view of catalogue, callers, tenants and credentials, loaded once per request and never mixed with another.
//!
//! What outlives a snapshot (limiters, tokens, cache, breakers, pools) lives in registries; a snapshot holds handles on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::catalogue::{Catalogue, Effect, Modes, Operation, OperationId, OperationSet};
use crate::config::{self, Config};
use crate::identity::{Callers, KeyRing, TenantGrants, TenantId};
use crate::store::{Limiter, Limiters};
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
    tenants: Box<[Tenant]>,
    credentials: Box<[Credential]>,
}

/// A credential's place in the snapshot and in the registry of upstream tokens.
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
    class_limits: [Option<Limit>; 3],
}

/// A credential, as requests need it.
#[derive(Debug)]
pub struct Credential {
    /// Its name.
    pub name: CredentialName,
    /// Credentials of one Passport account share invalidation.
    pub account: Arc<str>,
    /// The budget toward Passport.
    pub quota: Option<Limit>,
}

/// A limiter, and whether it only counts.
#[derive(Debug)]
pub struct Limit {
    /// The shared counter.
    pub limiter: Arc<Limiter>,
    /// Counted, but not enforced.
    pub shadow: bool,
}

impl Snapshot {
    /// Prepares everything that requests look up.
    #[must_use]
    pub fn build(config: &Config, keys: &KeyRing, limiters: &Limiters, now: Instant) -> Self {
        let catalogue = Arc::clone(&config.catalogue);
        let grants: Vec<_> =
            config.tenants.iter().map(|tenant| TenantGrants::new(&tenant.name, catalogue.granted(&tenant.scopes))).collect();
        let limit = |kind: &str, name: &str, limit: config::Limit| Limit {
            limiter: limiters.limiter(format!("{kind}:{name}"), limit.rate, now),
            shadow: limit.shadow,
        };
        Self {
            callers: Callers::build(config, &catalogue, &grants, keys),
            validation: config.validation,
            available: available(config),
            timeout: config.passport.timeout,
            tenants: config.tenants.iter().map(|tenant| Tenant::build(tenant, &config.credentials, &limit)).collect(),
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

impl Tenant {
    /// The limit on operations of this effect.
    #[must_use]
    pub fn class_limit(&self, effect: Effect) -> Option<&Limit> {
        self.class_limits[effect as usize].as_ref()
    }

    fn build(
        tenant: &config::Tenant,
        credentials: &[config::Credential],
        limit: &impl Fn(&str, &str, config::Limit) -> Limit,
    ) -> Self {
        let class = |effect: Effect| {
            let class = tenant.class_limits.iter().find(|class| class.effect == effect)?;
            Some(limit("class", &format!("{}:{}", tenant.name, effect.as_str()), class.limit))
        };
        let place = credentials.iter().position(|credential| credential.name == tenant.credential);
        Self {
            name: tenant.name.clone(),
            credential: CredentialId(
                place.and_then(|place| u16::try_from(place).ok()).expect("configuration names only credentials it holds"),
            ),
            limit: tenant.rate_limit.map(|rate| limit("tenant", tenant.name.as_str(), rate)),
            class_limits: [class(Effect::Read), class(Effect::Write), class(Effect::Money)],
        }
    }
}

impl Credential {
    fn build(credential: &config::Credential, limit: &impl Fn(&str, &str, config::Limit) -> Limit) -> Self {
        Self {
            name: credential.name.clone(),
            account: Arc::clone(&credential.account),
            quota: credential.quota.map(|quota| limit("quota", credential.name.as_str(), quota)),
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
