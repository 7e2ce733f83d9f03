//! Answers before the whole request has come: the rest of it is never taken for a request.

use http::StatusCode;

use super::{SMUGGLED, assert_goes_on, get};
use crate::support::{LOCAL, World, keyed};

const POST: &str = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

/// A request after which the connection is closed.
const LAST: &str = "GET /v1/payments HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Every way to be refused before the body is read.
#[tokio::test]
async fn a_body_in_flight_is_never_a_request_whyever_its_head_was_refused() {
    let (key, lines) = keyed(r#""paas.core.breb_payments.list.get""#);
    let limit = "rate_limit = { requests = 1, per = \"1h\", burst = 1 }";
    let lines = lines.replace("[tenants.acme]", &format!("[tenants.acme]\n{limit}"));
    let world = World::with(&format!("server.max_body_bytes = \"1KiB\"\n{lines}")).await;
    let body = SMUGGLED.repeat(100);
    let frames = [
        (format!("Content-Length: {}\r\n", body.len()), body.clone()),
        ("Transfer-Encoding: chunked\r\n".to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
    ];
    let bearer = format!("Authorization: Bearer {key}\r\n");
    let refusals = [
        (POST.to_owned(), 401),
        (format!("{POST}Authorization: Bearer nonsense\r\n"), 401),
        (format!("{POST}{bearer}"), 403),
        (format!("{POST}{bearer}X-Api-Key: {key}\r\n"), 400),
        (POST.replace("/v1/customers", "/v1/nothing"), 404),
        (POST.replace("POST", "PUT"), 405),
        (POST.replace("Host: localhost\r\n", ""), 400),
        (POST.replace("/v1/customers", "/v1/%2e/customers"), 400),
        (format!("{POST}X-Wide: {}\r\n", "a".repeat(40 << 10)), 431),
        (POST.replace("/v1/customers", &format!("/v1/customers?a={}", "a".repeat(10 << 10))), 414),
    ];

    for (head, status) in &refusals {
        for (framing, body) in &frames {
            let mut client = world.client().await;
            client.send(format!("{head}{framing}\r\n").as_bytes()).await;
            let early = client.answer(false).await.unwrap();
            // The gateway may have closed by now.
            let _ = client.try_send(format!("{body}{LAST}").as_bytes()).await;

            let mut more = 0;
            while client.answer(false).await.is_some() {
                more += 1;
            }

            assert_eq!(early.status.as_u16(), *status, "{head:?} {framing:?}: {}", early.text());
            assert!(more <= 1, "{head:?} {framing:?}: {more} answers to one request");
        }
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn a_body_that_was_not_read_is_never_taken_for_a_request() {
    let world = World::with(&format!("server.max_body_bytes = \"1KiB\"\n{LOCAL}")).await;
    let mut client = world.client().await;
    let smuggled = SMUGGLED.repeat(100);
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

#[tokio::test]
async fn a_limit_refuses_without_reading_and_the_body_is_no_request() {
    let limit = "rate_limit = { requests = 1, per = \"1h\", burst = 1 }";
    let world = World::with(&LOCAL.replace("[tenants.acme]", &format!("[tenants.acme]\n{limit}"))).await;
    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
    let mut client = world.client().await;

    client.send(format!("{POST}Content-Length: {}\r\n\r\n{SMUGGLED}{LAST}", SMUGGLED.len()).as_bytes()).await;

    assert_eq!(client.answer(false).await.unwrap().problem(), "rate-limited");
    assert!(client.answer(false).await.is_none_or(|next| next.problem() == "rate-limited"));
    assert!(client.answer(false).await.is_none(), "two requests were sent, not three");
    assert_eq!(world.arrived().len(), 1);
}

#[tokio::test]
async fn what_else_may_be_expected_is_not_promised() {
    let world = World::new().await;

    for expect in
        ["Expect: 100-continue\r\nExpect: 100-continue\r\n", "Expect: 100-Continue\r\n", "Expect: 200-ok\r\n", "Expect:\r\n"]
    {
        let mut client = world.client().await;
        client.send(format!("{POST}Content-Length: 2\r\n{expect}\r\n").as_bytes()).await;
        let _ = client.try_send(b"{}").await;

        let mut answer = client.answer(false).await.unwrap();
        if answer.status == StatusCode::CONTINUE {
            answer = client.answer(false).await.unwrap();
        }

        assert_eq!(answer.problem(), "invalid-request", "{expect:?}");
        assert_goes_on(&mut client).await;
    }
}
