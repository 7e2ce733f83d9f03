//! A write belongs to the gateway once its bytes may leave.

use std::time::Duration;

use http::StatusCode;
use passport_gateway::server::{Signal, Unfinished};

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::scripted::{Call, Scripted, ok};
use crate::support::until::until;
use crate::support::{Client, LOCAL, World};

const CUSTOMER: &str = r#"{
    "type": "BUSINESS", "business_name": "Panadería Andina SAS", "email": "hola@example.com",
    "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": "901234567"
}"#;

const IN_FLIGHT: &str = "passport_gateway_requests_in_flight";

/// A caller that has sent a write, and the write at Passport.
async fn writing(world: &World, upstream: &mut Scripted) -> (Client, Call) {
    let mut client = world.client().await;
    let head = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    client.send(format!("{head}Content-Length: {}\r\n\r\n{CUSTOMER}", CUSTOMER.len()).as_bytes()).await;
    (client, upstream.call().await)
}

async fn hang_up(world: &World, client: Client) {
    drop(client);
    world.until_metric(IN_FLIGHT, 0.0).await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_stop_its_write() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let (client, call) = writing(&world, &mut upstream).await;

    hang_up(&world, client).await;
    let body = String::from_utf8(call.body.clone()).unwrap();
    call.answer(&ok("{}")).await;

    assert_eq!(body, CUSTOMER);
    world.until_metric(r#"passport_gateway_upstream_requests_total{status="200",upstream="legacy"}"#, 1.0).await;
    let counted = r#"passport_gateway_requests_total{method="POST",operation="create_customer",outcome="client_closed",status="499",tenant="acme"}"#;
    assert_eq!(world.metric(counted).await, 1.0);
    assert!(!upstream.is_asked(), "it happened once");
}

#[tokio::test]
async fn a_write_without_its_caller_invalidates_all_the_same() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let (client, call) = writing(&world, &mut upstream).await;
    let (_, _) = tokio::join!(world.get("/v1/customers"), upstream.answer(ok(r#""old""#)));
    assert_eq!(world.get("/v1/customers").await.text(), r#""old""#);

    hang_up(&world, client).await;
    call.answer(&ok("{}")).await;
    world.until_metric(r#"passport_gateway_upstream_requests_total{status="200",upstream="legacy"}"#, 1.0).await;
    until("the list is asked for anew", async || {
        let mut client = world.client().await;
        client.send(b"GET /v1/customers HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        tokio::select! {
            call = upstream.call() => call.answer(&ok(r#""new""#)).await.starts_with("GET"),
            _ = client.answer(false) => false,
        }
    })
    .await;
    world.until_metric(IN_FLIGHT, 0.0).await;

    assert_eq!(world.get("/v1/customers").await.text(), r#""new""#);
}

#[tokio::test]
async fn a_write_whose_body_never_came_whole_never_happens() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut client = world.client().await;
    let head = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n";
    client.send(format!("{head}{CUSTOMER}").as_bytes()).await;
    world.until_metric(IN_FLIGHT, 1.0).await;

    hang_up(&world, client).await;
    let (_, _) = tokio::join!(world.get("/v1/accounts"), upstream.answer(ok("{}")));

    assert_eq!(world.metric(r#"passport_gateway_upstream_requests_total{status="200",upstream="legacy"}"#).await, 0.0);
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn a_write_without_its_caller_ends_with_its_own_time() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("passport.timeout = \"200ms\"\n{LOCAL}")).await;
    let (client, mut call) = writing(&world, &mut upstream).await;

    hang_up(&world, client).await;
    call.closed().await;

    world.until_metric(r#"passport_gateway_upstream_requests_total{status="error",upstream="legacy"}"#, 1.0).await;
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn the_end_waits_for_a_write_whose_caller_has_left() {
    for signal in [Signal::Terminate, Signal::Interrupt] {
        let mut upstream = Scripted::start().await;
        let world = World::before(&upstream, LOCAL).await;
        let (client, mut call) = writing(&world, &mut upstream).await;
        hang_up(&world, client).await;

        let server = world.server;
        world.signal(signal);
        let mut ended = JoinSet::new();
        ended.spawn(world.ended());
        until("no caller is let in any more", async || TcpStream::connect(server).await.is_err()).await;
        let cut = tokio::time::timeout(Duration::from_millis(100), call.closed());
        assert!(cut.await.is_err(), "the gateway did not wait");
        assert!(ended.try_join_next().is_none());
        call.answer(&ok("{}")).await;

        assert_eq!(ended.join_all().await, [Unfinished::default()], "{signal:?}");
    }
}

#[tokio::test]
async fn a_write_that_must_be_cut_is_told() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let (client, mut call) = writing(&world, &mut upstream).await;
    hang_up(&world, client).await;

    world.signal(Signal::Terminate);
    world.signal(Signal::Now);
    let unfinished = world.ended().await;

    assert_eq!(unfinished, Unfinished { connections: 0, tasks: 1 });
    call.closed().await;
}

#[tokio::test]
async fn a_caller_that_stays_gets_its_answer_once_the_write_is_done() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let (mut client, call) = writing(&world, &mut upstream).await;

    call.answer(&ok(r#"{"id":"x"}"#)).await;
    let answer = client.answer(false).await.unwrap();

    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, r#"{"id":"x"}"#));
}
