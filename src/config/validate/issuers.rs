//! Issuers of callers' tokens: what they sign with, where their keys are, how they name tenants.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};

use super::names::Names;
use super::upstreams::advise_of_clear_text;
use crate::config::raw::{Table, Value, quoted};
use crate::config::settings::{Issuer, KeySource, TenantFrom};

const KEYS: [&str; 10] = [
    "issuer",
    "audience",
    "algorithms",
    "jwks_url",
    "jwks_file",
    "public_key",
    "discovery",
    "jwks_refresh",
    "tenant_claim",
    "tenant",
];

const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

pub(super) fn issuers(root: &Table<'_>, names: &Names<'_>) -> Vec<Issuer> {
    let mut seen = BTreeSet::new();
    root.or("issuers", Vec::new(), |value| value.list(|item| issuer(item, names, &mut seen)))
}

fn issuer<'a>(value: &Value<'a>, names: &Names<'_>, seen: &mut BTreeSet<&'a str>) -> Option<Issuer> {
    let table = Table::open(value, &KEYS)?;
    let issuer = table.required("issuer", "write the exact `iss` of its tokens", |value| {
        let issuer = value.text()?;
        if seen.insert(issuer) {
            Some(issuer)
        } else {
            value.fault("stands above already", "merge the two: keys are found by issuer")
        }
    });
    let audience = table.read("audience", Value::texts);
    let algorithms = table.or("algorithms", vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA], |value| {
        let algorithms = value.list(algorithm)?;
        if value.is_empty_list() { value.fault("is empty", "name at least one, such as \"ES256\"") } else { Some(algorithms) }
    });
    let refresh = table.or("jwks_refresh", Duration::from_mins(10), Value::time);
    let tenant = tenant(&table, names);
    let keys = keys(&table, issuer, &algorithms);
    Some(Issuer {
        issuer: issuer?.to_owned(),
        audience: audience
            .map_or_else(|| vec!["passport-gateway".to_owned()], |names| names.into_iter().map(str::to_owned).collect()),
        algorithms,
        keys: keys?,
        refresh,
        tenant: tenant?,
    })
}

fn algorithm(value: &Value<'_>) -> Option<Algorithm> {
    let text = value.text_such_as("an algorithm", "\"ES256\"")?;
    let symmetric = text.to_ascii_uppercase().starts_with("HS");
    if symmetric || text.eq_ignore_ascii_case("none") {
        let message =
            if symmetric { "whoever checks such a signature could make one as well" } else { "it is no signature at all" };
        return value.fault(message, "let the issuer sign with a private key: RS256, ES256 or EdDSA");
    }
    if let Some((_, algorithm)) = ALGORITHMS.iter().find(|(name, _)| *name == text) {
        return Some(*algorithm);
    }
    // The nearest name would be another algorithm, which is not what was meant.
    value.fault("is no algorithm that is accepted", format!("write one of {}", quoted(&ALGORITHMS.map(|(name, _)| name))))
}

fn tenant(table: &Table<'_>, names: &Names<'_>) -> Option<TenantFrom> {
    let claim = table.or("tenant_claim", "tenant", Value::text);
    let fixed = table.read("tenant", |value| names.tenant(value));
    match (table.value("tenant_claim"), table.value("tenant")) {
        (Some(claim), Some(_)) => {
            claim.fault("stands beside `tenant`", "keep `tenant` for an issuer of one tenant, `tenant_claim` otherwise")
        }
        (_, Some(_)) => fixed.map(TenantFrom::Fixed),
        (_, None) => Some(TenantFrom::Claim(claim.to_owned())),
    }
}

/// Where the keys come from: exactly one of four.
fn keys(table: &Table<'_>, issuer: Option<&str>, algorithms: &[Algorithm]) -> Option<KeySource> {
    const SOURCES: [&str; 4] = ["jwks_url", "jwks_file", "public_key", "discovery"];
    let discovery = table.or("discovery", false, Value::flag);
    // What is neither true nor false is faulty already.
    let off = |key: &str| key == "discovery" && !discovery && table.value(key).is_some_and(|value| value.node().is_bool());
    let named: Vec<&str> = SOURCES.into_iter().filter(|key| table.value(key).is_some() && !off(key)).collect();
    let read = [
        table.read("jwks_url", url).map(KeySource::JwksUrl),
        table.read("jwks_file", jwks_file).map(KeySource::JwksFile),
        table.read("public_key", |value| public_key(value, algorithms)).map(KeySource::PublicKey),
        issuer.filter(|_| discovery).and_then(|issuer| well_known(table, issuer)).map(KeySource::Discovery),
    ];
    match named.len() {
        1 => read.into_iter().flatten().next(),
        0 => {
            table.record(table.own_place().error("does not say where its keys are", format!("add one of {}", quoted(&SOURCES))));
            None
        }
        _ => {
            let message = format!("says in {} ways where its keys are: {}", named.len(), quoted(&named));
            table.record(table.own_place().error(message, "keep one of them"));
            None
        }
    }
}

fn url(value: &Value<'_>) -> Option<Uri> {
    let url = value.url()?;
    advise_of_clear_text(value, &url, "whoever stands between can replace the keys that callers are checked with");
    Some(url)
}

/// The issuer's metadata (`OpenID` Connect Discovery 1.0 §4).
fn well_known(table: &Table<'_>, issuer: &str) -> Option<Uri> {
    table.read("issuer", url)?;
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')).parse().ok()
}

fn jwks_file(value: &Value<'_>) -> Option<PathBuf> {
    let (path, text) = value.file()?;
    match serde_json::from_str::<JwkSet>(&text) {
        Ok(set) if set.keys.is_empty() => value.fault("names a file that holds no keys", "write the issuer's JWK set there"),
        Ok(_) => Some(path),
        Err(_) => {
            value.fault("names a file that is no JWK set", "write the issuer's JWK set there: {\"keys\": […]} (RFC 7517 §5)")
        }
    }
}

fn public_key(value: &Value<'_>, algorithms: &[Algorithm]) -> Option<PathBuf> {
    let (path, text) = value.file()?;
    if text.contains("PRIVATE KEY") {
        return value
            .fault("names a file that holds a private key", "write only the public key there, and renew the private one");
    }
    let fits = |algorithm: &Algorithm| match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(text.as_bytes()).is_ok(),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(text.as_bytes()).is_ok(),
        _ => DecodingKey::from_rsa_pem(text.as_bytes()).is_ok(),
    };
    if algorithms.iter().any(fits) {
        return Some(path);
    }
    value.fault("names a file that holds no public key for any of `algorithms`", "write the issuer's public key there, in PEM")
}
