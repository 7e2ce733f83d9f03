//! What becomes of the keys that issuers publish.

use jsonwebtoken::Algorithm::{self, ES256, ES384, EdDSA, PS256, RS256, RS512};
use serde_json::{Value, json};

use super::*;
use crate::testing::signer::{Signer, jwks};

const ALL: &[Algorithm] = &[RS256, RS512, PS256, ES256, ES384, EdDSA];

fn vet(keys: &[Value]) -> Result<Vetted, KeySetError> {
    Vetted::from_jwks(&jwks(keys), ALL)
}

/// The reason for which this key is dropped from a set with a good one.
fn dropped(key: Value) -> Option<&'static str> {
    let vetted = vet(&[key, Signer::ed("good").jwk()]).unwrap();
    vetted.keys.find(Some("good"), EdDSA).unwrap();
    vetted.dropped.first().map(|dropped| dropped.reason)
}

fn with(mut key: Value, member: &str, value: Value) -> Value {
    key[member] = value;
    key
}

fn without(mut key: Value, member: &str) -> Value {
    key.as_object_mut().unwrap().remove(member);
    key
}

#[test]
fn keys_of_every_family_are_found_by_name_and_algorithm() {
    let rsa = Signer::rsa("rsa", RS256);
    let vetted =
        vet(&[rsa.jwk(), Signer::ec("p256", ES256).jwk(), Signer::ec("p384", ES384).jwk(), Signer::ed("ed").jwk()]).unwrap();

    assert_eq!(vetted.dropped, []);
    for (id, algorithm) in [("rsa", RS256), ("p256", ES256), ("p384", ES384), ("ed", EdDSA)] {
        assert!(vetted.keys.find(Some(id), algorithm).is_ok(), "{id}");
    }
    assert_eq!(vetted.keys.find(Some("rsa"), ES256), Err(NoKey::Unfit));
    assert_eq!(vetted.keys.find(Some("rsa"), PS256), Err(NoKey::Unfit), "the key says it is for RS256");
    assert_eq!(vetted.keys.find(Some("none"), RS256), Err(NoKey::Unknown));
}

#[test]
fn a_key_without_alg_is_for_what_configuration_accepts_of_its_type() {
    let key = without(Signer::rsa("rsa", RS256).jwk(), "alg");
    let keys = Vetted::from_jwks(&jwks(&[key]), &[RS256, PS256, ES256]).unwrap().keys;

    assert_eq!(keys.len(), 2);
    assert!(keys.find(Some("rsa"), RS256).is_ok());
    assert!(keys.find(Some("rsa"), PS256).is_ok());
    assert_eq!(keys.find(Some("rsa"), RS512), Err(NoKey::Unfit));
}

#[test]
fn a_token_that_names_no_key_gets_the_only_one_there_is() {
    let one = vet(&[Signer::ed("a").jwk(), Signer::ec("b", ES256).jwk()]).unwrap().keys;
    let two = vet(&[Signer::ed("a").jwk(), Signer::ed("b").jwk()]).unwrap().keys;

    assert!(one.find(None, EdDSA).is_ok());
    assert_eq!(one.find(None, RS256), Err(NoKey::Unfit));
    assert_eq!(two.find(None, EdDSA), Err(NoKey::Ambiguous));
}

#[test]
fn a_key_without_a_name_is_found_whatever_name_a_token_gives() {
    let keys = vet(&[without(Signer::ed("a").jwk(), "kid"), Signer::ed("b").jwk()]).unwrap().keys;

    assert!(keys.find(Some("other"), EdDSA).is_ok());
    assert_eq!(keys.find(Some("other"), RS256), Err(NoKey::Unknown));
    assert_eq!(keys.find(None, EdDSA), Err(NoKey::Ambiguous));
}

