//! Hosts: named once, validly, and the gateway's own.

use http::StatusCode;

use super::{assert_malformed, bare};
use crate::support::{LOCAL, World};

#[tokio::test]
async fn one_host_is_named_once() {
    let world = World::new().await;

    for lines in [
        "",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nHost: evil.example\r\n",
        "Host:\r\n",
        "Host: localhost, evil.example\r\n",
        "Host: user@localhost\r\n",
        "Host: localhost/path\r\n",
        "Host: local host\r\n",
        "Host: localhost:80:80\r\n",
        "Host: localhost:eighty\r\n",
    ] {
        let answer = world.raw(bare(lines)).await;

        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "malformed-request"), "{lines:?}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn an_absolute_target_is_the_path_it_holds() {
    let world = World::new().await;

    let answer = world.raw("GET http://localhost/v1/accounts?status=ACTIVE HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(world.sent_up().path, "/v1/accounts");
}

#[tokio::test]
async fn a_host_that_is_not_listed_is_refused() {
    let world = World::with(&format!("server.hosts = [\"localhost\", \"gateway.internal\"]\n{LOCAL}")).await;

    assert_malformed(&world.raw(bare("Host: other.internal\r\n")).await);
    assert_malformed(&world.raw(bare("Host: gateway.internal.evil.example\r\n")).await);
    assert_eq!(world.raw(bare("Host: LOCALHOST:8080\r\n")).await.status, StatusCode::OK);
}
