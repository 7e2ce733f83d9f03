//! One issuer of tokens: what its tokens must say, and whose keys must have signed them.

use std::sync::Arc;
use std::time::SystemTime;

use jsonwebtoken::Algorithm;

use super::keys::{KeySet, NoKey};
use super::token::{Token, Validity};
use super::{CallerKey, invalid};
use crate::config::{self, TenantFrom};
use crate::refusal::Refusal;

/// An issuer, with the keys that this snapshot holds of it.
#[derive(Debug)]
pub(super) struct Issuer {
    name: String,
    audience: Vec<String>,
    algorithms: Vec<Algorithm>,
    tenant: TenantFrom,
    keys: Option<Arc<KeySet>>,
}

/// Why a token is not proven to be an issuer's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// It is not valid.
    Refused(Refusal),
    /// It may be, but the key it names is not at hand.
    UnknownKey,
}

impl From<Refusal> for Unproven {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Issuer {
    pub(super) fn build(issuer: &config::Issuer, keys: Option<Arc<KeySet>>) -> Self {
        Self {
            name: issuer.issuer.clone(),
            audience: issuer.audience.clone(),
            algorithms: issuer.algorithms.clone(),
            tenant: issuer.tenant.clone(),
            keys,
        }
    }

    /// Whether a token that claims this `iss` is ours to check.
    pub(super) fn is(&self, iss: &str) -> bool {
        self.name == iss
    }

    /// Whether any keys of the issuer are at hand.
    pub(super) fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Proves that the issuer made the token, for us and for now.
    ///
    /// What needs no key is judged first: it costs less, and a token that fails there makes nobody fetch keys.
    pub(super) fn prove(&self, token: &Token<'_>, wall: SystemTime) -> Result<Validity, Unproven> {
        if !self.algorithms.contains(&token.algorithm) {
            return Err(invalid("The token's algorithm is not accepted.").into());
        }
        if !token.claims.is_for(&self.audience) {
            return Err(invalid("The token is for another audience.").into());
        }
        let validity = token.claims.validity()?;
        validity.check(wall)?;
        let keys = self.keys.as_ref().ok_or(Unproven::UnknownKey)?;
        let key = keys.find(token.key_id.as_deref(), token.algorithm).map_err(|no_key| match no_key {
            NoKey::Unknown => Unproven::UnknownKey,
            NoKey::Unfit => invalid("The token's key is not for its algorithm.").into(),
            NoKey::Ambiguous => invalid("The token does not say which key signed it.").into(),
        })?;
        if !key.verifies(token.message(), token.signature()) {
            return Err(invalid("The token's signature is not valid.").into());
        }
        Ok(validity)
    }

    /// The tenant that a proven token acts for, by name.
    pub(super) fn tenant<'a>(&'a self, token: &'a Token<'_>) -> Result<&'a str, Refusal> {
        match &self.tenant {
            TenantFrom::Fixed(name) => Ok(name.as_str()),
            TenantFrom::Claim(claim) => token.claims.text(claim).ok_or(invalid("The token names no tenant.")),
        }
    }

    /// What a proven token's caller is to its own limit: the application it was issued to, or else its subject. What changes from
    /// token to token, such as `jti`, has no part in it.
    pub(super) fn caller_key(&self, token: &Token<'_>) -> CallerKey {
        let named = ["client_id", "azp", "sub"].iter().find_map(|claim| Some([*claim, token.claims.text(claim)?]));
        let [claim, name] = named.unwrap_or_default();
        CallerKey::of(&["token", &self.name, claim, name])
    }

    /// How a proven token's caller is known in the log: the application it was issued to (RFC 9068), or else its issuer.
    ///
    /// Not by `sub`, which may be a person.
    pub(super) fn caller<'a>(&'a self, token: &'a Token<'_>) -> &'a str {
        let named = ["client_id", "azp"].iter().find_map(|claim| token.claims.text(claim));
        named.unwrap_or(&self.name)
    }
}
