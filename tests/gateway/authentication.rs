//! Who calls: one proven identity per request, and what is said to everyone else.

use http::StatusCode;

use crate::support::World;

mod api_keys;
mod certificates;
mod issuers;
mod local;
mod presented;
mod rotation;
mod tokens;

/// A GET of the accounts with these header lines.
fn asking(lines: &str) -> String {
    format!("GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

/// A GET of the accounts with this bearer.
fn bearing(token: &str) -> String {
    asking(&format!("Authorization: Bearer {token}\r\n"))
}

/// Checks that the request is let through.
async fn assert_admitted(world: &World, request: &str) {
    let answer = world.raw(request).await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

/// Checks that the credential is refused as invalid, with its challenge (RFC 6750 §3.1), and that nothing went up.
async fn assert_invalid(world: &World, request: &str) {
    let before = world.arrived().len();

    let answer = world.raw(request).await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::UNAUTHORIZED, "invalid-credential"), "{request}");
    assert_eq!(answer.field("www-authenticate"), r#"Bearer realm="passport-gateway", error="invalid_token""#);
    assert_eq!(world.arrived().len(), before);
}
