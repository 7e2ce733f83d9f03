//! The breaker: an upstream that fails is left alone, and found again.

use super::*;

const STATE: &str = r#"passport_gateway_breaker_state{upstream="paas"}"#;

/// A gateway whose breaker opens after four failures.
async fn fragile(lines: &str) -> World {
    World::with(&format!("breaker.minimum = 4\nretry.attempts = 0\n{lines}\n{LOCAL}")).await
}

#[tokio::test]
async fn it_opens_when_half_of_the_calls_fail_and_spares_the_upstream() {
    let world = fragile("").await;
    world.passport.inject(Fault::new("GET /v1/accounts", Kind::BadGateway { retry_after: None })).unwrap();
    let mut client = fresh(&world).await;
    for _ in 0..4 {
        assert_eq!(client.get("/v1/accounts").await.status, StatusCode::BAD_GATEWAY);
    }
    world.passport.clear_requests();

    let refused = client.get("/v1/customers").await;

    assert_problem(&refused, 503, "upstream-unavailable");
    assert_eq!(refused.field("retry-after"), "5");
    assert_eq!(world.metric(STATE).await, 2.0);
    assert!(world.arrived().is_empty());
    assert_eq!(client.get("/v1/payments").await.status, StatusCode::OK, "another upstream is not concerned");
}

#[tokio::test]
async fn it_closes_again_by_itself_once_connections_and_a_read_succeed() {
    let world = fragile("").await;
    world.passport.inject(Fault::new("/v1/accounts", Kind::BadGateway { retry_after: None })).unwrap();
    let mut client = fresh(&world).await;
    for _ in 0..4 {
        client.get("/v1/accounts").await;
    }
    assert_eq!(world.metric(STATE).await, 2.0);
    world.passport.clear_faults();

    world.clock.advance(Duration::from_secs(5));
    world.until_metric(STATE, 1.0).await;
    assert_problem(&client.post("/v1/payments/breb/confirm", PAYMENT).await, 503, "upstream-unavailable");
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);

    assert_eq!(world.metric(STATE).await, 0.0);
    assert_eq!(client.post("/v1/payments/breb/confirm", PAYMENT).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_write_may_try_when_no_read_came_for_a_second() {
    let world = fragile("").await;
    world.passport.inject(Fault::new("/v1/accounts", Kind::BadGateway { retry_after: None })).unwrap();
    let mut client = fresh(&world).await;
    for _ in 0..4 {
        client.get("/v1/accounts").await;
    }
    world.clock.advance(Duration::from_secs(5));
    world.until_metric(STATE, 1.0).await;

    world.clock.advance(Duration::from_secs(1));
    let write = client.post("/v1/payments/breb/confirm", PAYMENT).await;

    assert_eq!(write.status, StatusCode::NOT_FOUND, "{}", write.text());
    assert_eq!(world.metric(STATE).await, 0.0);
}

#[tokio::test]
async fn it_stays_open_while_nobody_listens() {
    let passport = Scripted::start().await;
    let world = fragile(&format!(
        "passport.upstreams = {{ paas = \"http://{}\" }}\npassport.token_url = \"http://{}/v1/iam/oauth/tokens\"",
        nobody().await,
        passport.address
    ))
    .await;
    let mut client = fresh(&world).await;
    for _ in 0..4 {
        assert_problem(&client.get("/v1/accounts").await, 502, "upstream-unreachable");
    }

    for _ in 0..3 {
        assert_problem(&client.get("/v1/accounts").await, 503, "upstream-unavailable");
        world.clock.advance(Duration::from_secs(5));
    }

    assert_eq!(world.metric(STATE).await, 2.0);
}

#[tokio::test]
async fn passports_own_errors_and_limits_say_nothing_about_its_health() {
    let world = fragile("").await;
    let mut client = fresh(&world).await;
    let kinds = [Kind::ServerError, Kind::Forbidden, Kind::RateLimited { retry_after: None }, Kind::Html, Kind::ResetAfterBody];

    for kind in kinds {
        world.passport.inject(Fault::new("GET /v1/accounts", kind).times(4)).unwrap();
        for _ in 0..4 {
            client.get("/v1/accounts").await;
        }
    }

    assert_eq!(world.metric(STATE).await, 0.0);
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_trial_whose_caller_leaves_makes_room_for_the_next() {
    let world = fragile("").await;
    world.passport.inject(Fault::new("/v1/accounts", Kind::BadGateway { retry_after: None })).unwrap();
    let mut client = fresh(&world).await;
    for _ in 0..4 {
        client.get("/v1/accounts").await;
    }
    world.passport.clear_faults();
    world.passport.inject(Fault::new("all", Kind::Hang).times(1)).unwrap();
    world.clock.advance(Duration::from_secs(5));
    world.until_metric(STATE, 1.0).await;

    let mut trial = fresh(&world).await;
    trial.send(format!("GET {STREAMED} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
    until("the trial has arrived", async || world.arrivals("GET /v1/payments/{payment_id}") == 1).await;
    assert_problem(&client.get("/v1/accounts").await, 503, "upstream-unavailable");
    drop(trial);
    world.until_metric("passport_gateway_requests_in_flight", 0.0).await;

    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!(world.metric(STATE).await, 0.0);
}
