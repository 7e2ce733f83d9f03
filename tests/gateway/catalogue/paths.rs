//! Paths and methods that ask for nothing, or could be read as asking for something else.

use http::StatusCode;

use super::text;
use crate::support::{LOCAL, World};

#[tokio::test]
async fn a_path_that_is_no_operation_is_unknown() {
    let world = World::new().await;

    for path in ["/", "/v1", "/v2/accounts", "/v1/webhooks", "/v1/accounts/1/2", "/V1/accounts", "/v1/Accounts", "/metrics"] {
        let answer = world.get(path).await;

        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::NOT_FOUND, "unknown-operation"), "{path}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn another_method_is_told_which_would_do() {
    let world = World::new().await;

    for (method, path, allow) in [
        ("DELETE", "/v1/accounts", "GET, HEAD"),
        ("PUT", "/v1/customers", "GET, HEAD, POST"),
        ("OPTIONS", "/v1/customers", "GET, HEAD, POST"),
        ("GET", "/v1/payments/breb", "POST"),
        ("TRACE", "/v1/accounts", "GET, HEAD"),
        ("BREW", "/v1/accounts", "GET, HEAD"),
        ("POST", "/v1/keys/00000000-0000-4000-8000-000000000000/suspend", "PATCH"),
    ] {
        let answer = world.client().await.request(method, path, None).await;

        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!((answer.problem().as_str(), answer.field("allow")), ("method-not-allowed", allow), "{method} {path}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn asking_for_all_of_the_server_is_malformed() {
    let world = World::new().await;

    let answer = world.raw("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.problem(), "malformed-request");
}

#[tokio::test]
async fn a_tunnel_is_refused() {
    let world = World::new().await;

    let answer = world.raw("CONNECT passport.example:443 HTTP/1.1\r\nHost: passport.example:443\r\n\r\n").await;

    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.problem(), "malformed-request");
}

#[tokio::test]
async fn tokens_of_passport_are_nobodys_to_make_or_read() {
    let world = World::new().await;
    world.get("/v1/accounts").await;
    world.passport.clear_requests();

    for (method, path) in [
        ("POST", "/v1/iam/oauth/tokens"),
        ("GET", "/v1/iam/oauth/tokens"),
        ("GET", "/v1/iam/oauth/tokens/1"),
        ("DELETE", "/v1/iam/oauth/tokens/1"),
        ("GET", "/v1/iam"),
        ("GET", "/v1/iam/users"),
        ("GET", "/v1/%69am/oauth/tokens"),
        ("GET", "/v1/accounts/../iam/oauth/tokens"),
        ("GET", "/v1/accounts/..%2fiam/oauth/tokens"),
        ("GET", "/v1/accounts/%2e%2e/iam/oauth/tokens"),
        ("GET", "//v1/iam/oauth/tokens"),
        ("GET", "/v1/./iam/oauth/tokens"),
    ] {
        let answer = world.client().await.request(method, path, None).await;

        assert!(matches!(answer.status.as_u16(), 400 | 404), "{method} {path}: {}", answer.status);
        assert!(!answer.problem().is_empty(), "{method} {path}");
    }
    assert!(world.passport.requests().is_empty());
}

#[tokio::test]
async fn a_path_that_two_servers_could_read_differently_reaches_nobody() {
    let world = World::new().await;
    let id = "6c23f053-0e1a-46b4-b902-97ba47e351bc";

    for path in [
        "/v1/accounts/".to_owned(),
        "//v1/accounts".to_owned(),
        "/v1//accounts".to_owned(),
        "/v1/./accounts".to_owned(),
        "/v1/customers/../accounts".to_owned(),
        "/v1/customers/%2e%2e/accounts".to_owned(),
        "/v1/customers/%2E%2E/accounts".to_owned(),
        "/v1/customers/.%2e/accounts".to_owned(),
        "/v1/%61ccounts".to_owned(),
        "/v1%2faccounts".to_owned(),
        "/v1/accounts%2f".to_owned(),
        format!("/v1/accounts%2F{id}"),
        format!("/v1/accounts/{id}%2F..%2F..%2Fpayments"),
        format!("/v1/accounts/{id}%252F"),
        "/v1/accounts%5c".to_owned(),
        "/v1\\accounts".to_owned(),
        "/v1/accounts;a=b".to_owned(),
        format!("/v1/accounts/{id};v=1"),
        format!("/v1/accounts/{id}%3bv=1"),
        "/v1/accounts%00".to_owned(),
        format!("/v1/accounts/{id}%00"),
        format!("/v1/accounts/{id}%0d%0aX-Injected:%201"),
        format!("/v1/accounts/{id}%3fstatus=1"),
        format!("/v1/accounts/{id}%23"),
        format!("/v1/accounts/{id}%"),
        format!("/v1/accounts/{id}%zz"),
        format!("/v1/accounts/{id}%c3%a9"),
        format!("/v1/accounts/{id}%20"),
        format!("/v1/accounts/{id}@evil.example"),
        format!("/v1/accounts/{id}:80"),
        "/v1/accounts/.".to_owned(),
        "/v1/accounts/..".to_owned(),
        "/v1/accounts/%2e".to_owned(),
        "/v1/accounts.".to_owned(),
        "/v1/accounts%2e".to_owned(),
        "/v1./accounts".to_owned(),
        "/v1/accounts/%c0%ae%c0%ae/payments".to_owned(),
        "/v1/accounts/%e0%80%ae".to_owned(),
        "/v1/accounts/%u002e".to_owned(),
        "/v1%c0%afaccounts".to_owned(),
        "/v1/accounts%09".to_owned(),
        "/v1/accounts/%252e%252e".to_owned(),
        "/v1/customers/..;/accounts".to_owned(),
        "/.//v1/accounts".to_owned(),
        "/%2f/v1/accounts".to_owned(),
        format!("/v1/accounts/{}", "a".repeat(4000)),
    ] {
        let answer = world.get(&path).await;

        assert!(matches!(answer.status.as_u16(), 400 | 404), "{path}: {}", answer.status);
        assert!(matches!(answer.problem().as_str(), "malformed-request" | "unknown-operation"), "{path}");
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn bytes_that_no_target_may_hold_reach_nobody() {
    let world = World::new().await;

    for path in [&b"/v1/accounts\0"[..], b"/v1/acc\x01ounts", b"/v1/accounts\x7f", b"/v1/accounts/\xc3\xa9"] {
        let request = [b"GET ", path, b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat();
        let answer = world.raw(request).await;

        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path:?}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_fragment_is_no_part_of_a_target_and_is_not_cut_off_in_silence() {
    let world = World::new().await;

    let answer = world.get("/v1/accounts?status=ACTIVE#/v1/payments").await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "malformed-request"));
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn an_encoded_letter_in_a_parameter_is_the_letter() {
    let world = World::new().await;
    let listed = world.get("/v1/accounts").await.json();
    let id = text(&listed["accounts"][0]["id"]);
    world.passport.clear_requests();
    let spelled = format!("%{:02X}{}", id.as_bytes()[0], &id[1..]);

    let answer = world.get(&format!("/v1/accounts/{spelled}")).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(world.sent_up().path, format!("/v1/accounts/{id}"));
}

#[tokio::test]
async fn an_operation_that_is_switched_off_is_unavailable() {
    let world = World::with(&format!("operations.list_accounts.enabled = false\n{LOCAL}")).await;

    let answer = world.get("/v1/accounts").await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.problem(), "operation-unavailable");
    assert!(world.arrived().is_empty());
}
