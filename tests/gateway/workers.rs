//! Four workers are still one gateway: one limit, one mint, one flight, one cache, one breaker, one bound on what is in flight.

use http::StatusCode;
use passport_gateway::sandbox::{Fault, Kind};

use crate::support::scripted::{Scripted, ok};
use crate::support::until::until;
use crate::support::{Client, LOCAL, World};

/// A read that is never stored.
const STREAMED: &str = "/v1/payments/5a0d8c1e-0000-4000-8000-000000000001";

async fn four(lines: &str) -> World {
    World::with(&format!("server.workers = 4\n{lines}\n{LOCAL}")).await
}

/// As many callers, which stay connected, the same number at each worker.
async fn callers(world: &World, count: usize) -> Vec<Client> {
    let mut callers = Vec::new();
    for _ in 0..count {
        callers.push(world.client().await.with("Cache-Control: no-store"));
    }
    let expected = vec![count / 4; 4];
    until("the callers are spread", async || connections(world).await == expected).await;
    callers
}

async fn connections(world: &World) -> Vec<usize> {
    serde_json::from_value(world.admin("/status").await.json()["connections"].clone()).unwrap()
}

#[tokio::test]
async fn connections_go_to_the_least_busy_worker() {
    let world = four("").await;
    let mut callers = callers(&world, 8).await;

    callers.drain(..4);
    until("they are gone", async || connections(&world).await.iter().sum::<usize>() == 4).await;
    while callers.len() < 12 {
        callers.push(world.client().await);
    }

    until("all workers have as many", async || connections(&world).await == [3; 4]).await;
    assert_eq!(world.metric("passport_gateway_connections").await, 12.0);
}

#[tokio::test]
async fn there_is_one_limit() {
    let lines = LOCAL.replace("[tenants.acme]", "[tenants.acme]\nrate_limit = { requests = 10, per = \"1s\", burst = 10 }");
    let world = World::with(&format!("server.workers = 4\n{lines}")).await;
    let mut statuses = Vec::new();

    for mut caller in callers(&world, 40).await {
        statuses.push(caller.get("/v1/accounts").await.status);
    }

    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 10);
    assert!(statuses[10..].iter().all(|status| *status == StatusCode::TOO_MANY_REQUESTS));
}

#[tokio::test]
async fn there_is_one_mint() {
    let world = four("").await;

    for mut caller in callers(&world, 8).await {
        assert_eq!(caller.get("/v1/accounts").await.status, StatusCode::OK);
    }

    assert_eq!(world.mints(), 1);
    assert_eq!(world.passport.counters()["GET /v1/accounts"].distinct_tokens, 1);
}

#[tokio::test]
async fn there_is_one_flight_and_one_cache() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 4\n{LOCAL}")).await;
    let mut clients = callers(&world, 8).await;
    for client in &mut clients {
        client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    }
    world.until_metric("passport_gateway_requests_in_flight", 8.0).await;

    upstream.answer(ok("[]")).await;
    for client in &mut clients {
        assert_eq!(client.answer(false).await.unwrap().text(), "[]");
    }
    for client in &mut clients {
        client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(client.answer(false).await.unwrap().field("cache-status"), "passport-gateway; hit; ttl=5");
    }

    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn there_is_one_breaker() {
    let world = four("breaker.minimum = 4\nretry.attempts = 0").await;
    world.passport.inject(Fault::new("GET /v1/accounts", Kind::BadGateway { retry_after: None })).unwrap();
    let mut callers = callers(&world, 8).await;

    for caller in &mut callers[..4] {
        assert_eq!(caller.get("/v1/accounts").await.status, StatusCode::BAD_GATEWAY);
    }
    for caller in &mut callers[4..] {
        assert_eq!(caller.get("/v1/customers").await.problem(), "upstream-unavailable");
    }
}

#[tokio::test]
async fn there_is_one_bound_on_what_is_in_flight() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 4\npassport.max_in_flight = 3\n{LOCAL}")).await;
    let mut callers = callers(&world, 4).await;
    let mut calls = Vec::new();
    for caller in &mut callers[..3] {
        caller.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
        calls.push(upstream.call().await);
    }

    assert_eq!(callers[3].get(STREAMED).await.problem(), "overloaded");

    for call in calls {
        call.answer(&ok("{}")).await;
    }
    for caller in &mut callers[..3] {
        assert_eq!(caller.answer(false).await.unwrap().status, StatusCode::OK);
    }
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let world = four("server.max_connections = 4").await;
    let mut callers = callers(&world, 4).await;
    let mut fifth = world.client().await;
    fifth.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(callers[0].get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!(connections(&world).await, [1; 4]);

    callers.remove(0);

    assert_eq!(fifth.answer(false).await.unwrap().status, StatusCode::OK);
}
