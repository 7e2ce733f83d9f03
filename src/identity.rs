//! Who calls: the one identity that a request presents, checked against one snapshot's issuers, keys and tenants.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::request::Parts;

use self::api_key::ApiKeys;
use self::clients::Clients;
use self::credential::Credential;
use self::digest::Digest;
use self::issuer::{Issuer, Unproven};
use self::local::Local;
use self::remembered::Remembered;
use self::tenants::Tenants;
use self::token::Token;
use crate::catalogue::{Catalogue, OperationSet};
use crate::config;
use crate::peer::Peer;
use crate::refusal::Refusal;

pub use self::api_key::{WeakKey, hash_key, new_key};
pub use self::keys::{Dropped, KeyRing, KeySet, KeySetError, Vetted};
pub use self::tenants::TenantGrants;

mod api_key;
mod clients;
mod credential;
mod digest;
mod issuer;
mod keys;
mod local;
mod members;
mod remembered;
mod tenants;
mod token;

/// A tenant's place in the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TenantId(pub u16);

/// An issuer, however often the configuration that names it is read anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IssuerId(config::Identity);

impl IssuerId {
    /// The id of an issuer of a configuration.
    #[must_use]
    pub fn of(issuer: &config::Issuer) -> Self {
        Self(issuer.identity())
    }
}

/// A caller as its own limit knows it: a digest, so that nothing personal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallerKey([u8; 16]);

impl CallerKey {
    /// The key of what these parts name together.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        // Each part with its length: no two lists of parts read the same.
        let text = parts.iter().fold(String::new(), |text, part| text + &format!("{}:", part.len()) + part);
        let mut half = [0; 16];
        half.copy_from_slice(&Digest::of(&text).as_bytes()[..16]);
        Self(half)
    }
}

/// A caller whose credential was checked, prepared for authorization.
#[derive(Debug)]
pub struct Caller {
    /// For the log: the id of an API key or a client, the application a token was issued to, `local`. Never a person.
    pub id: Arc<str>,
    /// By which its own limit is found: whatever token it shows, as long as it is the same caller.
    pub key: CallerKey,
    /// The tenant it acts for.
    pub tenant: TenantId,
    /// The operations that its scopes and its tenant's both cover.
    pub allowed: OperationSet,
}

/// Why nobody was authenticated.
#[derive(Debug, PartialEq, Eq)]
pub enum Unauthenticated {
    /// The request is refused.
    Refused(Refusal),
    /// The token names a key of this issuer that is not at hand.
    UnknownKey(IssuerId),
}

impl From<Refusal> for Unauthenticated {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Bounds how often a peer may present what turns out not to be valid.
pub trait Attempts {
    /// Lets the peer present a credential that no look-up settles.
    ///
    /// # Errors
    ///
    /// The peer has failed too often.
    fn admit(&self, peer: &Peer) -> Result<(), Refusal>;

    /// Counts a credential that was not valid.
    fn failed(&self, peer: &Peer);
}

/// Everyone who may call, and how they prove it.
pub struct Callers {
    catalogue: Arc<Catalogue>,
    tenants: Tenants,
    issuers: Box<[(IssuerId, Issuer)]>,
    api_keys: ApiKeys,
    clients: Clients,
    local: Option<Local>,
    remembered: Remembered,
}

impl Callers {
    /// Prepares the callers of a configuration; `grants` are its tenants in the order of their ids.
    #[must_use]
    pub fn build(config: &config::Config, catalogue: &Arc<Catalogue>, grants: &[TenantGrants], keys: &KeyRing) -> Self {
        let tenants = Tenants::build(grants);
        let issuer = |issuer: &config::Issuer| {
            let id = IssuerId::of(issuer);
            (id, Issuer::build(issuer, keys.keys(id).cloned()))
        };
        Self {
            issuers: config.issuers.iter().map(issuer).collect(),
            api_keys: ApiKeys::build(&config.api_keys, catalogue, &tenants),
            clients: Clients::build(&config.clients, catalogue, &tenants),
            local: config.local.as_ref().map(|local| Local::build(local, catalogue, &tenants)),
            remembered: Remembered::new(),
            catalogue: Arc::clone(catalogue),
            tenants,
        }
    }