#[test]
fn a_shared_secret_is_dropped() {
    let key = json!({"kty": "oct", "kid": "secret", "alg": "HS256", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ"});

    assert_eq!(dropped(key), Some("it is a shared secret"));
}

#[test]
fn a_key_for_another_use_is_dropped() {
    let key = Signer::ec("key", ES256).jwk();

    assert_eq!(dropped(with(key.clone(), "use", json!("enc"))), Some("its `use` is not `sig`"));
    assert_eq!(dropped(with(key.clone(), "key_ops", json!(["encrypt"]))), Some("its `key_ops` do not include `verify`"));
    assert_eq!(dropped(with(without(key, "use"), "key_ops", json!(["verify"]))), None);
}

#[test]
fn a_key_whose_algorithm_is_not_its_own_or_not_accepted_is_dropped() {
    let key = Signer::ec("key", ES256).jwk();

    for wrong in ["ES384", "RS256", "HS256", "RSA-OAEP", "none"] {
        assert_eq!(dropped(with(key.clone(), "alg", json!(wrong))), Some("its `alg` is not one for its type"), "{wrong}");
    }
    let unaccepted = Vetted::from_jwks(&jwks(&[key]), &[RS256]).unwrap_err();
    assert_eq!(unaccepted, KeySetError::NoneUsable("the configuration accepts none of its algorithms"));
}

#[test]
fn a_weak_or_odd_rsa_key_is_dropped() {
    let key = Signer::rsa("key", RS256).jwk();
    let modulus = key["n"].as_str().unwrap()[..340].to_owned();
    let short = &modulus[..168];

    assert_eq!(dropped(with(key.clone(), "n", json!(short))), Some("its modulus is not of 2048 to 8192 bits"));
    assert_eq!(dropped(with(key.clone(), "n", json!(modulus.repeat(5)))), Some("its modulus is not of 2048 to 8192 bits"));
    for exponent in ["", "AA", "AQ", "Ag", "Aw", "EQ", "__8", "AQAC", "AQAAAAAB"] {
        assert_eq!(dropped(with(key.clone(), "e", json!(exponent))), Some("its exponent is not safe"), "{exponent}");
    }
    assert_eq!(dropped(with(key, "e", json!("AAEAAQ"))), None, "a leading zero changes no number");
}

#[test]
fn a_point_off_its_curve_or_of_another_curve_is_dropped() {
    let key = Signer::ec("key", ES256).jwk();
    let zeros = "A".repeat(43);

    assert_eq!(dropped(with(key.clone(), "y", json!(zeros))), Some("its parameters are no public key"));
    assert_eq!(dropped(with(key.clone(), "crv", json!("P-384"))), Some("its parameters are no public key"));
    assert_eq!(dropped(with(key.clone(), "crv", json!("P-521"))), Some("its curve is not supported"));
    assert_eq!(dropped(with(key, "x", json!("AA"))), Some("its parameters are no public key"));
    assert_eq!(dropped(with(Signer::ed("key").jwk(), "x", json!("AA"))), Some("its parameters are no public key"));
}

#[test]
fn what_is_no_key_at_all_is_dropped_and_the_rest_is_used() {
    assert_eq!(dropped(json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA"})), Some("its type is not supported"));
    assert_eq!(dropped(with(Signer::ed("key").jwk(), "use", json!(5))), Some("a member has the wrong type"));
    assert_eq!(dropped(with(Signer::ed("key").jwk(), "d", json!("AA"))), Some("its private part is published"));
    assert_eq!(dropped(json!("key")), Some("it is no object, or names a member twice"));
    assert_eq!(dropped(json!({})), Some("its type is not supported"));
}

#[test]
fn keys_that_share_a_name_and_algorithm_are_all_dropped() {
    let vetted = vet(&[Signer::ed("same").jwk(), Signer::ed("same").jwk(), Signer::ec("same", ES256).jwk()]).unwrap();

    assert_eq!(vetted.dropped.len(), 2);
    assert_eq!(vetted.keys.find(Some("same"), EdDSA), Err(NoKey::Unfit));
    assert!(vetted.keys.find(Some("same"), ES256).is_ok());
}

#[test]
fn a_key_given_twice_is_one_key() {
    let key = Signer::ed("same").jwk();
    let vetted = vet(&[key.clone(), key]).unwrap();

    assert_eq!((vetted.keys.len(), vetted.dropped.len()), (1, 0));
}

#[test]
fn the_same_keys_in_another_order_are_the_same_set() {
    let (a, b) = (Signer::ed("a").jwk(), Signer::ec("b", ES256).jwk());

    let set = vet(&[a.clone(), b.clone()]).unwrap().keys;

    assert_eq!(set, vet(&[b, a.clone()]).unwrap().keys);
    assert_ne!(set, vet(&[a]).unwrap().keys);
    assert_ne!(vet(&[Signer::ed("a").jwk()]).unwrap().keys, vet(&[Signer::ed("a").jwk()]).unwrap().keys);
}

#[test]
fn what_is_no_set_or_has_no_usable_key_is_an_error() {
    let error = |json: &str| Vetted::from_jwks(json.as_bytes(), ALL).unwrap_err();

    for json in ["", "[]", "{}", r#"{"keys": {}}"#, "<html>"] {
        assert_eq!(error(json), KeySetError::NotASet, "{json}");
    }
    assert_eq!(error(r#"{"keys": []}"#), KeySetError::Empty);
    assert_eq!(error(r#"{"keys": [{"kty": "oct", "k": "AA"}]}"#), KeySetError::NoneUsable("it is a shared secret"));
}

#[test]
fn no_set_is_read_beyond_its_bound() {
    let keys: Vec<_> =
        (0..150).map(|_| Signer::ed("key").jwk()).enumerate().map(|(n, key)| with(key, "kid", json!(n.to_string()))).collect();
    let vetted = vet(&keys).unwrap();

    assert_eq!(vetted.keys.len(), 100);
    assert_eq!(vetted.dropped, [Dropped { place: 100, reason: "the set has more than 100 keys" }]);
}

#[test]
fn a_public_key_in_pem_is_vetted_the_same_way_and_has_no_name() {
    for (signer, algorithm) in
        [(Signer::rsa("", RS256), RS256), (Signer::ec("", ES256), ES256), (Signer::ec("", ES384), ES384), (Signer::ed(""), EdDSA)]
    {
        let keys = Vetted::from_pem(signer.pem().as_bytes(), ALL).unwrap().keys;

        assert!(keys.find(None, algorithm).unwrap().verifies(b"message", &signer.signature(b"message")), "{algorithm:?}");
        assert!(keys.find(Some("any"), algorithm).is_ok());
    }
    assert_eq!(
        Vetted::from_pem(Signer::ed("").pem().as_bytes(), &[RS256]).unwrap_err(),
        KeySetError::NoneUsable("the configuration accepts none of its algorithms")
    );
}

#[test]
fn what_is_no_public_key_in_pem_is_an_error() {
    let pair = rcgen::KeyPair::generate().unwrap();

    for pem in ["", "key", &pair.serialize_pem(), &Signer::ed("").pem().replace("PUBLIC", "PRIVATE")] {
        assert_eq!(Vetted::from_pem(pem.as_bytes(), ALL).unwrap_err(), KeySetError::NotAKey, "{pem}");
    }
}
