//! What keeps a store from telling more than it must: keyed digests in place of keys, and records sealed with the operator's key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rand;

use super::record::{Digest, Fingerprint};
use crate::secret::Secret;

/// A store's own random bytes.
pub type Salt = [u8; 32];

/// What a store seals to find out later whether it is opened with the same key.
const CHECK: &[u8] = b"passport-gateway idempotency records";

/// The keys of one store.
#[derive(Clone)]
pub struct Seal {
    digests: hmac::Key,
    cipher: Option<std::sync::Arc<LessSafeKey>>,
}

impl Seal {
    /// Derives a store's keys from its salt and, if there is one, the operator's key.
    #[must_use]
    pub fn new(salt: &Salt, operators: Option<&Secret>) -> Self {
        let secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), operators.map_or(b"", |key| key.expose().as_bytes()));
        let digests = hmac::Key::new(hmac::HMAC_SHA256, expand(&secret, b"digests").as_ref());
        let cipher = operators.map(|_| {
            let key = UnboundKey::new(&AES_256_GCM, expand(&secret, b"records").as_ref());
            std::sync::Arc::new(LessSafeKey::new(key.expect("HMAC-SHA256 has the length of a key")))
        });
        Self { digests, cipher }
    }

    /// Where the record of this name stands.
    #[must_use]
    pub fn digest(&self, name: &[u8]) -> Digest {
        whole(&hmac::sign(&self.digests, name))
    }

    /// A fingerprint as it is kept: without the store's key, nobody can try out bodies until one fits.
    #[must_use]
    pub fn fingerprint(&self, fingerprint: &Fingerprint) -> Fingerprint {
        whole(&hmac::sign(&self.digests, fingerprint))
    }

    /// Seals `plain` to stand at `place` and nowhere else; without an operator's key it stays as it is.
    #[must_use]
    pub fn close(&self, place: &[u8], mut plain: Vec<u8>) -> Vec<u8> {
        let Some(cipher) = &self.cipher else { return plain };
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).expect("the system has randomness, or there would be no TLS either");
        let sealed = cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut plain);
        sealed.expect("a record is far shorter than what the cipher seals");
        [nonce.as_slice(), &plain].concat()
    }

    /// Undoes [`close`](Self::close); none if it was sealed with another key, for another place, or was changed.
    #[must_use]
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let Some(cipher) = &self.cipher else { return Some(sealed.to_vec()) };
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = cipher.open_in_place(nonce, Aad::from(place), &mut sealed).ok()?.len();
        sealed.truncate(length);
        Some(sealed)
    }

    /// What a store keeps to know its key again; nothing, if there is no operator's key.
    #[must_use]
    pub fn check(&self) -> Vec<u8> {
        if self.cipher.is_none() { Vec::new() } else { self.close(b"check", CHECK.to_vec()) }
    }

    /// Whether a store with this check was written with this key, or without one just the same.
    #[must_use]
    pub fn fits(&self, check: &[u8]) -> bool {
        match &self.cipher {
            None => check.is_empty(),
            Some(_) => self.open(b"check", check).is_some_and(|opened| opened == CHECK),
        }
    }
}

/// A fresh salt.
#[must_use]
pub fn salt() -> Salt {
    let mut salt = [0; 32];
    rand::fill(&mut salt).expect("the system has randomness, or there would be no TLS either");
    salt
}

/// HKDF's expansion to one block (RFC 5869 §2.3).
fn expand(secret: &hmac::Tag, purpose: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()), &[purpose, &[1]].concat())
}

fn whole(tag: &hmac::Tag) -> [u8; 32] {
    tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn what_is_sealed_is_opened_with_its_key_at_its_place_and_in_no_other_way() {
        let salt = salt();
        let seal = Seal::new(&salt, Some(&secret("one")));

        let mut sealed = seal.close(b"here", b"900123456".to_vec());

        assert_eq!(seal.open(b"here", &sealed).unwrap(), b"900123456");
        assert!(!sealed.windows(9).any(|window| window == b"900123456"));
        assert!(seal.open(b"there", &sealed).is_none());
        assert!(Seal::new(&salt, Some(&secret("two"))).open(b"here", &sealed).is_none());
        assert!(seal.open(b"here", b"short").is_none());
        sealed[20] ^= 1;
        assert!(seal.open(b"here", &sealed).is_none());
    }

    #[test]
    fn a_store_knows_its_key_again() {
        let salt = salt();
        let [none, one, two] = [None, Some(secret("one")), Some(secret("two"))].map(|key| Seal::new(&salt, key.as_ref()));

        for (at, seal) in [&none, &one, &two].into_iter().enumerate() {
            let fits = [&none, &one, &two].map(|written| seal.fits(&written.check()));

            assert_eq!(fits, std::array::from_fn(|written| written == at), "{at}");
        }
    }

    #[test]
    fn digests_differ_by_name_store_and_key() {
        let (here, there) = (salt(), salt());
        let digest = |salt, key: Option<&str>, name: &str| Seal::new(salt, key.map(secret).as_ref()).digest(name.as_bytes());

        let known = digest(&here, Some("one"), "k");

        assert_eq!(known, digest(&here, Some("one"), "k"));
        for other in [digest(&here, Some("one"), "l"), digest(&there, Some("one"), "k"), digest(&here, None, "k")] {
            assert_ne!(known, other);
        }
    }
}
