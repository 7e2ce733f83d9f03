//! Issuers, API keys, and the local app.

use std::time::Duration;

use jsonwebtoken::Algorithm;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::*;

const ISSUER: &str = "[[issuers]]\nissuer = \"https://id.example\"\n";
const URL: &str = "jwks_url = \"https://id.example/jwks.json\"\n";
const KEY: &str = "[[api_keys]]\nid = \"job\"\ntenant = \"acme\"\nscopes = [\"paas.core.*\"]\n";

fn issuer(section: &str) -> Result<Loaded, Report> {
    with(&format!("{ISSUER}{section}"))
}

fn sha256(pair: &str) -> String {
    format!("sha256 = \"{}\"\n", pair.repeat(32))
}

#[test]
fn an_issuer_needs_little() {
    let config = issuer(URL).unwrap().config;

    let issuer = &config.issuers[0];
    assert_eq!(issuer.issuer, "https://id.example");
    assert_eq!(issuer.audience, ["passport-gateway"]);
    assert_eq!(issuer.algorithms, [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]);
    assert_eq!(issuer.keys, KeySource::JwksUrl("https://id.example/jwks.json".parse().unwrap()));
    assert_eq!(issuer.refresh, Duration::from_mins(10));
    assert_eq!(issuer.tenant, TenantFrom::Claim("tenant".to_owned()));
}

#[test]
fn an_issuer_of_one_tenant_names_it() {
    let config = issuer(&format!("{URL}tenant = \"acme\"")).unwrap().config;

    assert!(matches!(&config.issuers[0].tenant, TenantFrom::Fixed(tenant) if tenant.as_str() == "acme"));
    assert!(faults(issuer(&format!("{URL}tenant = \"other\"")))[0].contains("issuers[0].tenant: there is no tenant `other`"));
    assert!(
        faults(issuer(&format!("{URL}tenant = \"acme\"\ntenant_claim = \"t\"")))[0]
            .contains("issuers[0].tenant_claim: stands beside `tenant`")
    );
}

#[test]
fn discovery_asks_the_issuer_itself() {
    let config = issuer("discovery = true").unwrap().config;

    let expected = "https://id.example/.well-known/openid-configuration".parse().unwrap();
    assert_eq!(config.issuers[0].keys, KeySource::Discovery(expected));
    let no_url = faults(with("[[issuers]]\nissuer = \"id\"\ndiscovery = true"));
    assert!(no_url.len() == 1 && no_url[0].contains("issuers[0].issuer: is no http or https URL"), "{no_url:#?}");
}

#[test]
fn its_keys_have_exactly_one_source() {
    let none = faults(issuer(""));
    let disabled = faults(issuer("discovery = false"));
    let two = faults(issuer(&format!("{URL}discovery = true")));

    assert_eq!(
        none,
        ["1:1: issuers[0]: does not say where its keys are; add one of `jwks_url`, `jwks_file`, `public_key`, `discovery`"]
    );
    assert_eq!(none, disabled);
    assert_eq!(two, ["1:1: issuers[0]: says in 2 ways where its keys are: `jwks_url`, `discovery`; keep one of them"]);
}

#[test]
fn keys_in_files_are_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let public = file("public.pem", &pair.public_key_pem());
    let private = file("private.pem", &pair.serialize_pem());
    let empty = file("empty.json", "{\"keys\": []}");
    let garbage = file("garbage.json", "[]");

    assert_eq!(issuer(&format!("public_key = {public:?}")).unwrap().config.issuers[0].keys, KeySource::PublicKey(public.clone()));
    for (section, message) in [
        (
            format!("public_key = {public:?}\nalgorithms = [\"RS256\"]"),
            "public_key: names a file that holds no public key for any of `algorithms`",
        ),
        (format!("public_key = {private:?}"), "public_key: names a file that holds a private key"),
        (format!("jwks_file = {empty:?}"), "jwks_file: names a file that holds no keys"),
        (format!("jwks_file = {garbage:?}"), "jwks_file: names a file that is no JWK set"),
        (
            "jwks_file = \"/nowhere/keys.json\"".to_owned(),
            "jwks_file: the file cannot be read: there is none of this name (`/nowhere/keys.json`)",
        ),
    ] {
        let found = faults(issuer(&section));

        assert!(found.len() == 1 && found[0].contains(&format!("issuers[0].{message}")), "{section}: {found:#?}");
    }
}

#[test]
fn algorithms_are_a_closed_set_of_signatures() {
    let all = "algorithms = [\"RS256\", \"RS384\", \"RS512\", \"PS256\", \"PS384\", \"PS512\", \"ES256\", \"ES384\", \"EdDSA\"]";

    assert_eq!(issuer(&format!("{URL}{all}")).unwrap().config.issuers[0].algorithms.len(), 9);
    for (algorithm, message) in [
        ("HS256", "whoever checks such a signature could make one as well"),
        ("none", "it is no signature at all"),
        ("ES512", "is no algorithm that is accepted; write one of `RS256`, "),
        ("rs256", "is no algorithm that is accepted"),
    ] {
        let found = faults(issuer(&format!("{URL}algorithms = [\"{algorithm}\"]")));

        assert!(found.len() == 1 && found[0].contains(message), "{found:#?}");
    }
    assert!(faults(issuer(&format!("{URL}algorithms = []")))[0].contains("issuers[0].algorithms: is empty"));
    assert!(faults(issuer(&format!("{URL}audience = []")))[0].contains("issuers[0].audience: is empty"));
}

