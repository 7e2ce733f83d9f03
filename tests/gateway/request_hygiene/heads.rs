//! Heads: what no line may hold, and what other servers are known to read differently.

use http::StatusCode;

use super::{assert_goes_on, assert_refused, bare, get};
use crate::support::World;

#[tokio::test]
async fn lines_that_two_servers_could_read_differently_are_refused() {
    let world = World::new().await;

    for lines in [
        "X-Note : a\r\n",
        "X-Note\t: a\r\n",
        " X-Note: a\r\n",
        "\tX-Note: a\r\n",
        ": a\r\n",
        " : a\r\n",
        "X-Note\r\n",
        "X Note: a\r\n",
        "X-Note: a\r\n folded\r\n",
        "X-Note: a\r\n\tfolded\r\n",
        "X-Note: a\r\n \r\n",
        "X-Note: a\rContent-Length: 5\r\n",
        "X-Note: a\r",
        "X-Note: a\nContent-Length: 5\r\n",
        "X-Note: a\r\r\n",
        "X-Note: a\0b\r\n",
        "X-\0Note: a\r\n",
        "X-Note: a\x0bb\r\n",
        "X-Note: a\x0cb\r\n",
        "X-Note: a\x1b[31m\r\n",
        "X-Note: a\x7fb\r\n",
        "X(Note): a\r\n",
        "X-Note\u{e9}: a\r\n",
        "\"X-Note\": a\r\n",
        "X-Note=a\r\n",
        "\r",
    ] {
        assert_refused(&world, get(lines)).await;
    }
}

#[tokio::test]
async fn a_line_feed_alone_ends_no_line() {
    let world = World::new().await;

    for bytes in [
        "GET /v1/accounts HTTP/1.1\nHost: localhost\n\n",
        "GET /v1/accounts HTTP/1.1\nHost: localhost\r\n\r\n",
        "GET /v1/accounts HTTP/1.1\r\nHost: localhost\n\r\n",
        "GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\n",
        "\nGET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        assert_refused(&world, bytes).await;
    }
}

