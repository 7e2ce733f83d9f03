//! Framing: where a request ends must have one answer, and what follows is the next.

use http::StatusCode;
use serde_json::json;

use super::get;
use crate::support::{LOCAL, World, keyed};

/// Framing that two servers could read as two different requests; what follows a first one must never be answered as a second.
#[tokio::test]
async fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let world = World::new().await;
    let smuggled = "GET /v1/payments HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let post = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: \r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Content-Length : 5\r\n",
        "X-Note: a\r\n Content-Length: 5\r\n",
        "X-Note: a\0b\r\nContent-Length: 0\r\n",
        "X Note: a\r\nContent-Length: 0\r\n",
    ] {
        let mut client = world.client().await;
        client.send(format!("{post}{lines}\r\n0\r\n\r\n{smuggled}").as_bytes()).await;

        let answer = client.answer(false).await;

        let status = answer.map(|answer| answer.status);
        assert!(status.is_none_or(|status| status == StatusCode::BAD_REQUEST), "{lines:?}: {status:?}");
        assert!(client.is_closed().await, "{lines:?}");
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn an_old_protocol_has_no_transfer_codings() {
    let world = World::new().await;
    let mut client = world.client().await;
    let head =
        "POST /v1/customers HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    client.send(format!("{head}\r\n2\r\n{{}}\r\n0\r\n\r\n").as_bytes()).await;

    let answer = client.answer(false).await;

    assert_eq!(answer.unwrap().status, StatusCode::BAD_REQUEST);
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn the_same_length_said_twice_is_one_length_or_none() {
    let world = World::new().await;
    let mut client = world.client().await;
    client
        .send(
            b"POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                Content-Length: 2\r\n\r\n{}",
        )
        .await;

    let answer = client.answer(false).await.unwrap();

    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let world = World::new().await;
    let mut client = world.client().await;
    let body = json!({"type": "PERSON"}).to_string();
    let post = format!(
        "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );

    client.send(format!("{}{post}{}", get(""), get("")).as_bytes()).await;

    let statuses = [client.answer(false).await, client.answer(false).await, client.answer(false).await];
    assert_eq!(statuses.map(|answer| answer.unwrap().status.as_u16()), [200, 400, 200]);
}

#[tokio::test]
async fn a_body_that_was_not_read_is_never_taken_for_a_request() {
    let world = World::with(&format!("server.max_body_bytes = \"1KiB\"\n{LOCAL}")).await;
    let mut client = world.client().await;
    let smuggled = "GET /v1/payments HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    let head = format!(
        "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        smuggled.len()
    );

    client.send(format!("{head}{smuggled}").as_bytes()).await;

    assert_eq!(client.answer(false).await.unwrap().problem(), "body-too-large");
    client.send(get("").as_bytes()).await;

    // Closed, or gone on after the last byte of the body: nothing in between.
    let next = client.answer(false).await;
    assert!(next.is_none_or(|answer| answer.json()["accounts"].is_array()));
    assert!(world.arrived().iter().all(|request| request.path == "/v1/accounts"));
}

#[tokio::test]
async fn whoever_asks_first_whether_to_send_is_told() {
    let world = World::new().await;
    let mut client = world.client().await;
    let head = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                Expect: 100-continue\r\n\r\n";
    client.send(head.as_bytes()).await;

    let interim = client.answer(true).await.unwrap();
    client.send(b"{}").await;

    assert_eq!(interim.status, StatusCode::CONTINUE);
    assert_eq!(client.answer(false).await.unwrap().problem(), "invalid-request");
}

#[tokio::test]
async fn whoever_may_not_is_told_before_it_sends() {
    let (_, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;
    let head = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                Expect: 100-continue\r\n\r\n";

    assert_eq!(world.raw(head).await.problem(), "missing-credential");
}
