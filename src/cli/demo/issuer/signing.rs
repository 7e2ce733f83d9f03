//! The issuer's key: made at start, P-256, kept in memory alone.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// The key's id in tokens and in the key set.
const KEY_ID: &str = "demo-1";
/// A point without compression (SEC 1, §2.3.3): a byte 4, then x and y.
const COORDINATE: usize = 32;

/// A key pair that signs tokens (ES256).
pub(super) struct SigningKey {
    private: EncodingKey,
    /// The point's coordinates, each in base64url as a JWK has them.
    public: [String; 2],
}

/// Why there is no key, or no signature.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli::demo) enum SigningError {
    #[error("no key for the identity issuer could be made")]
    Key,
    #[error("a token could not be signed: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
}

impl SigningKey {
    /// Makes a key of the system's randomness.
    pub(super) fn generate() -> Result<Self, SigningError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| SigningError::Key)?;
        let private = pair.to_pkcs8v1().map_err(|_| SigningError::Key)?;
        let point = pair.public_key().as_ref().get(1..).ok_or(SigningError::Key)?;
        let (x, y) = point.split_at_checked(COORDINATE).ok_or(SigningError::Key)?;
        let public = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        Ok(Self { private: EncodingKey::from_ec_der(private.as_ref()), public })
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, SigningError> {
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        Ok(encode(&header, claims, &self.private)?)
    }

    /// The set of one key that verifies its tokens (RFC 7517 §5).
    pub(super) fn jwks(&self) -> String {
        let [x, y] = &self.public;
        json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID, "x": x, "y": y}]}).to_string()
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation, decode};

    use super::*;

    #[test]
    fn the_published_key_verifies_its_tokens_and_no_others() {
        let (own, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let claims = json!({"aud": "passport-gateway", "exp": 4_000_000_000_u64, "tenant": "acme"});
        let keys: JwkSet = serde_json::from_str(&own.jwks()).unwrap();
        let key = DecodingKey::from_jwk(keys.find(KEY_ID).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&["passport-gateway"]);
        let read = |token: String| decode::<Value>(token, &key, &validation).map(|token| token.claims);

        assert_eq!(read(own.sign(&claims).unwrap()).unwrap(), claims);
        assert!(read(other.sign(&claims).unwrap()).is_err());
    }
}
