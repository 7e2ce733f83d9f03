//! Keys of an identity provider, made anew in each test run, and tokens signed with them, good and bad.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, jwk::Jwk};
use serde_json::{Value, json};

/// A private key, the name it is published under and the algorithm it signs with.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) key_id: &'static str,
    algorithm: Algorithm,
    pair: Pair,
}

#[derive(Clone)]
enum Pair {
    Rsa(Arc<RsaKeyPair>),
    Ec(Arc<EcdsaKeyPair>),
    Ed(Arc<Ed25519KeyPair>),
}

impl Signer {
    /// An RSA key of 2048 bits; the same throughout a test run, since making one takes long.
    pub(crate) fn rsa(key_id: &'static str, algorithm: Algorithm) -> Self {
        static PAIR: OnceLock<Arc<RsaKeyPair>> = OnceLock::new();
        let pair = PAIR.get_or_init(|| Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
        Self { key_id, algorithm, pair: Pair::Rsa(Arc::clone(pair)) }
    }

    /// A new key on P-256 or P-384.
    pub(crate) fn ec(key_id: &'static str, algorithm: Algorithm) -> Self {
        let curve = match algorithm {
            Algorithm::ES384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
        };
        Self { key_id, algorithm, pair: Pair::Ec(Arc::new(EcdsaKeyPair::generate(curve).unwrap())) }
    }

    /// A new Ed25519 key.
    pub(crate) fn ed(key_id: &'static str) -> Self {
        Self { key_id, algorithm: Algorithm::EdDSA, pair: Pair::Ed(Arc::new(Ed25519KeyPair::generate().unwrap())) }
    }

    /// The public key as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let key = match &self.pair {
            Pair::Rsa(pair) => DecodingKey::from_rsa_der(pair.public_key().as_ref()),
            Pair::Ec(pair) => DecodingKey::from_ec_der(pair.public_key().as_ref()),
            Pair::Ed(pair) => DecodingKey::from_ed_der(pair.public_key().as_ref()),
        };
        let mut jwk = serde_json::to_value(Jwk::from_decoding_key(&key, Some(self.algorithm)).unwrap()).unwrap();
        jwk["kid"] = json!(self.key_id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The public key in PEM.
    pub(crate) fn pem(&self) -> String {
        let der = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der().unwrap(),
            Pair::Ec(pair) => pair.public_key().as_der().unwrap(),
            Pair::Ed(pair) => pair.public_key().as_der().unwrap(),
        };
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
    }

    /// A token with an ordinary header.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": self.algorithm, "typ": "JWT", "kid": self.key_id}).to_string(), &claims.to_string())
    }

    /// A token whose header and claims are these very texts, with this key's signature.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.signature(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The signature over these bytes.
    pub(crate) fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding: &dyn aws_lc_rs::signature::RsaEncoding =
                    if self.algorithm == Algorithm::PS256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                pair.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// A JWK set of these keys.
pub(crate) fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}
