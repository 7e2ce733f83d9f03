//! The budget toward Passport: charged as Passport counts, and kept for what matters most.

use std::time::Duration;

use http::StatusCode;
use passport_gateway::sandbox::{Fault, Kind};

use crate::support::scripted::{Scripted, answer, ok};
use crate::support::{Answer, LOCAL, World};

const CONFIRM: &str = "/v1/payments/breb/confirm";
const PAYMENT: &str = r#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#;
const CODE: &str = "/v1/qrcodes/5a0d8c1e-0000-4000-8000-000000000001";

/// A credential that may make one request a second toward Passport, ten at once.
async fn world(lines: &str) -> World {
    World::with(&format!("{lines}\n{LOCAL}quota = {{ requests = 1, per = \"1s\", burst = 10 }}\n")).await
}

fn is_exhausted(answer: &Answer) -> bool {
    answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.problem() == "upstream-quota-exhausted"
}

async fn decided(world: &World, decision: &str) -> f64 {
    let sample = r#"passport_gateway_limit_decisions_total{decision="DECISION",limit="quota",name="acme"}"#;
    world.metric(&sample.replace("DECISION", decision)).await
}

#[tokio::test]
async fn answers_from_memory_cost_nothing() {
    let world = world("").await;

    for _ in 0..30 {
        assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
    }

    assert_eq!(decided(&world, "allowed").await, 1.0);
}

#[tokio::test]
async fn a_crowd_that_shares_one_call_pays_once() {
    let mut upstream = Scripted::start().await;
    let lines = format!("{LOCAL}quota = {{ requests = 1, per = \"1s\", burst = 10 }}\n");
    let world = World::before(&upstream, &lines).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = world.client().await;
        client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        clients.push(client);
    }
    world.until_metric("passport_gateway_requests_in_flight", 20.0).await;

    upstream.answer(ok("[]")).await;

    for mut client in clients {
        assert_eq!(client.answer(false).await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(decided(&world, "allowed").await, 1.0);
}

#[tokio::test]
async fn reads_stop_first_then_writes_and_payments_last() {
    let world = world("").await;
    let mut client = world.client().await.with("Cache-Control: no-store");

    let mut passed = [0; 3];
    while !is_exhausted(&client.get("/v1/accounts").await) {
        passed[0] += 1;
    }
    while !is_exhausted(&client.request("DELETE", CODE, None).await) {
        passed[1] += 1;
    }
    while !is_exhausted(&client.post(CONFIRM, PAYMENT).await) {
        passed[2] += 1;
    }

    assert_eq!(passed, [7, 2, 1], "of ten, three are kept from reads, and one of them from other writes");
}

#[tokio::test]
async fn a_refusal_names_the_wait_after_which_it_goes_on() {
    let world = world("").await;
    let mut client = world.client().await.with("Cache-Control: no-store");
    while !is_exhausted(&client.get("/v1/accounts").await) {}

    let refused = client.get("/v1/accounts").await;
    world.clock.advance(Duration::from_secs(refused.field("retry-after").parse().unwrap()));

    assert_eq!(refused.field("retry-after"), "1");
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    assert!(is_exhausted(&client.get("/v1/accounts").await));
}

#[tokio::test]
async fn each_attempt_is_charged() {
    let world = world("").await;
    world.passport.inject(Fault::new("GET /v1/accounts", Kind::ResetAfterBody).times(2)).unwrap();

    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);

    assert_eq!(decided(&world, "allowed").await, 3.0);
}

#[tokio::test]
async fn what_the_gateway_refuses_is_not_charged() {
    let world = world("").await;

    world.get("/v1/accounts?page_params.page_size=0&page_params.page_size=1").await;
    world.get("/v1/nothing").await;
    world.post(CONFIRM, "{}").await;

    assert_eq!(decided(&world, "allowed").await, 0.0);
}

#[tokio::test]
async fn a_call_made_again_after_a_401_is_charged_again() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("{LOCAL}quota = {{ requests = 1, per = \"1s\", burst = 10 }}\n")).await;
    let mut client = world.client().await;
    client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    upstream.answer(answer("401 Unauthorized", "", "")).await;
    upstream.answer(ok("[]")).await;

    assert_eq!(client.answer(false).await.unwrap().status, StatusCode::OK);
    assert_eq!(decided(&world, "allowed").await, 2.0);
}

#[tokio::test]
async fn with_the_quota_used_up_by_reads_a_payment_goes_through() {
    let world = world("").await;
    let mut client = world.client().await.with("Cache-Control: no-store");
    while !is_exhausted(&client.get("/v1/accounts").await) {}

    let payment = client.post(CONFIRM, PAYMENT).await;

    assert!(!is_exhausted(&payment), "{}", payment.text());
    assert_eq!(world.arrived().last().unwrap().path, CONFIRM, "it went up");
}

#[tokio::test]
async fn a_stale_copy_stands_in_for_a_read_that_has_no_quota_left() {
    let world = world("cache.stale_if_error = \"1m\"").await;
    let mut client = world.client().await;
    let fresh = client.get("/v1/accounts").await;
    let mut never_cached = world.client().await.with("Cache-Control: no-store");
    while !is_exhausted(&never_cached.get("/v1/payments").await) {}
    // Stale by a second, and a second is not enough to earn what reads need.
    world.clock.advance(Duration::from_millis(5_900));
    while !is_exhausted(&never_cached.get("/v1/payments").await) {}

    let stale = client.get("/v1/accounts").await;

    assert_eq!((stale.status, &stale.body), (StatusCode::OK, &fresh.body));
    assert!(stale.field("cache-status").starts_with("passport-gateway;"), "{}", stale.field("cache-status"));
    assert!(stale.field("cache-status").contains("ttl=-"), "{}", stale.field("cache-status"));
    world.clock.advance(Duration::from_mins(2));
    while !is_exhausted(&never_cached.get("/v1/payments").await) {}
    assert!(is_exhausted(&client.get("/v1/accounts").await), "not beyond the window");
}

#[tokio::test]
async fn passports_own_pause_is_passed_on_shared_by_callers_and_not_tried_again() {
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let mut upstream = Scripted::start().await;
        let world = World::before(&upstream, LOCAL).await;
        let mut client = world.client().await;
        client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

        upstream.answer(answer(status, "Retry-After: 7\r\n", "{}")).await;

        let told = client.answer(false).await.unwrap();
        assert_eq!((told.status.as_str(), told.field("retry-after")), (&status[..3], "7"), "passed on as it is");
        let other = world.get("/v1/payments").await;
        assert!(is_exhausted(&other), "{}", other.text());
        assert_eq!(other.field("retry-after"), "7");
        assert!(!upstream.is_asked(), "neither was it tried again, nor did the other caller's read go up");

        world.clock.advance(Duration::from_secs(7));
        let (after, _) = tokio::join!(world.get("/v1/payments"), upstream.answer(ok("[]")));
        assert_eq!(after.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn in_shadow_it_counts_and_refuses_nobody() {
    let lines = format!("{LOCAL}quota = {{ requests = 1, per = \"1s\", burst = 10, mode = \"shadow\" }}\n");
    let world = World::with(&lines).await;
    let mut client = world.client().await.with("Cache-Control: no-store");

    for _ in 0..12 {
        assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    }

    let shadowed = r#"passport_gateway_shadow_denials_total{operation="list_accounts",problem="upstream-quota-exhausted"}"#;
    assert_eq!(world.metric(shadowed).await, 5.0);
}
