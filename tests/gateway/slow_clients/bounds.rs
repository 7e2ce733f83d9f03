//! How many connections, and how much of a request, are taken.

use super::*;

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let world = World::with(&format!("server.max_body_bytes = \"1KiB\"\n{LOCAL}")).await;

    for (request, status, problem) in [
        (format!("{POST}Content-Length: 1025\r\n\r\n"), 413, "body-too-large"),
        (format!("{POST}Content-Length: 1000000000000000000\r\n\r\n"), 413, "body-too-large"),
        (format!("{POST}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{}", 2000, " ".repeat(1100)), 413, "body-too-large"),
        (format!("{POST}Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n{}", " ".repeat(1100)), 413, "body-too-large"),
        (format!("GET /v1/accounts?a={} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(9000)), 414, "target-too-long"),
        (format!("{POST}X-Wide: {}\r\nContent-Length: 1000\r\n\r\n", "a".repeat(33 << 10)), 431, "headers-too-large"),
    ] {
        // The rest of the body never comes: whoever waited for it would not answer.
        let answer = world.raw(&request).await;

        assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (status, problem), "{}", &request[..60]);
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn beyond_the_bound_on_connections_a_caller_waits_and_is_served_when_another_leaves() {
    let world = World::with(&format!("server.max_connections = 3\nserver.idle_timeout = \"60s\"\n{LOCAL}")).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut client = world.client().await;
        assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
        open.push(client);
    }
    let mut waiting = world.client().await;
    waiting.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(world.metric("passport_gateway_connections").await, 3.0);

    drop(open.pop());

    assert_eq!(waiting.answer(false).await.unwrap().status, StatusCode::OK);
    assert_eq!(open[0].get("/v1/accounts").await.status, StatusCode::OK);
}

#[tokio::test]
async fn idle_callers_make_room_for_others() {
    let world = World::with(&format!("server.max_connections = 2\nserver.idle_timeout = \"200ms\"\n{LOCAL}")).await;
    let (_one, _two) = (world.client().await, world.client().await);

    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
}

#[tokio::test]
async fn many_requests_at_once_are_few_connections_to_passport_and_the_rest_is_refused() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("passport.max_in_flight = 5\n{LOCAL}")).await;
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..20 {
        let mut client = world.client().await;
        client.send(STREAMED.as_bytes()).await;
        clients.push(client);
    }

    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(upstream.call().await);
    }
    until("the rest is refused", async || {
        world.metric(r#"passport_gateway_requests_total{method="GET",operation="get_payment",outcome="overloaded",status="503",tenant="acme"}"#).await == 15.0
    })
    .await;
    for call in calls {
        call.answer(&ok("{}")).await;
    }

    let mut statuses = Vec::new();
    for mut client in clients {
        statuses.push(client.answer(false).await.unwrap().status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 5].as_slice(), &[503; 15]].concat());
}