#[tokio::test]
async fn request_lines_are_three_words_with_one_space_between_them() {
    let world = World::new().await;

    for line in [
        "GET  /v1/accounts HTTP/1.1",
        "GET /v1/accounts  HTTP/1.1",
        "GET\t/v1/accounts HTTP/1.1",
        "GET /v1/accounts\tHTTP/1.1",
        "GET /v1/accounts HTTP/1.1 ",
        " GET /v1/accounts HTTP/1.1",
        "GET /v1/accounts HTTP/1.1 HTTP/1.1",
        "GET /v1/accounts x HTTP/1.1",
        "GET",
        "GET /v1/accounts",
        "GET HTTP/1.1",
        "G\0ET /v1/accounts HTTP/1.1",
        "GE(T /v1/accounts HTTP/1.1",
        "GET v1/accounts HTTP/1.1",
        "GET * HTTP/1.1",
        "GET localhost:80 HTTP/1.1",
        "GET ?status=ACTIVE HTTP/1.1",
        "GET ftp://localhost/v1/accounts HTTP/1.1",
        "GET http:///v1/accounts HTTP/1.1",
        "GET http://user@localhost/v1/accounts HTTP/1.1",
        "GET /v1/accounts\r HTTP/1.1",
        "GET /v1/accounts#/v1/payments HTTP/1.1",
    ] {
        assert_refused(&world, format!("{line}\r\nHost: localhost\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn only_the_versions_that_are_spoken_are_answered() {
    let world = World::new().await;

    for version in [
        "HTTP/0.9",
        "HTTP/1.2",
        "HTTP/1.9",
        "HTTP/1.10",
        "HTTP/1.01",
        "HTTP/11",
        "HTTP/1",
        "HTTP/2.0",
        "HTTP/3.0",
        "http/1.1",
        "HTTP/1,1",
        "HTTPS/1.1",
        "ICAP/1.0",
        "HTTP/1.1x",
        "HTTP /1.1",
        "",
    ] {
        assert_refused(&world, format!("GET /v1/accounts {version}\r\nHost: localhost\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn an_old_caller_is_answered_once() {
    let world = World::new().await;
    let mut client = world.client().await;

    client.send(format!("GET /v1/accounts HTTP/1.0\r\nHost: localhost\r\n\r\n{}", get("")).as_bytes()).await;

    assert_eq!(client.answer(false).await.unwrap().status, StatusCode::OK);
    assert!(client.is_closed().await);
    assert_eq!(world.arrived().len(), 1);
}

#[tokio::test]
async fn empty_lines_before_a_request_are_none() {
    let world = World::new().await;
    let mut client = world.client().await;

    client.send(format!("\r\n\r\n{}\r\n{}", get(""), get("Cache-Control: no-store\r\n")).as_bytes()).await;

    assert_eq!(client.answer(false).await.unwrap().status, StatusCode::OK);
    assert_eq!(client.answer(false).await.unwrap().status, StatusCode::OK);
    assert_goes_on(&mut client).await;
}

/// What only looks odd must work: a proxy that refuses it breaks callers.
#[tokio::test]
async fn what_is_unusual_but_clear_is_answered() {
    let world = World::new().await;

    for request in [
        bare("host:localhost\r\n"),
        bare("HOST: \t localhost \t\r\n"),
        get("X-Note:\r\n"),
        get("X-Note: a\tb\r\n"),
        get("X-Note: \u{e9}\r\n"),
        get("x!#$%&'*+-.^`|~9: a\r\n"),
        get("Content-Length: 0\r\nContent-Type: application/x-www-form-urlencoded\r\n"),
        get("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        get("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"),
        get("Expect: 100-continue\r\n"),
        get("Connection: keep-alive, close\r\n"),
        get("Max-Forwards: 0\r\n"),
    ] {
        let answer = world.raw(&request).await;

        assert_eq!(answer.status, StatusCode::OK, "{request:?}: {}", answer.text());
        assert!(answer.json()["accounts"].is_array());
    }
    for request in world.arrived() {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/v1/accounts"));
        for name in ["upgrade", "connection", "http2-settings", "x-note", "expect", "max-forwards", "content-length"] {
            assert!(!request.header_names.contains(&name.to_owned()), "{name}");
        }
    }
}

#[tokio::test]
async fn methods_are_told_apart_by_case_and_never_reach_another_operation() {
    let world = World::new().await;

    for method in ["get", "Get", "DELETE", "TRACE", "TRACK", "DEBUG", "PRI", "M-SEARCH", "GETX"] {
        let mut client = world.client().await;
        client.send(format!("{method} /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;

        let answer = client.answer(false).await.unwrap();

        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(!answer.text().contains("localhost"), "nothing of the request is given back");
    }
    assert!(world.arrived().is_empty());
}

/// RFC 9110 §15.5.15: the target alone, however much of it came, in one piece or many, and whether its end came or not.
#[tokio::test]
async fn a_target_that_is_too_long_is_called_so_and_reaches_nobody() {
    let world = World::new().await;
    let line = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let a = |kibibytes: usize| "a".repeat(kibibytes << 10);

    for request in [
        line(&format!("/v1/accounts?status={}", a(9))),
        line(&format!("/{}", a(15))),
        line(&format!("/{}", a(16))),
        line(&format!("/{}", a(66))) + &get(""),
        line(&format!("/{}", a(400))) + &get(""),
        line(&format!("http://{}/v1/accounts", a(20))),
        line(&format!("/{}#", a(9))),
        format!("GET /{}", a(66)),
        format!("{}GET /{}", "\r\n".repeat(20), a(66)),
        line(&format!("/v1/accounts?status={}", a(9))).replace("Host:", &format!("X-Wide: {}\r\nHost:", a(20))),
    ] {
        let answer = world.raw(&request).await;

        let start: String = request.chars().take(60).collect();
        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (414, "target-too-long"), "{start:?} {}", request.len());
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn a_target_that_drips_in_is_not_waited_for_beyond_all_bounds() {
    let world = World::new().await;
    let mut client = world.client().await;

    client.send(b"GET /").await;
    for piece in [&[b'a'; 16_000][..], &[b'a'; 390], b"a", &[b'a'; 11], b"a"] {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }

    let answer = client.answer(false).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (414, "target-too-long"));
    assert!(client.is_closed().await);
}

/// RFC 6585 §5. What not even hyper holds has its bare answer.
#[tokio::test]
async fn fields_that_are_too_large_or_too_many_are_called_so_and_not_read_on() {
    let world = World::new().await;

    for (fields, status, problem) in [
        (format!("X-Wide: {}\r\n", "a".repeat(40 << 10)), 431, "headers-too-large"),
        ("X-Many: 1\r\n".repeat(90), 200, ""),
        ("X-Many: 1\r\n".repeat(200), 431, ""),
        (format!("X-Wide: {}\r\n", "a".repeat(400 << 10)), 431, ""),
        (format!("{}: 1\r\n", "x".repeat(70 << 10)), 431, ""),
    ] {
        let answer = world.raw(&get(&fields)).await;

        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (status, problem), "{}", &fields[..10]);
    }
    assert_eq!(world.arrived().len(), 1);
}
