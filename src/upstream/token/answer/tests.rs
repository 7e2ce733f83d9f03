use std::time::UNIX_EPOCH;

use super::*;

fn ok(body: impl Into<Bytes>) -> Result<Minted, Failure> {
    read(Response::new(body.into()), UNIX_EPOCH)
}

fn with_status(status: u16, fields: &[(&'static str, &'static str)]) -> Failure {
    let mut answer = Response::builder().status(status);
    for (name, value) in fields {
        answer = answer.header(*name, *value);
    }
    read(answer.body(Bytes::from_static(br#"{"access_token": "t"}"#)).unwrap(), UNIX_EPOCH).unwrap_err()
}

fn expiring(expires_in: &str) -> Result<Duration, Failure> {
    ok(format!(r#"{{"access_token": "t", "expires_in": {expires_in}}}"#)).map(|minted| minted.lifetime)
}

fn token(json: &str) -> Result<HeaderValue, Failure> {
    ok(format!(r#"{{"access_token": {json}}}"#)).map(|minted| minted.bearer)
}

#[test]
fn passports_answer_is_a_token() {
    let minted = ok(r#"{"access_token": "5f1d", "token_type": "Bearer", "expires_in": 86400, "token_id": "id-1",
        "account_id": "a", "scopes": ["paas.core.*"], "roles": [], "created_at": "2026-01-01T00:00:00Z"}"#)
    .unwrap();

    assert_eq!(minted.bearer, "Bearer 5f1d");
    assert_eq!(minted.lifetime, Duration::from_hours(24));
    assert!(minted.granted.unwrap().covers(&"paas.core.accounts.get".parse().unwrap()));
    assert_eq!(minted.token_id.unwrap().expose(), "id-1");
}

#[test]
fn a_token_prints_as_sensitive() {
    let minted = ok(r#"{"access_token": "5f1dcafe", "token_id": "id-1"}"#).unwrap();

    let printed = format!("{minted:?}");
    assert!(!printed.contains("5f1dcafe") && !printed.contains("id-1"), "{printed}");
}

#[test]
fn a_token_alone_is_enough_and_lives_for_the_default_time() {
    for body in [r#"{"access_token": "t"}"#, r#"{"access_token": "t", "token_type": null, "expires_in": null, "scope": null}"#] {
        assert_eq!(ok(body).unwrap().lifetime, DEFAULT_LIFETIME, "{body}");
    }
}

#[test]
fn the_type_must_be_bearer_in_any_case() {
    for token_type in [r#""bearer""#, r#""BEARER""#, r#""Bearer""#] {
        assert!(ok(format!(r#"{{"access_token": "t", "token_type": {token_type}}}"#)).is_ok(), "{token_type}");
    }
    for token_type in [r#""mac""#, r#""DPoP""#, r#""""#, "7", r#"["Bearer"]"#] {
        let answer = ok(format!(r#"{{"access_token": "t", "token_type": {token_type}}}"#));
        assert_eq!(answer, Err(Failure::NotBearer), "{token_type}");
    }
}

#[test]
fn a_life_that_is_not_credible_is_a_failure() {
    for expires_in in
        ["0", "-1", "-0.5", r#""3600""#, "1e308", "1e999", "315360001", "true", "[]", "{}", "18446744073709551616", "1e-12"]
    {
        assert_eq!(expiring(expires_in), Err(Failure::IllegalLifetime), "{expires_in}");
    }
    assert_eq!(expiring("315360000"), Ok(LONGEST_LIFETIME));
    assert_eq!(expiring("3.6e3"), Ok(Duration::from_hours(1)));
}

#[test]
fn a_token_that_is_no_header_value_is_a_failure() {
    for json in [
        r#""a\r\nX-Injected: 1""#,
        r#""a\nb""#,
        r#""a\u0000b""#,
        r#""a\u007f""#,
        r#""a\tb""#,
        r#""two words""#,
        r#""é""#,
        r#"" ""#,
    ] {
        assert_eq!(token(json), Err(Failure::IllegalToken), "{json}");
    }
}

#[test]
fn a_token_longer_than_a_header_field_is_a_failure() {
    assert!(token(&format!("\"{}\"", "a".repeat(LONGEST_TOKEN))).is_ok());
    assert_eq!(token(&format!("\"{}\"", "a".repeat(LONGEST_TOKEN + 1))), Err(Failure::IllegalToken));
    assert_eq!(token(&format!("\"{}\"", "a".repeat(1 << 20))), Err(Failure::TooLarge));
}

#[test]
fn an_answer_without_a_token_says_why() {
    for (body, failure) in [
        ("", Failure::Empty),
        (" \r\n", Failure::Empty),
        ("<!doctype html><title>Sign in</title>", Failure::NotJson),
        (r#"{"access_token": "t""#, Failure::NotJson),
        (r#"["t", "Bearer", 60]"#, Failure::NotJson),
        (r#"{"access_token": "t", "access_token": "u"}"#, Failure::NotJson),
        ("null", Failure::NotJson),
        ("{}", Failure::NoToken),
        (r#"{"access_token": null}"#, Failure::NoToken),
        (r#"{"access_token": ""}"#, Failure::NoToken),
        (r#"{"access_token": 5}"#, Failure::NoToken),
        (r#"{"error": "invalid_client"}"#, Failure::NoToken),
    ] {
        assert_eq!(ok(body), Err(failure), "{body}");
    }
}

#[test]
fn a_deeply_nested_answer_is_a_failure() {
    assert_eq!(ok(format!(r#"{{"access_token": "t", "x": {}}}"#, "[".repeat(20_000))), Err(Failure::NotJson));
}

#[test]
fn a_status_other_than_success_is_a_failure_whatever_the_body() {
    for status in [400, 401, 403] {
        assert_eq!(with_status(status, &[]), Failure::Rejected(StatusCode::from_u16(status).unwrap()));
    }
    for status in [301, 302, 303, 307, 308] {
        assert_eq!(with_status(status, &[("location", "http://elsewhere/")]), Failure::Redirected);
    }
    for status in [404, 405, 500, 502, 503] {
        assert_eq!(with_status(status, &[]), Failure::Status(StatusCode::from_u16(status).unwrap()));
    }
}

#[test]
fn the_endpoints_wish_for_patience_is_read() {
    let minute = Failure::Throttled(Some(Duration::from_mins(1)));

    assert_eq!(with_status(429, &[]), Failure::Throttled(None));
    assert_eq!(with_status(429, &[("retry-after", "60")]), minute);
    assert_eq!(with_status(503, &[("retry-after", "60")]), minute);
    assert_eq!(with_status(429, &[("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT")]), minute);
    assert_eq!(with_status(429, &[("retry-after", "soon")]), Failure::Throttled(None));
}
