//! Passport is slow, or asks for patience.

use super::*;

#[tokio::test]
async fn an_upstream_that_never_answers_is_a_gateway_timeout() {
    let world = World::with(&format!("passport.timeout = \"150ms\"\n{LOCAL}")).await;
    world.passport.inject(Fault::new("all", Kind::Hang)).unwrap();

    assert_problem(&world.get("/v1/accounts").await, 504, "deadline-exceeded");
    assert_problem(&world.get(STREAMED).await, 504, "deadline-exceeded");
    assert_problem(&world.post("/v1/payments/breb/confirm", PAYMENT).await, 504, "deadline-exceeded");
    assert_eq!((world.arrivals(CONFIRM), world.arrivals(ACCOUNTS)), (1, 1));
}

#[tokio::test]
async fn an_operation_may_have_a_time_of_its_own() {
    let lines = format!("operations.list_accounts.timeout = \"100ms\"\n{LOCAL}");
    let world = World::with(&lines).await;
    world.passport.inject(Fault::new("all", Kind::Latency { delay_ms: 300 })).unwrap();

    assert_problem(&world.get("/v1/accounts").await, 504, "deadline-exceeded");
    assert_eq!(world.get("/v1/customers").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_stalls_ends_with_its_own_time() {
    let world = World::with(&format!("passport.stream_timeout = \"200ms\"\nretry.attempts = 0\n{LOCAL}")).await;
    world.passport.inject(Fault::new("all", Kind::Stalled)).unwrap();

    assert_problem(&world.get("/v1/accounts").await, 504, "deadline-exceeded");
    let mut client = world.client().await;
    client.send(b"POST /v1/qrcodes/decode HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}").await;
    assert!(client.answer(false).await.is_none(), "a streamed one is cut");
}

/// Writes byte after byte, with a pause between, for a second.
async fn drip(call: &mut crate::support::scripted::Call, bytes: &[u8]) {
    for byte in bytes.iter().cycle().take(100) {
        call.write(&[*byte]).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn no_byte_that_drips_buys_time() {
    let mut upstream = Scripted::start().await;
    let lines = "passport.timeout = \"300ms\"\npassport.stream_timeout = \"300ms\"\nretry.attempts = 0";
    let world = World::before(&upstream, &format!("{lines}\n{LOCAL}")).await;

    let (late, ()) = tokio::join!(world.get(STREAMED), async {
        let mut call = upstream.call().await;
        call.write(b"HTTP/1.1 200 OK\r\nX: ").await;
        drip(&mut call, b"x").await;
    });
    let mut client = world.client().await;
    client.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
    let (cut, ()) = tokio::join!(client.answer(false), async {
        let mut call = upstream.call().await;
        call.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        drip(&mut call, b"1\r\nx\r\n").await;
    });

    assert_problem(&late, 504, "deadline-exceeded");
    assert!(cut.is_none(), "{cut:?}");
}

#[tokio::test]
async fn passports_429_is_passed_on_and_reads_pause_while_writes_go_through() {
    let world = World::new().await;
    world.passport.inject(Fault::new(ACCOUNTS, Kind::RateLimited { retry_after: Some(7) }).times(1)).unwrap();

    let limited = world.get("/v1/accounts").await;
    let paused = world.get("/v1/customers").await;
    let write = world.post("/v1/payments/breb/confirm", PAYMENT).await;
    world.clock.advance(Duration::from_secs(7));
    let resumed = world.get("/v1/customers").await;

    assert_eq!((limited.status, limited.field("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "7"));
    assert_eq!(limited.problem(), "", "it is Passport's own");
    assert_problem(&paused, 503, "upstream-quota-exhausted");
    assert_eq!(paused.field("retry-after"), "7");
    assert_eq!(write.status, StatusCode::NOT_FOUND, "{}", write.text());
    assert_eq!(resumed.status, StatusCode::OK);
    assert_eq!(world.arrivals(ACCOUNTS), 1, "a 429 is not repeated");
}

#[tokio::test]
async fn a_503_that_names_a_time_is_not_repeated_and_another_is() {
    let world = World::new().await;
    world.passport.inject(Fault::new(ACCOUNTS, Kind::Unavailable { retry_after: Some(1) }).times(1)).unwrap();
    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.arrivals(ACCOUNTS), 1);

    world.clock.advance(Duration::from_secs(1));
    world.passport.inject(Fault::new(ACCOUNTS, Kind::Unavailable { retry_after: None }).times(1)).unwrap();
    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!(world.arrivals(ACCOUNTS), 3);
}

#[tokio::test]
async fn one_more_than_may_be_in_flight_is_refused_at_once() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("passport.max_in_flight = 1\n{LOCAL}")).await;
    let mut first = world.client().await;
    first.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
    let mut call = upstream.call().await;

    assert_problem(&world.get(STREAMED).await, 503, "overloaded");
    call.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    first.head().await.unwrap();
    let second = world.get(STREAMED).await;
    assert_problem(&second, 503, "overloaded");
    assert_eq!(second.field("retry-after"), "1");
    call.write(b"world").await;
    assert_eq!(first.bytes(10).await, b"helloworld");

    let (third, _) = tokio::join!(
        async {
            let mut answer = world.get(STREAMED).await;
            while answer.status == StatusCode::SERVICE_UNAVAILABLE {
                answer = world.get(STREAMED).await;
            }
            answer
        },
        upstream.answer(ok("{}"))
    );
    assert_eq!(third.status, StatusCode::OK, "{}", third.text());
}

#[tokio::test]
async fn a_caller_that_leaves_gives_its_place_back() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("passport.max_in_flight = 1\n{LOCAL}")).await;
    let mut first = world.client().await;
    first.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
    let mut call = upstream.call().await;

    drop(first);
    call.closed().await;

    world.until_metric("passport_gateway_requests_in_flight", 0.0).await;
    let (next, _) = tokio::join!(world.get(STREAMED), upstream.answer(ok("{}")));
    assert_eq!(next.status, StatusCode::OK, "{}", next.text());
}

#[tokio::test]
async fn a_key_for_idempotency_is_refused_until_it_can_be_honoured() {
    let world = World::new().await;
    let mut client = world.client().await.with("Idempotency-Key: 8e03978e");

    assert_problem(&client.post("/v1/payments/breb/confirm", PAYMENT).await, 503, "idempotency-unavailable");
    assert_eq!(world.arrivals(CONFIRM), 0);
}

#[tokio::test]
async fn a_caller_that_does_not_read_cannot_hold_a_place_for_ever() {
    let mut upstream = Scripted::start().await;
    let lines = format!("passport.max_in_flight = 1\npassport.stream_timeout = \"300ms\"\n{LOCAL}");
    let world = World::before(&upstream, &lines).await;
    let mut idler = world.client().await;
    idler.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
    let mut call = upstream.call().await;
    let body = vec![b'a'; 1 << 20];
    let writing = async {
        call.write(b"HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n").await;
        for _ in 0..64 {
            call.write(&body).await;
        }
    };

    // It ends because the gateway closes the connection.
    tokio::time::timeout(Duration::from_secs(10), writing).await.unwrap();

    world.until_metric("passport_gateway_requests_in_flight", 0.0).await;
    let (next, _) = tokio::join!(world.get(STREAMED), upstream.answer(ok("{}")));
    assert_eq!(next.status, StatusCode::OK, "{}", next.text());
    drop(idler);
}
