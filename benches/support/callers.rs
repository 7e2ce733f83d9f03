//! Whoever calls: a bearer of an RS256 token of ordinary length, and a holder of an API key.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;
use jsonwebtoken::Algorithm;
use passport_gateway::clock::{Clock, SystemClock};
use passport_gateway::config::Issuer;
use passport_gateway::identity::{IssuerId, KeyRing, Vetted, new_key};
use serde_json::json;
use tempfile::TempDir;

use super::signer::{Signer, jwks};

pub(crate) const ISSUER: &str = "https://id.example.internal";

/// Credentials that are good for an hour, and the key set that proves the token.
pub(crate) struct Callers {
    /// `Authorization` with the token: some 700 bytes, as identity providers make them.
    pub(crate) token: HeaderValue,
    /// `Authorization` with the API key.
    pub(crate) api_key: HeaderValue,
    /// The API key's digest, as the configuration holds it.
    pub(crate) sha256: String,
    keys: Vec<u8>,
    folder: TempDir,
}

impl Callers {
    pub(crate) fn new() -> Self {
        let signer = Signer::rsa("2026-11", Algorithm::RS256);
        let expires = SystemClock.wall().duration_since(UNIX_EPOCH).unwrap() + Duration::from_hours(1);
        let claims = json!({
            "iss": ISSUER, "aud": "passport-gateway", "sub": "0oa1f8m4x2QhKzqLr5d7", "client_id": "orders-app", "tenant": "acme",
            "scope": "openid paas.core.breb_payments.* paas.core.accounts.* paas.core.entity_customers.*",
            "jti": "AT.1zR9kq2b7JdO3hW5yC8xVn4uLs6eTfGm0PaQiYvXwBk", "exp": expires.as_secs(),
        });
        let (key, sha256) = new_key();
        let folder = TempDir::new().unwrap();
        let keys = jwks(&[signer.jwk()]);
        std::fs::write(folder.path().join("jwks.json"), &keys).unwrap();
        Self { token: bearer(&signer.token(&claims)), api_key: bearer(&key), sha256, keys, folder }
    }

    /// Where the key set is.
    pub(crate) fn jwks_file(&self) -> PathBuf {
        self.folder.path().join("jwks.json")
    }

    /// The issuer's keys, as if they had been fetched.
    pub(crate) fn key_ring(&self, issuer: &Issuer) -> KeyRing {
        let vetted = Vetted::from_jwks(&self.keys, &[Algorithm::RS256]).unwrap();
        let mut keys = KeyRing::default();
        keys.replace(IssuerId::of(issuer), Some(vetted.keys.into()));
        keys
    }
}

fn bearer(credential: &str) -> HeaderValue {
    let mut value = HeaderValue::try_from(format!("Bearer {credential}")).unwrap();
    value.set_sensitive(true);
    value
}
