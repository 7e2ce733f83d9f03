//! Callers' tokens: RS256, for sixty-four tenants, and the public key in the forms that the systems want.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::Result;

pub const TENANTS: usize = 64;
pub const ISSUER: &str = "https://id.bench.internal";
pub const AUDIENCE: &str = "passport-gateway";
pub const SCOPES: &str = "paas.core.entity_customers.list.get paas.core.breb_payments.get paas.core.breb_payments.list.get paas.core.accounts.list.get";

/// What the systems check callers with.
pub struct Keys {
    /// PEM.
    pub public: PathBuf,
    /// The same as a JWK set.
    pub jwks: PathBuf,
    /// One token a tenant.
    pub known: PathBuf,
    /// Tokens that are used once.
    pub fresh: PathBuf,
}

/// Makes the keys and all tokens in `folder`.
pub fn make(folder: &Path, fresh: usize) -> Result<Keys> {
    let pair = KeyPair::generate(KeySize::Rsa2048)?;
    let der: PublicKeyX509Der = pair.public_key().as_der()?;
    let keys = Keys {
        public: folder.join("issuer.pem"),
        jwks: folder.join("issuer.jwks"),
        known: folder.join("known.tokens"),
        fresh: folder.join("fresh.tokens"),
    };
    fs::write(&keys.public, pem(der.as_ref()))?;
    fs::write(&keys.jwks, jwks(&pair))?;
    fs::write(&keys.known, sign(&pair, TENANTS)?)?;
    fs::write(&keys.fresh, sign(&pair, fresh)?)?;
    Ok(keys)
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

fn jwks(pair: &KeyPair) -> String {
    let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
    let [n, e] = [n, e].map(|number| URL_SAFE_NO_PAD.encode(number.big_endian_without_leading_zero()));
    format!(r#"{{"keys":[{{"kty":"RSA","use":"sig","alg":"RS256","kid":"bench","n":"{n}","e":"{e}"}}]}}"#)
}

fn sign(pair: &KeyPair, number: usize) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"bench","typ":"JWT"}"#);
    let mut tokens = String::new();
    let mut signature = vec![0; pair.public_modulus_len()];
    for turn in 0..number {
        let claims = claims(turn, now);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)?;
        tokens.push_str(&format!("{signed}.{}\n", URL_SAFE_NO_PAD.encode(&signature)));
    }
    Ok(tokens)
}

fn claims(turn: usize, now: Duration) -> String {
    let (issued, expires) = (now.as_secs(), now.as_secs() + 4 * 3600);
    format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"app-{turn}","client_id":"app-{turn}","tenant":"{}","scope":"{SCOPES}","iat":{issued},"exp":{expires},"jti":"{turn:032x}"}}"#,
        tenant(turn % TENANTS)
    )
}

pub fn tenant(number: usize) -> String {
    format!("tenant-{number:02}")
}
