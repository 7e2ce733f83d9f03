//! `[[issuers]]`, `[[api_keys]]` and `[local]`: who may call.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use jsonwebtoken::Algorithm;

use crate::scope::Grant;
use crate::tenant::TenantName;

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWK set fetched and refreshed.
    JwksUrl(Uri),
    /// A JWK set in a file.
    JwksFile(PathBuf),
    /// The issuer's `/.well-known/openid-configuration` names the JWK set.
    Discovery(Uri),
    /// A public key in PEM.
    PublicKey(PathBuf),
}

/// How an issuer's tokens name their tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantFrom {
    /// A claim holds it.
    Claim(String),
    /// The issuer serves one tenant.
    Fixed(TenantName),
}

/// An issuer of callers' tokens.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The exact `iss`.
    pub issuer: String,
    /// Accepted `aud` values.
    pub audience: Vec<String>,
    /// Accepted signature algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// How often fetched keys are renewed.
    pub refresh: Duration,
    /// How tokens name their tenant.
    pub tenant: TenantFrom,
}

/// A caller with an API key.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The key's name, safe to log.
    pub id: String,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
    /// Whom it acts for.
    pub tenant: TenantName,
    /// What it may do.
    pub scopes: Vec<Grant>,
    /// When it ends; none lasts.
    pub expires: Option<std::time::SystemTime>,
}

/// The sidecar's own app, which sends no identity.
#[derive(Clone, Debug)]
pub struct Local {
    /// Whom it acts for.
    pub tenant: TenantName,
    /// What it may do; the default is all that its tenant may.
    pub scopes: Option<Vec<Grant>>,
}
