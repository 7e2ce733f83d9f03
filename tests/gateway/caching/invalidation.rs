//! Writes and the answers they make untrue.

use passport_gateway::sandbox::{Fault, Kind};

use super::*;

const CREATE: &str = "POST /v1/paas/entities/customers";

async fn filled() -> World {
    let world = World::new().await;
    for target in ["/v1/customers", "/v1/accounts"] {
        assert_eq!(world.get(target).await.status, StatusCode::OK);
    }
    world
}

async fn assert_next(world: &World, customers: &str, accounts: &str) {
    for (target, expected) in [("/v1/customers", customers), ("/v1/accounts", accounts)] {
        let answer = world.get(target).await;
        assert!(told(&answer).starts_with(expected), "{target}: {}", told(&answer));
    }
}

#[tokio::test]
async fn a_created_customer_is_in_the_writers_next_list_and_accounts_stay() {
    let world = filled().await;
    let mut writer = world.client().await;

    let created = writer.post("/v1/customers", CUSTOMER).await;
    let list = writer.get("/v1/customers").await;

    assert!(created.status.is_success(), "{}", created.text());
    assert!(told(&list).starts_with("fwd=uri-miss"), "{}", told(&list));
    assert!(list.text().contains("901234567"), "{}", list.text());
    assert_next(&world, "hit", "hit").await;
}

#[tokio::test]
async fn a_record_that_changed_is_forgotten_with_the_list() {
    let world = World::new().await;
    let id = world.get("/v1/keys").await.json()["keys"][0]["id"].as_str().unwrap().to_owned();
    world.get(&format!("/v1/keys/{id}")).await;
    world.get("/v1/customers").await;

    let suspended = world.client().await.request("PATCH", &format!("/v1/keys/{id}/suspend"), None).await;

    assert!(suspended.status.is_success(), "{}", suspended.text());
    assert!(told(&world.get(&format!("/v1/keys/{id}")).await).starts_with("fwd=uri-miss"));
    assert!(told(&world.get("/v1/keys").await).starts_with("fwd=uri-miss"));
    assert!(told(&world.get("/v1/customers").await).starts_with("hit"));
}

#[tokio::test]
async fn a_write_that_passport_or_the_gateway_refuses_changes_nothing() {
    let world = filled().await;
    world.passport.inject(Fault::new(CREATE, Kind::Forbidden).times(1)).unwrap();

    assert_eq!(world.post("/v1/customers", CUSTOMER).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.post("/v1/customers", "{}").await.status, StatusCode::BAD_REQUEST);

    assert_next(&world, "hit", "hit").await;
}

#[tokio::test]
async fn a_write_whose_outcome_is_unknown_counts_as_done() {
    for kind in [Kind::ResetAfterBody, Kind::ResetBeforeBody, Kind::ServerError, Kind::Truncated, Kind::Garbage] {
        let world = filled().await;
        world.passport.inject(Fault::new(CREATE, kind.clone()).times(1)).unwrap();

        let mut client = world.client().await;
        client.send(format!("POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{CUSTOMER}", CUSTOMER.len()).as_bytes()).await;
        let answer = client.answer(false).await;

        assert!(answer.is_none_or(|answer| answer.status.is_server_error()), "{kind:?}");
        assert_next(&world, "fwd=uri-miss", "hit").await;
    }
}

#[tokio::test]
async fn a_read_that_began_before_a_write_is_never_stored_after_it() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut early = world.client().await;
    early.send(b"GET /v1/customers HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let reading = upstream.call().await;

    let (created, _) = tokio::join!(world.post("/v1/customers", CUSTOMER), upstream.answer(ok(r#"{"id":"x"}"#)));
    let mut late = world.client().await;
    late.send(b"GET /v1/customers HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let after = upstream.call().await;
    reading.answer(&ok(r#"{"customers":["old"]}"#)).await;
    let old = early.answer(false).await.unwrap();
    after.answer(&ok(r#"{"customers":["new"]}"#)).await;
    let new = late.answer(false).await.unwrap();

    assert_eq!(created.status, StatusCode::OK, "{}", created.text());
    assert_eq!((told(&old), old.text().as_str()), ("fwd=uri-miss", r#"{"customers":["old"]}"#));
    assert_eq!(new.text(), r#"{"customers":["new"]}"#);
    assert_eq!(world.get("/v1/customers").await.text(), r#"{"customers":["new"]}"#);
}
