//! Answers that break off, are none, or are never whole; and that the next request gets its own.

use super::*;

/// Faults that leave nobody knowing what Passport did.
fn breaking() -> [Kind; 3] {
    [Kind::ResetBeforeBody, Kind::ResetAfterBody, Kind::Garbage]
}

#[tokio::test]
async fn a_broken_write_arrives_exactly_once_and_is_never_repeated() {
    for kind in breaking() {
        let world = World::new().await;
        let mut client = world.client().await;
        client.post("/v1/payments/breb/confirm", PAYMENT).await;
        world.passport.clear_requests();
        world.passport.inject(Fault::new(CONFIRM, kind.clone())).unwrap();

        let answer = client.post("/v1/payments/breb/confirm", PAYMENT).await;

        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{kind:?}");
        let problem = if matches!(kind, Kind::Garbage) { "upstream-invalid-response" } else { "upstream-unreachable" };
        assert_eq!(answer.problem(), problem, "{kind:?}");
        assert_eq!(world.arrivals(CONFIRM), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_broken_read_is_repeated_and_its_caller_sees_nothing() {
    for kind in breaking() {
        let world = World::new().await;
        world.passport.inject(Fault::new(ACCOUNTS, kind.clone()).times(2)).unwrap();

        let answer = world.get("/v1/accounts").await;

        assert_eq!(answer.status, StatusCode::OK, "{kind:?}: {}", answer.text());
        assert_eq!(world.arrivals(ACCOUNTS), 3, "{kind:?}");
    }
}

#[tokio::test]
async fn a_read_is_repeated_twice_and_no_more() {
    let world = World::new().await;
    world.passport.inject(Fault::new(ACCOUNTS, Kind::ResetAfterBody)).unwrap();

    assert_problem(&world.get("/v1/accounts").await, 502, "upstream-unreachable");
    assert_eq!(world.arrivals(ACCOUNTS), 3);
    let retries = r#"passport_gateway_upstream_retries_total{reason="reset",upstream="paas"}"#;
    assert_eq!(world.metric(retries).await, 2.0);
}

#[tokio::test]
async fn retries_have_a_budget() {
    let world = World::with(&format!("breaker.minimum = 1000\n{LOCAL}")).await;
    world.passport.inject(Fault::new(ACCOUNTS, Kind::ResetAfterBody)).unwrap();
    let mut client = fresh(&world).await;

    for _ in 0..30 {
        client.get("/v1/accounts").await;
    }

    // Ten that need not be earned, and one in ten requests.
    assert_eq!(world.arrivals(ACCOUNTS), 30 + 10 + 3);
}

#[tokio::test]
async fn half_a_head_is_no_answer() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;

    let (read, ()) = tokio::join!(world.get(STREAMED), async {
        let mut call = upstream.call().await;
        call.write(b"HTTP/1.1 200 OK\r\nContent-Le").await;
        call.reset();
        upstream.answer(ok("{}")).await;
    });
    let (write, ()) = tokio::join!(world.post("/v1/payments/breb/confirm", PAYMENT), async {
        let mut call = upstream.call().await;
        call.write(b"HTTP/1.1 200 OK\r\nContent-Le").await;
        call.reset();
    });

    assert_eq!(read.status, StatusCode::OK, "{}", read.text());
    assert_eq!(write.status, StatusCode::BAD_GATEWAY, "{}", write.text());
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn a_list_that_breaks_off_is_a_bad_gateway() {
    let world = World::with(&format!("retry.attempts = 0\n{LOCAL}")).await;
    world.passport.inject(Fault::new(ACCOUNTS, Kind::Truncated).times(1)).unwrap();
    let mut client = world.client().await;

    assert_problem(&client.get("/v1/accounts").await, 502, "upstream-invalid-response");
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK, "and it was not stored");
}

#[tokio::test]
async fn a_streamed_answer_that_breaks_off_breaks_off_for_the_caller_too() {
    for head in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let mut upstream = Scripted::start().await;
        let world = World::before(&upstream, LOCAL).await;
        let mut client = world.client().await;
        client.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;

        upstream.call().await.close(&format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n5\r\nhello\r\n")).await;

        assert!(client.answer(false).await.is_none(), "{head}: a cut is to be seen");
        let counted = r#"passport_gateway_requests_total{method="GET",operation="get_payment",outcome="upstream_truncated",status="200",tenant="acme"}"#;
        world.until_metric(counted, 1.0).await;
    }
}

#[tokio::test]
async fn after_each_fault_the_next_request_gets_its_own_answer() {
    let world = World::with(&format!(
        "server.workers = 1\nretry.attempts = 0\npassport.timeout = \"200ms\"\npassport.stream_timeout = \"200ms\"\n{LOCAL}"
    ))
    .await;
    let ids: Vec<_> = world.get("/v1/customers").await.json()["customers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|customer| customer["id"].as_str().unwrap().to_owned())
        .collect();
    let kinds = [
        Kind::ResetBeforeBody,
        Kind::ResetAfterBody,
        Kind::Truncated,
        Kind::Garbage,
        Kind::Hang,
        Kind::Stalled,
        Kind::Html,
        Kind::Empty,
        Kind::ServerError,
    ];
    let mut client = fresh(&world).await;

    for (turn, kind) in kinds.into_iter().enumerate() {
        let id = &ids[turn % ids.len()];
        world.passport.inject(Fault::new("GET /v1/customers/{customer_id}", kind.clone()).times(1)).unwrap();
        client
            .send(format!("GET /v1/customers/{id} HTTP/1.1\r\nHost: localhost\r\nCache-Control: no-store\r\n\r\n").as_bytes())
            .await;
        if client.answer(false).await.is_none() {
            client = fresh(&world).await;
        }

        let next = client.get(&format!("/v1/customers/{}", ids[(turn + 1) % ids.len()])).await;
        assert_eq!(next.status, StatusCode::OK, "{kind:?}: {}", next.text());
        assert!(next.text().contains(&ids[(turn + 1) % ids.len()]), "{kind:?}: {}", next.text());
    }
}

#[tokio::test]
async fn bytes_after_an_answer_are_nobodys_answer() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 1\n{LOCAL}")).await;
    let mut client = world.client().await;
    let smuggled = format!("{}{}", ok(r#""mine""#), ok(r#""smuggled""#));

    // Which of the two was meant is not certain: the read is repeated, on another connection.
    let (first, ()) = tokio::join!(client.get(STREAMED), async {
        upstream.answer(&smuggled).await;
        upstream.answer(ok(r#""mine""#)).await;
    });
    let (second, _) = tokio::join!(client.get(STREAMED), upstream.answer(ok(r#""own""#)));

    assert_eq!((first.text().as_str(), second.text().as_str()), (r#""mine""#, r#""own""#));
    assert_eq!(upstream.connections(), 3, "one for the token, and none for three answers");
}

#[tokio::test]
async fn answers_that_are_no_http_are_refused() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("retry.attempts = 0\n{LOCAL}")).await;
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: 1\r\n".repeat(500));

    for bytes in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/3.0 200 OK\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 99 Odd\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad field: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 200 O",
        "",
        &long,
        &many,
    ] {
        let (got, _) = tokio::join!(world.get(STREAMED), async { upstream.call().await.close(bytes).await });

        let start: String = bytes.chars().take(60).collect();
        // No answer had come yet.
        let ended = ["", "HTTP/1.1 200 O"].contains(&bytes);
        assert_eq!(got.status, StatusCode::BAD_GATEWAY, "{start:?}");
        let problem = if ended { "upstream-unreachable" } else { "upstream-invalid-response" };
        assert_eq!(got.problem(), problem, "{start:?}");
    }
}

/// Bodies that are no chunks; and whether the first bytes alone say so, or only that nothing more comes.
const NO_CHUNKS: [(&str, bool); 6] = [
    ("zz\r\nab\r\n0\r\n\r\n", true),
    ("-1\r\n\r\n", true),
    ("ffffffffffffffffff\r\nab", true),
    ("2\r\nabcd\r\n0\r\n\r\n", true),
    ("5\r\nab", false),
    ("2\r\nab\r\n", false),
];

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

async fn ask_for_a_stream(world: &World) -> Client {
    let mut client = world.client().await;
    client.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
    client
}

#[tokio::test]
async fn a_body_that_is_known_to_be_broken_before_the_head_went_on_is_a_bad_gateway() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("retry.attempts = 0\n{LOCAL}")).await;

    for (chunks, says_so) in NO_CHUNKS {
        let bytes = format!("{CHUNKED}{chunks}");
        let (collected, _) = tokio::join!(world.get("/v1/accounts"), async { upstream.call().await.close(&bytes).await });
        assert_problem(&collected, 502, "upstream-invalid-response");
        if !says_so {
            continue;
        }

        let mut client = ask_for_a_stream(&world).await;
        // In one piece, so that it is read together with its head.
        upstream.call().await.close(&bytes).await;
        assert_problem(&client.answer(false).await.expect("an answer"), 502, "upstream-invalid-response");
    }
}

#[tokio::test]
async fn a_body_that_breaks_after_the_head_went_on_is_cut() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("retry.attempts = 0\n{LOCAL}")).await;

    for (chunks, _) in NO_CHUNKS {
        let mut client = ask_for_a_stream(&world).await;
        let mut call = upstream.call().await;
        call.write(format!("{CHUNKED}5\r\nhello\r\n").as_bytes()).await;
        let (status, fields) = client.head().await.unwrap();
        assert_eq!((status, fields["transfer-encoding"].as_bytes()), (StatusCode::OK, &b"chunked"[..]));
        call.close(chunks).await;

        let rest = client.rest().await;
        assert!(rest.starts_with(b"5\r\nhello\r\n"), "{chunks:?}: {rest:?}");
        assert!(!rest.ends_with(b"0\r\n\r\n"), "{chunks:?}: a cut is to be seen: {rest:?}");
    }
}
