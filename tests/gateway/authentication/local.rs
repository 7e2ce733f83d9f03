//! The sidecar's own app: whoever is on this machine, but no web page in its browser.

use http::StatusCode;

use super::{asking, assert_admitted, assert_invalid};
use crate::support::World;

#[tokio::test]
async fn the_app_needs_no_credential() {
    let world = World::new().await;

    assert_admitted(&world, &asking("")).await;
}

#[tokio::test]
async fn every_loopback_name_will_do() {
    let world = World::new().await;

    for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.8.9.10:1", "[::1]", "[::1]:8080", "[::ffff:127.0.0.1]"] {
        assert_admitted(&world, &format!("GET /v1/accounts HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn a_name_that_was_rebound_to_loopback_is_not_the_apps() {
    let world = World::new().await;

    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "localhost.",
        "2130706433",
    ] {
        assert_invalid(&world, &format!("GET /v1/accounts HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn a_web_pages_request_is_not_the_apps() {
    let world = World::new().await;

    for line in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://localhost\r\n",
        "Origin:\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n",
    ] {
        assert_invalid(&world, &asking(line)).await;
    }
}

#[tokio::test]
async fn whoever_typed_the_address_may_look() {
    let world = World::new().await;

    for line in ["Sec-Fetch-Site: none\r\n", "Sec-Fetch-Site: same-origin\r\n"] {
        assert_admitted(&world, &asking(line)).await;
    }
}

#[tokio::test]
async fn a_target_that_names_another_host_is_malformed() {
    let world = World::new().await;

    let answer = world.raw("GET http://evil.example/v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "malformed-request"));
}

#[tokio::test]
async fn a_request_that_names_no_host_at_all_is_not_the_apps() {
    let world = World::new().await;

    assert_invalid(&world, "GET /v1/accounts HTTP/1.0\r\n\r\n").await;
}