#[test]
fn keys_fetched_in_the_clear_are_advised_against() {
    let found = advice(issuer("jwks_url = \"http://id.example/jwks.json\""));

    assert!(
        found.len() == 1 && found[0].starts_with("3:12: issuers[0].jwks_url: is plain HTTP beyond this machine"),
        "{found:#?}"
    );
}

#[test]
fn a_place_of_keys_that_is_faulty_is_not_missed_a_second_time() {
    let found = faults(issuer("discovery = \"yes\""));

    assert!(found.len() == 1 && found[0].starts_with("3:13: issuers[0].discovery: is to be a truth value"), "{found:#?}");
}

#[test]
fn an_issuer_stands_once() {
    let found = faults(issuer(&format!("{URL}{ISSUER}{URL}")));

    assert_eq!(found, ["5:10: issuers[1].issuer: stands above already; merge the two: keys are found by issuer"]);
}

#[test]
fn an_issuer_stands_once_though_one_of_the_two_is_faulty() {
    let found = faults(issuer(&format!("{URL}jwks_refresh = 3\n{ISSUER}")));

    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[1].starts_with("5:1: issuers[1]: does not say where its keys are"), "{found:#?}");
    assert!(found[2].starts_with("6:10: issuers[1].issuer: stands above already"), "{found:#?}");
}

#[test]
fn an_api_key_is_a_digest_with_tenant_and_scopes() {
    let config = with(&format!("{KEY}{}expires = 2027-01-31T12:00:00Z", sha256("aB"))).unwrap().config;

    let key = &config.api_keys[0];
    assert_eq!((key.id.as_str(), key.sha256, key.tenant.as_str()), ("job", [0xab; 32], "acme"));
    assert_eq!(key.scopes, ["paas.core.*".parse().unwrap()]);
    let noon = OffsetDateTime::parse("2027-01-31T12:00:00Z", &Rfc3339).unwrap();
    assert_eq!(key.expires, Some(noon.into()));
}

#[test]
fn an_expiry_is_an_instant() {
    let expires = |text: &str| with(&format!("{KEY}{}expires = {text}", sha256("ab")));

    assert_eq!(
        expires("\"2027-01-31T12:00:00Z\"").unwrap().config.api_keys[0].expires,
        expires("2027-01-31T07:00:00-05:00").unwrap().config.api_keys[0].expires,
    );
    for text in ["\"2027-01-31\"", "2027-01-31T12:00:00", "\"tomorrow\"", "7"] {
        assert!(faults(expires(text))[0].contains("api_keys[0].expires: is "), "{text}");
    }
}

#[test]
fn a_digest_is_64_hexadecimal_digits() {
    for text in ["pgk_secret", &"a".repeat(63), &"g".repeat(64), &"é".repeat(32), &"+a".repeat(32)] {
        let report = with(&format!("{KEY}sha256 = \"{text}\"")).unwrap_err();

        assert!(!report.to_string().contains(text), "{report}");
        let found = faults(Err(report));
        assert!(found.len() == 1 && found[0].contains("api_keys[0].sha256: is no SHA-256 digest"), "{text}: {found:#?}");
    }
}

#[test]
fn ids_and_digests_of_keys_stand_once() {
    let found = faults(with(&format!("{KEY}{0}{KEY}{0}", sha256("ab"))));

    assert_eq!(
        found,
        [
            "7:6: api_keys[1].id: is the same as `api_keys[0].id`; give each caller an id and a credential of its own",
            "10:10: api_keys[1].sha256: is the same as `api_keys[0].sha256`; give each caller an id and a credential of its own",
        ]
    );
}

#[test]
fn everything_that_a_key_lacks_is_reported() {
    let found = faults(with("[[api_keys]]\n"));

    let keys: Vec<&str> = found.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(keys, ["api_keys[0].id:", "api_keys[0].scopes:", "api_keys[0].sha256:", "api_keys[0].tenant:"]);
}

#[test]
fn a_local_app_needs_listeners_that_only_this_machine_reaches() {
    assert!(with("server = { listen = [\"127.0.0.1:0\", \"[::1]:0\", \"unix:/run/gateway.sock\"] }").is_ok());

    let found = faults(with("server = { listen = [\"127.0.0.1:0\", \"0.0.0.0:80\"] }"));

    assert_eq!(
        found,
        ["3:1: local: would let whoever reaches 0.0.0.0:80 in without a credential; \
          let every address of `server.listen` be loopback or a Unix socket, or remove [local]"]
    );
}

#[test]
fn a_local_app_may_have_scopes_of_its_own() {
    let config = accepted(&LEAST.replace("tenant = \"acme\"", "tenant = \"acme\"\nscopes = [\"paas.core.accounts.*\"]"));

    assert_eq!(config.local.unwrap().scopes, Some(vec!["paas.core.accounts.*".parse().unwrap()]));
}
