//! API keys: kept as SHA-256, compared in constant time, made with 256 random bits.
//!
//! A plain digest is enough because a key is random and long; [`hash_key`] refuses to make one of anything else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::{constant_time, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use smallvec::SmallVec;

use super::Caller;
use super::digest::Digest;
use super::tenants::Tenants;
use crate::catalogue::Catalogue;
use crate::config;

/// What every API key begins with, so that secret scanners and people can tell one.
const PREFIX: &str = "pgk_";

/// The least entropy a key may plausibly have.
const LEAST_BITS: f64 = 128.0;

/// The least number of different characters in a key: random keys have more, typed ones often fewer.
const LEAST_DIFFERENT: u32 = 8;

/// Whether a text claims to be an API key.
pub(super) fn has_form(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// The API keys of one snapshot, by the first bytes of their digests: however many there are, a look-up compares one.
#[derive(Debug)]
pub(super) struct ApiKeys(HashMap<[u8; 8], SmallVec<[ApiKey; 1]>, foldhash::fast::RandomState>);

#[derive(Debug)]
struct ApiKey {
    sha256: [u8; 32],
    expires: Option<SystemTime>,
    caller: Arc<Caller>,
}

impl ApiKeys {
    pub(super) fn build(keys: &[config::ApiKey], catalogue: &Catalogue, tenants: &Tenants) -> Self {
        let prepare = |key: &config::ApiKey| ApiKey {
            sha256: key.sha256,
            expires: key.expires,
            caller: Arc::new(tenants.configured(&key.tenant).caller(&key.id, &catalogue.granted(&key.scopes))),
        };
        let mut all = Self(HashMap::default());
        for key in keys.iter().map(prepare) {
            all.0.entry(first_bytes(&key.sha256)).or_default().push(key);
        }
        all
    }

    /// The caller whose key has this digest and has not ended.
    ///
    /// The time taken tells at most whether some key's digest begins as this one does; nobody can choose how a digest begins without
    /// trying, and the rest is compared to its last byte.
    pub(super) fn find(&self, digest: &Digest, wall: SystemTime) -> Option<Arc<Caller>> {
        let same = |key: &&ApiKey| constant_time::verify_slices_are_equal(&key.sha256, digest.as_bytes()).is_ok();
        let key = self.0.get(&first_bytes(digest.as_bytes()))?.iter().find(same)?;
        key.expires.is_none_or(|expires| wall < expires).then(|| Arc::clone(&key.caller))
    }
}

fn first_bytes(digest: &[u8; 32]) -> [u8; 8] {
    *digest.first_chunk().expect("a digest has more than eight bytes")
}

/// Makes an API key of 256 random bits; gives the key and the SHA-256 that configuration keeps, in hexadecimal.
///
/// # Panics
///
/// If the system has no randomness, when no key must be made.
#[must_use]
pub fn new_key() -> (String, String) {
    let mut bits = [0; 32];
    rand::fill(&mut bits).expect("the system has randomness");
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bits));
    let sha256 = Digest::of(&key).to_hex();
    (key, sha256)
}

/// Why a text is no API key worth keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakKey {
    /// It does not begin as keys do.
    #[error("an API key begins with `pgk_`; `new-key` makes one")]
    Prefix,
    /// It could not be sent in a header field as it is.
    #[error("an API key has only letters, digits, `-` and `_`")]
    Characters,
    /// It could be guessed.
    #[error("the key has less than 128 bits of entropy; `new-key` makes one of 256")]
    Guessable,
}

/// The SHA-256 of an API key, in hexadecimal, as configuration keeps it.
///
/// # Errors
///
/// The text does not begin as a key does, or cannot plausibly have 128 bits of entropy.
pub fn hash_key(key: &str) -> Result<String, WeakKey> {
    let random = key.strip_prefix(PREFIX).ok_or(WeakKey::Prefix)?.as_bytes();
    if !random.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Err(WeakKey::Characters);
    }
    if plausible_bits(random) < LEAST_BITS || different(random) < LEAST_DIFFERENT {
        return Err(WeakKey::Guessable);
    }
    Ok(Digest::of(key).to_hex())
}

/// The entropy of a text whose characters were each drawn at random from the smallest alphabet that holds them all.
fn plausible_bits(text: &[u8]) -> f64 {
    let has = |class: fn(&u8) -> bool| text.iter().any(class);
    let hexadecimal = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let alphabet = if hexadecimal && has(u8::is_ascii_alphabetic) {
        16
    } else {
        10 * u32::from(has(u8::is_ascii_digit))
            + 26 * u32::from(has(u8::is_ascii_lowercase))
            + 26 * u32::from(has(u8::is_ascii_uppercase))
            + 2 * u32::from(has(u8::is_ascii_punctuation))
    };
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    f64::from(length) * f64::from(alphabet.max(1)).log2()
}

fn different(text: &[u8]) -> u32 {
    text.iter().fold(0_u128, |seen, byte| seen | 1 << (byte & 0x7f)).count_ones()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_random_and_passes_its_own_test() {
        let (key, sha256) = new_key();

        assert_eq!(key.len(), "pgk_".len() + 43);
        assert_ne!(new_key().0, key);
        assert_eq!(hash_key(&key), Ok(sha256));
    }

    #[test]
    fn the_digest_is_sha_256_in_hexadecimal() {
        let key = "pgk_0123456789abcdef0123456789abcdef";

        assert_eq!(hash_key(key).unwrap(), "00fdab97b475a491bec36a4cdc89c140f49046bd030caa9cd99998cb0a66eb87");
    }

    #[test]
    fn a_key_of_128_bits_is_enough() {
        assert!(hash_key("pgk_3f9c0a7be21d5846f9c03a7be21d5846").is_ok());
        assert!(hash_key("pgk_q7Zx-3LmT_a9RkVw2PbYc4").is_ok());
    }

    #[test]
    fn what_could_be_guessed_is_refused() {
        let repeated = format!("pgk_{}", "ab".repeat(50));
        for weak in ["pgk_", "pgk_hunter2", "pgk_3f9c0a7be21d5846f9c03a7be21d584", "pgk_correcthorsebatterystaple", &repeated] {
            assert_eq!(hash_key(weak), Err(WeakKey::Guessable), "{weak}");
        }
    }

    #[test]
    fn what_has_not_the_form_of_a_key_is_refused() {
        assert_eq!(hash_key("3f9c0a7be21d5846f9c03a7be21d5846"), Err(WeakKey::Prefix));
        assert_eq!(hash_key("pgk_3f9c0a7be21d5846 9c03a7be21d5846"), Err(WeakKey::Characters));
        assert_eq!(hash_key("pgk_3f9c0a7be21d5846f9c03a7be21d5846\n"), Err(WeakKey::Characters));
    }
}
