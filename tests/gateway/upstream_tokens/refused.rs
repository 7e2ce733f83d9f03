//! Passport's ambiguous 401: a token that is no longer good, or a scope that is missing.

use tokio::task::JoinSet;

use super::*;

#[tokio::test]
async fn a_token_revoked_on_the_way_costs_fifty_readers_one_renewal_and_no_error() {
    let world = World::new().await;
    world.until_minted(1).await;
    assert_eq!(world.passport.revoke_tokens(None), 1);

    let mut readers = JoinSet::new();
    for at in 0..50 {
        let mut client = fresh(&world).await;
        readers.spawn(async move { client.get(&format!("/v1/accounts?page_params.page_number={}", at + 1)).await.status });
    }
    let statuses = readers.join_all().await;

    assert!(statuses.iter().all(|status| *status == StatusCode::OK), "{statuses:?}");
    assert_eq!(world.mints(), 2);
    assert!(world.passport.counters()[ACCOUNTS].requests <= 100, "each was replayed once at most");
}

#[tokio::test]
async fn a_refused_write_is_not_sent_again() {
    let world = World::new().await;
    world.until_minted(1).await;
    world.passport.revoke_tokens(None);
    let mut client = world.client().await;

    let refused = client.post("/v1/payments/breb/confirm", PAYMENT).await;
    world.until_minted(2).await;
    let next = client.post("/v1/payments/breb/confirm", PAYMENT).await;

    assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "upstream-token-unavailable"));
    assert_eq!(refused.field("retry-after"), "1");
    assert_eq!(next.status, StatusCode::NOT_FOUND, "there is no such payment: {}", next.text());
    assert_eq!(world.arrivals(CONFIRM), 2);
}

#[tokio::test]
async fn a_missing_scope_is_told_and_does_not_hammer_the_token_endpoint() {
    let world = World::new().await;
    world.passport.set_scopes("sandbox-client", &["paas.core.entity_customers.*"]).unwrap();
    world.until_minted(1).await;
    world.clock.advance(DAY);
    world.until_minted(2).await;
    let mut client = fresh(&world).await;

    for _ in 0..20 {
        let missing = client.get("/v1/accounts").await;
        assert_eq!((missing.status, missing.problem().as_str()), (StatusCode::BAD_GATEWAY, "upstream-scope-missing"));
        assert_eq!(client.get("/v1/customers").await.status, StatusCode::OK);
    }

    assert_eq!((world.mints(), world.arrivals(ACCOUNTS)), (2, 0), "what was granted is known");
}

#[tokio::test]
async fn an_operation_that_refuses_every_token_is_found_to_lack_its_scope() {
    let world = World::new().await;
    world.passport.inject(Fault::new(ACCOUNTS, Kind::TokenRefused)).unwrap();
    let mut client = fresh(&world).await;

    for _ in 0..20 {
        let missing = client.get("/v1/accounts").await;
        assert_eq!((missing.status, missing.problem().as_str()), (StatusCode::BAD_GATEWAY, "upstream-scope-missing"));
        assert_eq!(client.get("/v1/customers").await.status, StatusCode::OK);
    }
    assert_eq!(world.mints(), 2, "one renewal for the suspicion");

    world.passport.clear_faults();
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK, "it is tried again after a cool-down");
}

#[tokio::test]
async fn passports_401_reaches_no_caller() {
    let world = World::new().await;
    world.passport.inject(Fault::new("all", Kind::TokenRefused)).unwrap();
    let mut client = fresh(&world).await;

    for target in ["/v1/accounts", "/v1/customers", "/v1/payments", "/v1/keys", "/v1/qrcodes", "/v1/recipients"] {
        let answer = client.get(target).await;
        assert!(answer.status.is_server_error(), "{target}: {}", answer.status);
        assert!(!answer.fields.contains_key("www-authenticate"));
    }
    assert!(client.post("/v1/payments/breb/confirm", PAYMENT).await.status.is_server_error());

    assert!(world.mints() <= 2, "{}", world.mints());
}

#[tokio::test]
async fn a_403_is_passports_word_and_is_passed_on() {
    let world = World::new().await;
    world.passport.inject(Fault::new(ACCOUNTS, Kind::Forbidden)).unwrap();

    let answer = world.get("/v1/accounts").await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::FORBIDDEN, ""));
    assert_eq!(world.mints(), 1);
}
