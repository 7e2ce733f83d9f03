//! JWK sets (RFC 7517 §5): each key is read and vetted by itself, so that a bad one never fails the set.

use std::collections::HashMap;

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Key, KeySet, pem, vetting};
use crate::identity::members::Members;

/// Keys that a set may have at most; the rest are dropped.
const MOST_KEYS: usize = 100;

/// What came of reading published keys.
#[derive(Debug)]
pub struct Vetted {
    /// The keys that tokens are checked with; there is at least one.
    pub keys: KeySet,
    /// The keys that are not, for the log.
    pub dropped: Vec<Dropped>,
}

/// A published key that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its place among the published keys, from 0.
    pub place: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Why published keys cannot be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// They are no JWK set.
    #[error("the answer is no JWK set")]
    NotASet,
    /// The file is no public key.
    #[error("the file holds no public key in PEM")]
    NotAKey,
    /// Every key was dropped, the first for this reason.
    #[error("no key is usable; the first: {0}")]
    NoneUsable(&'static str),
    /// There are no keys.
    #[error("the set is empty")]
    Empty,
}

impl Vetted {
    /// Reads a JWK set for an issuer that may use the `accepted` algorithms.
    ///
    /// # Errors
    ///
    /// It is no set, or none of its keys is usable.
    pub fn from_jwks(json: &[u8], accepted: &[Algorithm]) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Set<'a> {
            #[serde(borrow)]
            keys: Vec<&'a RawValue>,
        }
        let set: Set<'_> = serde_json::from_slice(json).map_err(|_| KeySetError::NotASet)?;
        let over = set.keys.len() > MOST_KEYS;
        let mut vetted: Vec<_> =
            set.keys.iter().take(MOST_KEYS).map(|json| read(json).and_then(|jwk| vetting::vet(&jwk, accepted))).collect();
        if over {
            vetted.push(Err("the set has more than 100 keys"));
        }
        Self::of(vetted)
    }

    /// Reads a public key in PEM for an issuer that may use the `accepted` algorithms. It has no name.
    ///
    /// # Errors
    ///
    /// It is no public key, or not a usable one.
    pub fn from_pem(pem: &[u8], accepted: &[Algorithm]) -> Result<Self, KeySetError> {
        let jwk = pem::read(pem).ok_or(KeySetError::NotAKey)?;
        Self::of(vec![vetting::vet(&jwk, accepted)])
    }

    fn of(vetted: Vec<Result<Vec<Key>, &'static str>>) -> Result<Self, KeySetError> {
        let mut keys = Vec::new();
        let mut dropped = Vec::new();
        for (place, vetted) in vetted.into_iter().enumerate() {
            match vetted {
                Ok(entries) => keys.extend(entries.into_iter().map(|key| (place, key))),
                Err(reason) => dropped.push(Dropped { place, reason }),
            }
        }
        let keys = distinct(keys, &mut dropped);
        match (keys.is_empty(), dropped.first()) {
            (false, _) => Ok(Self { keys: KeySet(keys.into()), dropped }),
            (true, Some(first)) => Err(KeySetError::NoneUsable(first.reason)),
            (true, None) => Err(KeySetError::Empty),
        }
    }
}

/// One key of a set, as it was published.
fn read(json: &RawValue) -> Result<Jwk, &'static str> {
    let members = Members::parse(json.get().as_bytes()).ok_or("it is no object, or names a member twice")?;
    if members.get("d").is_some() {
        return Err("its private part is published");
    }
    serde_json::from_value(members.into_value()).map_err(|_| "a member has the wrong type")
}

/// The keys that can be told apart by name and algorithm, sorted, each once; of those that cannot none is used.
fn distinct(keys: Vec<(usize, Key)>, dropped: &mut Vec<Dropped>) -> Vec<Key> {
    let mut thumbprints: HashMap<_, Vec<_>> = HashMap::new();
    for (_, key) in keys.iter().filter(|(_, key)| key.id.is_some()) {
        let same: &mut Vec<_> = thumbprints.entry((key.id.clone(), key.algorithm)).or_default();
        if !same.contains(&key.thumbprint) {
            same.push(key.thumbprint.clone());
        }
    }
    let mut distinct: Vec<Key> = Vec::with_capacity(keys.len());
    for (place, key) in keys {
        if thumbprints.get(&(key.id.clone(), key.algorithm)).is_some_and(|same| same.len() > 1) {
            dropped.push(Dropped { place, reason: "another key has the same `kid`" });
        } else if !distinct.contains(&key) {
            distinct.push(key);
        }
    }
    distinct.sort_by(|a, b| (&a.id, &a.thumbprint).cmp(&(&b.id, &b.thumbprint)));
    distinct
}
