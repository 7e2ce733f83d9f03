//! Every refusal at once: the table that users read must be the one the code speaks.

use super::*;

/// Names and statuses as they were promised.
const PROMISED: [(&str, u16); 35] = [
    ("missing-credential", 401),
    ("invalid-credential", 401),
    ("ambiguous-credential", 400),
    ("unknown-tenant", 403),
    ("insufficient-scope", 403),
    ("too-many-failures", 429),
    ("unknown-operation", 404),
    ("operation-unavailable", 503),
    ("method-not-allowed", 405),
    ("malformed-request", 400),
    ("invalid-request", 400),
    ("body-too-large", 413),
    ("target-too-long", 414),
    ("headers-too-large", 431),
    ("unsupported-media-type", 415),
    ("not-cached", 504),
    ("request-timeout", 408),
    ("rate-limited", 429),
    ("upstream-quota-exhausted", 503),
    ("overloaded", 503),
    ("idempotency-key-missing", 400),
    ("idempotency-in-flight", 409),
    ("idempotency-mismatch", 422),
    ("idempotency-unavailable", 503),
    ("audit-unavailable", 503),
    ("outcome-unknown", 409),
    ("upstream-token-unavailable", 503),
    ("jwks-unavailable", 503),
    ("upstream-credential-rejected", 502),
    ("upstream-scope-missing", 502),
    ("upstream-unreachable", 502),
    ("upstream-invalid-response", 502),
    ("upstream-unavailable", 503),
    ("deadline-exceeded", 504),
    ("internal", 500),
];

#[test]
fn every_refusal_has_its_promised_name_and_status() {
    let spoken: Vec<_> = Refusal::every().iter().map(|refusal| (refusal.kind().name, refusal.kind().status.as_u16())).collect();

    assert_eq!(spoken, PROMISED);
}

#[test]
fn the_readme_lists_every_problem_with_its_status_and_no_other() {
    let readme = include_str!("../../README.md");
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = readme.lines().map(cells).filter(|cells| cells.len() > 3);
    let mut listed = Vec::new();
    for row in rows {
        let names = row[1].split(" · ").map(|name| name.trim_matches('`').to_owned());
        listed.extend(row[2].parse::<u16>().into_iter().flat_map(|status| names.clone().map(move |name| (name, status))));
    }
    let mut promised: Vec<_> = PROMISED.iter().map(|(name, status)| ((*name).to_owned(), *status)).collect();
    listed.sort();
    promised.sort();

    assert_eq!(listed, promised);
}

#[test]
fn whoever_may_come_again_is_told_when() {
    for refusal in Refusal::every() {
        let mut fields = HeaderMap::new();
        refusal.write_fields(&mut fields);

        let told = fields.get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
        assert_eq!(told, refusal.retry_after().map(whole_seconds), "{refusal:?}");
        assert!(told.is_none_or(|seconds| seconds >= 1), "{refusal:?}");
    }
}

#[test]
fn a_429_and_an_unauthorized_answer_carry_what_their_status_demands() {
    for refusal in Refusal::every() {
        let mut fields = HeaderMap::new();
        refusal.write_fields(&mut fields);

        let status = refusal.kind().status;
        assert!(status != StatusCode::UNAUTHORIZED || fields.contains_key(header::WWW_AUTHENTICATE), "{refusal:?}");
        assert_eq!(status == StatusCode::METHOD_NOT_ALLOWED, fields.contains_key(header::ALLOW), "{refusal:?}");
        assert!(status != StatusCode::TOO_MANY_REQUESTS || fields.contains_key(header::RETRY_AFTER), "{refusal:?}");
    }
}

#[test]
fn challenges_follow_rfc_6750() {
    let challenge = |refusal: Refusal| refusal.challenge().unwrap().to_str().unwrap().to_owned();

    assert_eq!(challenge(Refusal::MissingCredential), r#"Bearer realm="passport-gateway""#);
    assert_eq!(challenge(Refusal::InvalidCredential("expired")), r#"Bearer realm="passport-gateway", error="invalid_token""#);
    assert_eq!(
        challenge(Refusal::InsufficientScope("paas.core.accounts.get".parse().unwrap())),
        r#"Bearer realm="passport-gateway", error="insufficient_scope", scope="paas.core.accounts.get""#
    );
}
