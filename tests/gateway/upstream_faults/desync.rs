//! Answers that two readers could read as two different ones: none is passed on as good, stored, or left over for the next request.

use super::*;

/// Answers that are refused however much of them is right.
const AMBIGUOUS: [&str; 51] = [
    // Two lengths, or none that is one.
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 2 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\n{}",
    // A length and a coding, or a coding that nobody asked for.
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}",
    // Lines that some readers end, fold or split otherwise.
    "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "HTTP/1.1 200 OK\r\nX: 1\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nX: 1\rContent-Length: 3\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nX: 1\r\n Content-Length: 3\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\n X: 1\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nX: a\u{7f}b\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\n: 1\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nNo colon\r\nContent-Length: 2\r\n\r\n{}",
    "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\n{}",
    // Chunks by another grammar.
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    // More than was announced.
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "HTTP/1.1 204 No Content\r\n\r\n{}",
    "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 304 Not Modified\r\n\r\n{}",
    // Not asked for.
    "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n",
    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\n{}",
];

async fn before(upstream: &Scripted) -> World {
    World::before(upstream, &format!("server.workers = 1\nretry.attempts = 0\n{LOCAL}")).await
}

#[tokio::test]
async fn none_is_passed_on_and_the_next_request_gets_its_own() {
    let mut upstream = Scripted::start().await;
    let world = before(&upstream).await;
    let mut client = world.client().await;

    for bytes in AMBIGUOUS {
        // It stays open: what is left on it could answer the next request.
        let (refused, _) = tokio::join!(client.get(STREAMED), upstream.answer(bytes));
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (StatusCode::BAD_GATEWAY, "upstream-invalid-response"),
            "{bytes:?}"
        );

        let (next, _) = tokio::join!(client.get(STREAMED), upstream.answer(ok(r#""own""#)));
        assert_eq!(next.text(), r#""own""#, "{bytes:?}");
    }
}

#[tokio::test]
async fn none_is_stored() {
    let mut upstream = Scripted::start().await;
    let world = before(&upstream).await;
    let mut client = world.client().await;

    for (turn, bytes) in AMBIGUOUS.into_iter().enumerate() {
        let list = format!("/v1/customers?page={}", turn + 1);
        let (refused, _) = tokio::join!(client.get(&list), upstream.answer(bytes));
        assert_problem(&refused, 502, "upstream-invalid-response");

        let (next, _) = tokio::join!(client.get(&list), upstream.answer(ok("[]")));
        assert_eq!(next.text(), "[]", "{bytes:?}");
    }
}

#[tokio::test]
async fn no_write_is_sent_again_for_it() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut client = world.client().await;

    for bytes in AMBIGUOUS {
        let (refused, _) = tokio::join!(client.post("/v1/payments/breb/confirm", PAYMENT), upstream.answer(bytes));

        assert_problem(&refused, 502, "upstream-invalid-response");
        assert!(!upstream.is_asked(), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_flaw_after_the_head_is_a_cut() {
    let mut upstream = Scripted::start().await;
    let world = before(&upstream).await;
    let flaws = [
        ("Content-Length: 4", "{", "}  more"),
        ("Transfer-Encoding: chunked", "1\r\n{\r\n", "1\n}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "1\r\n{\r\n", "1\r\n}\r\n0\r\nX: 1\n\r\n"),
        ("Transfer-Encoding: chunked", "1\r\n{\r\n", "1\r\n}\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    ];

    for (framing, good, bad) in flaws {
        let mut client = world.client().await;
        client.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
        let mut call = upstream.call().await;
        call.write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{good}").as_bytes()).await;
        client.head().await.expect("the head is on its way");
        call.write(bad.as_bytes()).await;

        let rest = String::from_utf8(client.rest().await).unwrap();
        assert!(!rest.ends_with("0\r\n\r\n") && rest.len() < 9, "{framing} {bad:?}: {rest:?}");
        call.closed().await;
    }
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_answer_nobody() {
    let mut upstream = Scripted::start().await;
    let world = before(&upstream).await;
    let mut client = world.client().await;

    for _ in 0..5 {
        let (first, mut call) = tokio::join!(client.get(STREAMED), async {
            let mut call = upstream.call().await;
            call.write(ok(r#""first""#).as_bytes()).await;
            call
        });
        call.write(ok(r#""forged""#).as_bytes()).await;
        call.closed().await;
        let (second, _) = tokio::join!(client.post("/v1/payments/breb/confirm", PAYMENT), upstream.answer(ok(r#""own""#)));

        assert_eq!((first.text().as_str(), second.text().as_str()), (r#""first""#, r#""own""#));
    }
}

#[tokio::test]
async fn a_storm_of_informational_answers_ends_before_its_time() {
    let mut upstream = Scripted::start().await;
    let world = before(&upstream).await;

    let (refused, ()) = tokio::join!(world.get(STREAMED), async {
        let mut call = upstream.call().await;
        call.write("HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n".repeat(10_000).as_bytes()).await;
        call.closed().await;
    });

    assert_problem(&refused, 502, "upstream-invalid-response");
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_is_whole_only_if_that_ends_in_order() {
    let mut upstream = Scripted::start().await;
    let world = before(&upstream).await;
    for version in ["1.0", "1.1"] {
        let head = format!("HTTP/{version} 200 OK\r\n\r\n");

        let (whole, _) = tokio::join!(world.get(STREAMED), async { upstream.call().await.close(&format!("{head}{{}}")).await });
        let mut client = world.client().await;
        client.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
        let mut call = upstream.call().await;
        call.write(format!("{head}{{").as_bytes()).await;
        client.head().await.expect("the head is on its way");
        call.reset();

        assert_eq!((whole.status, whole.text().as_str()), (StatusCode::OK, "{}"));
        let rest = String::from_utf8(client.rest().await).unwrap();
        assert!(!rest.contains("0\r\n\r\n"), "{version}: {rest:?}");
    }
}

#[tokio::test]
async fn what_is_odd_but_plain_is_passed_on() {
    let mut upstream = Scripted::start().await;
    let world = before(&upstream).await;

    for (bytes, body) in [
        ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", "{}"),
        ("HTTP/1.1 200 \r\ncontent-length:2 \t\r\n\r\n{}", "{}"),
        ("HTTP/1.1 299 caf\u{e9}\r\nContent-Length: 2\r\n\r\n{}", "{}"),
        ("HTTP/1.1 404 Not Found\r\nTRANSFER-ENCODING:CHUNKED\r\n\r\n02;a=\"b\";c \r\n{}\r\n000\r\nX-Sum: 1\r\n\r\n", "{}"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 -\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}"),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", ""),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", "{}"),
    ] {
        let (got, _) = tokio::join!(world.get(STREAMED), upstream.answer(bytes));

        assert_eq!(got.text(), body, "{bytes:?}");
    }
}
