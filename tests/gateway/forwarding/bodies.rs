//! Bodies come whole, however the upstream frames them, and long ones stream.

use super::{LOCAL, PAYMENT, Scripted, StatusCode, World, answer};

/// How an upstream may write the same answer.
const DIALECTS: [(&str, &str); 6] = [
    ("HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\nhello world"),
    ("HTTP/1.0 until the end", "HTTP/1.0 200 OK\r\n\r\nhello world"),
    ("until the end", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world"),
    ("chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
    (
        "lower case",
        "HTTP/1.1 200 ok\r\ntransfer-encoding: chunked\r\ncontent-type:text/plain\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
    ),
    (
        "trailers",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\nSet-Cookie: a=1\r\nX-End: 1\r\n\r\n",
    ),
];

#[tokio::test]
async fn every_dialect_of_http_1_is_understood_and_costs_no_caller_its_connection() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut client = world.client().await.with("Cache-Control: no-store");

    for (dialect, bytes) in DIALECTS {
        for target in [PAYMENT, "/v1/accounts?status=ACTIVE"] {
            let (got, _) = tokio::join!(client.get(target), async { upstream.call().await.close(bytes).await });

            assert_eq!((got.status, got.text().as_str()), (StatusCode::OK, "hello world"), "{dialect} {target}");
            assert!(!got.fields.contains_key("x-end") && !got.fields.contains_key("set-cookie"), "{dialect} {target}");
        }
    }
}

#[tokio::test]
async fn a_collected_body_gets_a_length_whatever_its_framing_was() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;

    for (at, (dialect, bytes)) in DIALECTS.iter().enumerate() {
        let target = format!("/v1/accounts?page_params.page_number={}", at + 1);
        let (got, _) = tokio::join!(world.get(&target), async { upstream.call().await.close(bytes).await });

        assert_eq!((got.text().as_str(), got.field("content-length")), ("hello world", "11"), "{dialect}");
    }
}

#[tokio::test]
async fn a_long_list_streams_before_it_is_whole_and_is_not_stored() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut client = world.client().await;
    let half = vec![b'a'; 2_500_000];
    client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    let mut call = upstream.call().await;
    call.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n").await;
    let (head, ()) = tokio::join!(client.head(), call.write(&half));
    let (status, _) = head.unwrap();
    let first = client.bytes(half.len()).await;
    let (second, ()) = tokio::join!(client.bytes(half.len()), call.write(&half));

    assert_eq!(status, StatusCode::OK);
    assert!(first == half && second == half);
    assert!(world.metric("passport_gateway_cache_bytes").await < 4096.0);
}

#[tokio::test]
async fn a_long_list_without_a_length_streams_as_well() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let body = "a".repeat(3_000_000);

    let (got, _) = tokio::join!(world.get("/v1/accounts"), async {
        upstream.call().await.close(&format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}")).await
    });

    assert_eq!((got.status, got.body.len()), (StatusCode::OK, body.len()));
    assert!(world.metric("passport_gateway_cache_bytes").await < 4096.0);
}

#[tokio::test]
async fn the_bytes_that_were_validated_are_the_bytes_that_go_up() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let body = " {\"id\" : \"5a0d8c1e-0000-4000-8000-000000000001\",\n\t\"extra\":1.50e1, \"é\":\"\\u00e9\"}\r\n";

    let (got, call) = tokio::join!(world.post("/v1/payments/breb/confirm", body), async {
        let mut call = upstream.call().await;
        let bytes = std::mem::take(&mut call.body);
        call.answer(&answer("200 OK", "", "{}")).await;
        bytes
    });

    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    assert_eq!(String::from_utf8(call).unwrap(), body);
}
