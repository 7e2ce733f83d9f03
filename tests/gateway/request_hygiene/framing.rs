//! Framing: where a request ends must have one answer, and what follows is the next.

use http::StatusCode;
use serde_json::json;

use super::{SMUGGLED, assert_goes_on, assert_refused, get};
use crate::support::World;

/// Framing that two servers could read as two different requests; what follows a first one must never be answered as a second.
#[tokio::test]
async fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let world = World::new().await;
    let post = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nX: 1\r\nContent-Length: 0\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nX: 1\r\ncontent-length: 5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 5,\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: -0\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 5.0\r\n",
        "Content-Length: 5e0\r\n",
        "Content-Length: 5;x\r\n",
        "Content-Length: \"5\"\r\n",
        "Content-Length: five\r\n",
        "Content-Length: \u{0665}\r\n",
        "Content-Length: \r\n",
        "Content-Length:\r\n 5\r\n",
        "Content-Length: 5\x0b\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 18446744073709551621\r\n",
        "Content-Length: 99999999999999999999999999999999\r\n",
        "Content-Length : 5\r\n",
        "Content-Length\x0b: 5\r\n",
        " Content-Length: 5\r\n",
        "X-Note: a\r\n Content-Length: 5\r\n",
        "X-Note: a\0b\r\nContent-Length: 0\r\n",
    ] {
        assert_refused(&world, format!("{post}{lines}\r\n0\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn ambiguous_framing_behind_another_request_is_refused_in_its_turn() {
    let world = World::new().await;
    let post = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

    for lines in ["Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n", "X: 1\n"] {
        let mut client = world.client().await;
        client.send(format!("{}{}{post}{lines}\r\n0\r\n\r\n{SMUGGLED}", get(""), get("")).as_bytes()).await;

        let answers = [client.answer(false).await, client.answer(false).await, client.answer(false).await];

        assert_eq!(answers.map(|answer| answer.unwrap().status.as_u16()), [200, 200, 400], "{lines:?}");
        assert!(client.is_closed().await, "{lines:?}");
    }
    assert!(world.arrived().iter().all(|request| request.path == "/v1/accounts"), "{:?}", world.arrived());
}

#[tokio::test]
async fn an_old_protocol_has_no_transfer_codings() {
    let world = World::new().await;
    let head =
        "POST /v1/customers HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n";

    assert_refused(&world, format!("{head}\r\n2\r\n{{}}\r\n0\r\n\r\n")).await;
    assert_refused(&world, format!("{head}Content-Length: 5\r\nConnection: keep-alive\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n")).await;
}

#[tokio::test]
async fn an_operation_without_a_body_takes_none_and_what_was_announced_is_no_request() {
    let world = World::new().await;

    for (lines, body) in [
        (format!("Content-Length: {}\r\n", SMUGGLED.len()), SMUGGLED.to_owned()),
        ("Transfer-Encoding: chunked\r\n".to_owned(), format!("{:x}\r\n{SMUGGLED}\r\n0\r\n\r\n", SMUGGLED.len())),
    ] {
        let mut client = world.client().await;
        client.send(format!("{}{body}", get(&lines)).as_bytes()).await;

        let answer = client.answer(false).await.unwrap();

        assert!(answer.status == StatusCode::OK || answer.status == StatusCode::BAD_REQUEST, "{}", answer.text());
        if answer.status == StatusCode::OK {
            assert_goes_on(&mut client).await;
        }
    }
    assert!(
        world.arrived().iter().all(|request| request.path == "/v1/accounts" && !request.headers.contains_key("content-length"))
    );
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
