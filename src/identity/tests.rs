//! Who is let in, who is not, and why: chapters of behaviour over whole requests.

use std::cell::Cell;
use std::time::Duration;

use http::Request;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::config::{Config, KeySource, TenantFrom};
use crate::scope::Grant;
use crate::tenant::TenantName;
use crate::testing::signer::{Signer, jwks};
use crate::testing::{config, credential, tenant, wall};

mod api_keys;
mod clients;
mod examples;
mod forms;
mod local;
mod remembering;
mod tokens;

const ISSUER: &str = "https://id.test";
const SCOPE: &str = "paas.core.breb_payments.list.get";
const REMOTE: Peer =
    Peer { address: Some(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7))), local: false, certificate: None };

/// Counts failed attempts, and what was asked before a signature was checked.
#[derive(Default)]
struct Counted {
    admitted: Cell<u32>,
    failed: Cell<u32>,
    exhausted: bool,
}

impl Attempts for Counted {
    fn admit(&self, _peer: &Peer) -> Result<(), Refusal> {
        self.admitted.set(self.admitted.get() + 1);
        if self.exhausted { Err(Refusal::TooManyFailures(Duration::from_secs(1))) } else { Ok(()) }
    }

    fn failed(&self, _peer: &Peer) {
        self.failed.set(self.failed.get() + 1);
    }
}

/// Two tenants, of which `narrow` may only list payments, and no local caller.
fn two_tenants() -> Config {
    let narrow = config::Tenant { scopes: grants(&[SCOPE]), ..tenant("narrow") };
    Config {
        local: None,
        tenants: vec![tenant("acme"), narrow],
        credentials: vec![credential("acme"), credential("narrow")],
        ..config()
    }
}

fn grants(scopes: &[&str]) -> Vec<Grant> {
    scopes.iter().map(|scope| scope.parse().unwrap()).collect()
}

fn issuer() -> config::Issuer {
    config::Issuer {
        issuer: ISSUER.to_owned(),
        audience: vec!["passport-gateway".to_owned()],
        algorithms: vec![Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA],
        keys: KeySource::JwksUrl("https://id.test/jwks.json".parse().unwrap()),
        refresh: Duration::from_mins(10),
        tenant: TenantFrom::Claim("tenant".to_owned()),
    }
}

/// What a good token claims.
fn claims() -> Value {
    let now = seconds(wall());
    json!({"iss": ISSUER, "aud": "passport-gateway", "sub": "maria", "client_id": "app", "iat": now, "exp": now + 300, "tenant": "acme", "scope": SCOPE})
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// Callers whose issuers, in their order, have published these keys; no keys are none ever fetched.
fn build(config: &Config, published: &[&[Value]]) -> Callers {
    let mut ring = KeyRing::default();
    for (issuer, keys) in config.issuers.iter().zip(published) {
        if !keys.is_empty() {
            let vetted = Vetted::from_jwks(&jwks(keys), &issuer.algorithms).unwrap();
            ring.replace(IssuerId::of(issuer), Some(Arc::new(vetted.keys)));
        }
    }
    from(config, &ring)
}

fn from(config: &Config, ring: &KeyRing) -> Callers {
    let catalogue = &config.catalogue;
    let grants = config.tenants.iter().map(|tenant| TenantGrants::new(&tenant.name, catalogue.granted(&tenant.scopes)));
    Callers::build(config, catalogue, &grants.collect::<Vec<_>>(), ring)
}

/// Callers with one issuer that has published these keys.
fn trusting(keys: &[&Signer]) -> Callers {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    build(&Config { issuers: vec![issuer()], ..two_tenants() }, &[&keys])
}

fn head(fields: &[(&str, &str)]) -> Parts {
    let builder = fields.iter().fold(Request::builder(), |builder, (name, value)| builder.header(*name, *value));
    builder.body(()).unwrap().into_parts().0
}

fn bearer(token: &str) -> Parts {
    head(&[("authorization", &format!("Bearer {token}"))])
}

/// What becomes of a bearer token.
fn present(callers: &Callers, token: &str) -> Result<Arc<Caller>, Unauthenticated> {
    callers.authenticate(&bearer(token), &REMOTE, wall(), &Counted::default())
}

/// The reason for which a bearer token is not valid.
fn refused(callers: &Callers, token: &str) -> &'static str {
    match present(callers, token) {
        Err(Unauthenticated::Refused(Refusal::InvalidCredential(reason))) => reason,
        other => panic!("{other:?}"),
    }
}

fn may(callers: &Callers, caller: &Caller, operation: &str) -> bool {
    let found = callers.catalogue.operations().find(|(_, known)| *known.name == *operation);
    caller.allowed.contains(found.unwrap().0)
}
