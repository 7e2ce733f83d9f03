//! Issuers' public keys, vetted and parsed when they are loaded: an entry is one key for one algorithm.
//!
//! A token's header only ever chooses among these entries, so it cannot bring an algorithm to a key that was not made for it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;
use jsonwebtoken::Algorithm;

use super::IssuerId;
use crate::config;

pub use self::jwks::{Dropped, KeySetError, Vetted};

mod jwks;
mod pem;
mod vetting;

/// The usable keys of one issuer.
#[derive(Debug, PartialEq, Eq)]
pub struct KeySet(Box<[Key]>);

/// A key, for one algorithm.
pub(super) struct Key {
    id: Option<Box<str>>,
    algorithm: Algorithm,
    thumbprint: Box<str>,
    public: ParsedPublicKey,
}

/// Why a set has no key for a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// No key has the name.
    Unknown,
    /// A key has the name, but is not for the algorithm.
    Unfit,
    /// The token names no key, and several would do.
    Ambiguous,
}

impl KeySet {
    /// Keys by how many there are, each algorithm of a key counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of this name for this algorithm. Keys without a name are found if there is no choice (RFC 7517 §4.5).
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&Key, NoKey> {
        if let Some(id) = id {
            let mut named = self.0.iter().filter(|key| key.id.as_deref() == Some(id)).peekable();
            if named.peek().is_some() {
                return named.find(|key| key.algorithm == algorithm).ok_or(NoKey::Unfit);
            }
        }
        // A token that names no key may be of any, one that names an unknown key only of a key without a name.
        let mut fit = self.0.iter().filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.is_none()));
        match (fit.next(), fit.next()) {
            (Some(key), None) => Ok(key),
            (None, _) if id.is_none() => Err(NoKey::Unfit),
            (None, _) => Err(NoKey::Unknown),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
        }
    }
}

impl Key {
    /// Whether the holder of the private key signed `message` with this key's algorithm.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, self.algorithm, &self.thumbprint) == (&other.id, other.algorithm, &other.thumbprint)
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {}", self.id, self.algorithm, self.thumbprint)
    }
}

/// The keys of every issuer, as far as they were fetched.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(HashMap<IssuerId, Arc<KeySet>>);

impl KeyRing {
    /// Gives an issuer new keys, or takes those it has.
    pub fn replace(&mut self, issuer: IssuerId, keys: Option<Arc<KeySet>>) {
        match keys {
            Some(keys) => self.0.insert(issuer, keys),
            None => self.0.remove(&issuer),
        };
    }

    /// Takes the keys of all issuers but these.
    pub fn retain(&mut self, issuers: &[config::Issuer]) {
        let ids: Vec<_> = issuers.iter().map(IssuerId::of).collect();
        self.0.retain(|id, _| ids.contains(id));
    }

    /// The keys of an issuer, if there are any.
    #[must_use]
    pub fn keys(&self, issuer: IssuerId) -> Option<&Arc<KeySet>> {
        self.0.get(&issuer)
    }
}

#[cfg(test)]
mod tests;
