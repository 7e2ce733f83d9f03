//! Heads, bodies and answers that take their time.

use super::*;

/// What an attack is cut at, beyond its limit, on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn good_callers_are_served_while_heads_and_bodies_drip_and_the_drips_are_cut() {
    let lines = "server.header_timeout = \"400ms\"\nserver.body_timeout = \"400ms\"\nserver.idle_timeout = \"400ms\"";
    let world = World::with(&format!("{lines}\n{LOCAL}")).await;
    let mut drips = JoinSet::new();
    for _ in 0..50 {
        drips.spawn(drip(world.server, "GET /v1/accounts HTTP/1.1\r\n".to_owned(), b"X-Slow: a\r\n"));
        drips.spawn(drip(world.server, format!("{POST}Content-Length: 100000\r\n\r\n"), b" "));
        drips.spawn(drip(world.server, format!("{POST}Transfer-Encoding: chunked\r\n\r\n"), b"1\r\n \r\n"));
        drips.spawn(drip(world.server, String::new(), b"\r\n"));
        drips.spawn(drip(
            world.server,
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\x20\0\x01\0\0\0\0\x01".to_owned(),
            b"a",
        ));
    }
    until("they are there", async || world.metric("passport_gateway_connections").await >= 200.0).await;

    for _ in 0..20 {
        assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
    }

    for took in drips.join_all().await {
        assert!(took < PATIENCE, "{took:?}");
    }
    world.until_metric("passport_gateway_connections", 0.0).await;
    assert!(world.metric(r#"passport_gateway_connection_errors_total{reason="header_timeout"}"#).await >= 100.0);
    assert!(world.arrived().iter().all(|request| request.path == "/v1/accounts"));
}

#[tokio::test]
async fn a_body_that_is_late_is_told_so() {
    let world = World::with(&format!("server.body_timeout = \"200ms\"\n{LOCAL}")).await;
    let mut client = world.client().await;
    client.send(format!("{POST}Content-Length: 100\r\n\r\n{{").as_bytes()).await;

    let answer = client.answer(false).await.unwrap();

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::REQUEST_TIMEOUT, "request-timeout"));
    assert!(client.is_closed().await);
    assert!(world.arrived().is_empty());
}

/// What a reader that stalls makes the gateway hold, however long the answer is: what is not read is not fetched.
#[tokio::test]
async fn of_an_answer_that_nobody_reads_little_is_fetched_and_its_caller_is_cut() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("passport.stream_timeout = \"1s\"\n{LOCAL}")).await;
    let mut idlers = Vec::new();
    let mut fetched = JoinSet::new();
    for _ in 0..20 {
        let mut idler = world.client().await;
        idler.send(STREAMED.as_bytes()).await;
        let call = upstream.call().await;
        fetched.spawn(call.endless());
        idlers.push(idler);
    }

    let (good, _) = tokio::join!(world.get("/v1/accounts"), upstream.answer(ok("[]")));

    assert_eq!(good.status, StatusCode::OK);
    for sent in fetched.join_all().await {
        // Both sockets' buffers, which the system sizes, and a little of our own.
        assert!(sent < 64 << 20, "{sent} bytes of an answer that nobody reads");
    }
    world.until_metric("passport_gateway_requests_in_flight", 0.0).await;
    drop(idlers);
}
