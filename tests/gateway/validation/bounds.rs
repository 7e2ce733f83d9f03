//! How large and how slow a request may be, and of what type.

use http::StatusCode;

use super::{customer, world};
use crate::support::Answer;

fn assert_problem(answer: &Answer, status: StatusCode, problem: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (status, problem), "{}", answer.text());
}

/// The head of a POST of a customer with these lines.
fn head(lines: &str) -> String {
    format!("POST /v1/customers HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

fn json_of(length: usize) -> String {
    head(&format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"))
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_unread() {
    let world = world("server.max_body_bytes = \"1KiB\"").await;

    // Not a byte of the body is sent: the answer must not wait for it.
    assert_problem(&world.raw(json_of(1025)).await, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large");
    assert_problem(&world.raw(json_of(1_000_000_000_000_000)).await, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large");
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused() {
    let world = world("server.max_body_bytes = \"1KiB\"").await;
    let request = head("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") + "401\r\n" + &" ".repeat(1025);

    assert_problem(&world.raw(request).await, StatusCode::PAYLOAD_TOO_LARGE, "body-too-large");
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_body_as_large_as_allowed_passes() {
    let world = world("server.max_body_bytes = \"1KiB\"").await;
    let customer = customer().to_string();
    let body = format!("{customer}{}", " ".repeat(1024 - customer.len()));

    assert_eq!(world.post("/v1/customers", &body).await.status, StatusCode::OK);
    assert_eq!(world.sent_up().body.len(), 1024);
}

#[tokio::test]
async fn a_target_that_is_too_long_is_refused() {
    let world = world("").await;

    for target in [format!("/v1/accounts?status={}", "a".repeat(9_000)), format!("/v1/accounts/{}", "a".repeat(9_000))] {
        assert_problem(&world.get(&target).await, StatusCode::URI_TOO_LONG, "target-too-long");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn header_fields_that_are_too_large_are_refused() {
    let world = world("").await;

    let answer = world.client().await.with(format!("X-Note: {}", "a".repeat(33_000))).get("/v1/accounts").await;

    assert_problem(&answer, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large");
}

#[tokio::test]
async fn a_head_beyond_any_measure_is_refused_and_the_connection_closed() {
    let world = world("").await;
    let mut client = world.client().await.with(format!("X-Note: {}", "a".repeat(200_000)));

    let answer = client.get("/v1/accounts").await;

    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn too_many_header_fields_are_refused() {
    let world = world("").await;
    let mut client = world.client().await;
    for number in 0..200 {
        client = client.with(format!("X-Note-{number}: a"));
    }

    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn only_plain_json_is_read() {
    let world = world("").await;
    let body = customer().to_string();

    for lines in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/jsonp\r\n",
        "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
        "Content-Type: application/json, text/plain\r\n",
        "Content-Type: application/json; charset=utf-16\r\n",
        "Content-Type: application/json; foo\r\n",
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
    ] {
        let answer = world.raw(head(&format!("{lines}Content-Length: {}\r\n", body.len())) + &body).await;

        assert_problem(&answer, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn the_case_of_the_media_type_and_that_it_is_utf_8_do_not_matter() {
    let world = world("").await;
    let body = customer().to_string();
    let lines = format!("Content-Type: Application/JSON ; charset=utf-8\r\nContent-Length: {}\r\n", body.len());

    let answer = world.raw(head(&lines) + &body).await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(world.sent_up().headers["content-type"], "Application/JSON ; charset=utf-8");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let world = world("server.body_timeout = \"30ms\"").await;
    let mut client = world.client().await;
    client.send(json_of(100).as_bytes()).await;
    client.send(b"{").await;

    let answer = client.answer(false).await.expect("an answer");

    assert_problem(&answer, StatusCode::REQUEST_TIMEOUT, "request-timeout");
    assert!(client.is_closed().await, "what may still come is no request");
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let world = world("server.header_timeout = \"30ms\"").await;
    let mut client = world.client().await;

    client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\nX-No").await;

    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_nobody() {
    let world = world("").await;
    let mut client = world.client().await;
    client.send(head("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n").as_bytes()).await;

    client.send(b"zz\r\n").await;

    let answer = client.answer(false).await.expect("an answer");
    assert_problem(&answer, StatusCode::BAD_REQUEST, "malformed-request");
    assert!(world.arrived().is_empty());
}