    /// Checks the one identity that a request presents, as of `wall`.
    ///
    /// Certificates, API keys and remembered tokens are a look-up. Only what no look-up settles asks `attempts`, so that a peer's failures
    /// cost no signatures, and do not lock out a good caller behind the same address.
    ///
    /// # Errors
    ///
    /// Why nobody was authenticated.
    pub fn authenticate(
        &self,
        head: &Parts,
        peer: &Peer,
        wall: SystemTime,
        attempts: &impl Attempts,
    ) -> Result<Arc<Caller>, Unauthenticated> {
        if let Some(client) = self.certified(peer, wall)? {
            // Two identities, whatever the other one is worth.
            return if Credential::presented(head) == Ok(None) { Ok(client) } else { Err(Refusal::AmbiguousCredential.into()) };
        }
        let Some(credential) = Credential::presented(head)? else {
            return Ok(self.unspoken(head, peer)?);
        };
        if let Some(caller) = self.known(credential, wall) {
            return Ok(caller);
        }
        attempts.admit(peer)?;
        let proven = self.prove(credential, wall);
        // A proven token of a tenant that is not configured is no guess: it must not lock out its neighbours.
        if let Err(Unauthenticated::Refused(Refusal::InvalidCredential(_))) = proven {
            attempts.failed(peer);
        }
        proven
    }

    /// The client that the connection's certificate names. One that names nobody is no identity: in a mesh everybody has one, and
    /// says by another credential who calls.
    fn certified(&self, peer: &Peer, wall: SystemTime) -> Result<Option<Arc<Caller>>, Refusal> {
        let Some(certificate) = &peer.certificate else { return Ok(None) };
        Ok(self.clients.find(certificate, wall)?.map(Arc::clone))
    }

    /// The caller of a request that presents nothing: the local app, and nobody whose certificate was to speak for it.
    fn unspoken(&self, head: &Parts, peer: &Peer) -> Result<Arc<Caller>, Refusal> {
        if peer.certificate.is_some() && !self.clients.is_empty() {
            return Err(invalid("The client certificate is nobody's who is known here."));
        }
        self.local.as_ref().ok_or(Refusal::MissingCredential)?.authenticate(head, peer)
    }

    /// How a token is refused whose key is still not at hand after its issuer was asked.
    #[must_use]
    pub fn unknown_key(&self, issuer: IssuerId) -> Refusal {
        let has_keys = self.issuers.iter().any(|(id, known)| *id == issuer && known.has_keys());
        if has_keys { invalid("The token's key is not its issuer's.") } else { Refusal::JwksUnavailable }
    }

    fn known(&self, credential: Credential<'_>, wall: SystemTime) -> Option<Arc<Caller>> {
        match credential {
            Credential::ApiKey(key) => self.api_keys.find(&Digest::of(key), wall),
            Credential::Token(token) => self.remembered.recall(token, wall),
        }
    }

    fn prove(&self, credential: Credential<'_>, wall: SystemTime) -> Result<Arc<Caller>, Unauthenticated> {
        let Credential::Token(text) = credential else {
            return Err(invalid("The API key is unknown or has ended.").into());
        };
        let token = Token::parse(text)?;
        let (id, issuer) = self.issuer(&token)?;
        let validity = issuer.prove(&token, wall).map_err(|unproven| match unproven {
            Unproven::Refused(refusal) => Unauthenticated::Refused(refusal),
            Unproven::UnknownKey => Unauthenticated::UnknownKey(id),
        })?;
        let tenant = self.tenants.find(issuer.tenant(&token)?).ok_or(Refusal::UnknownTenant)?;
        let granted = self.catalogue.granted(&token.claims.grants()?);
        let caller = Arc::new(Caller { key: issuer.caller_key(&token), ..tenant.caller(issuer.caller(&token), &granted) });
        self.remembered.remember(text, &caller, wall, validity.expires);
        Ok(caller)
    }

    /// The issuer that a token claims to be from: the only one whose keys it is then checked with.
    fn issuer(&self, token: &Token<'_>) -> Result<(IssuerId, &Issuer), Refusal> {
        let iss = token.claims.text("iss").ok_or(invalid("The token has no `iss`."))?;
        let named = self.issuers.iter().find(|(_, issuer)| issuer.is(iss));
        named.map(|(id, issuer)| (*id, issuer)).ok_or(invalid("The token's issuer is not known."))
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers").field("issuers", &self.issuers).field("remembered", &self.remembered).finish_non_exhaustive()
    }
}

/// The refusal of a credential that is not valid, and what about it is not.
fn invalid(reason: &'static str) -> Refusal {
    Refusal::InvalidCredential(reason)
}

#[cfg(test)]
mod tests;
