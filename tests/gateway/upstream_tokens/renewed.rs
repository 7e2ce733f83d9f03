//! A token's ordinary life.

use super::*;

#[tokio::test]
async fn a_token_is_there_before_the_first_request() {
    let world = World::new().await;

    world.until_minted(1).await;

    assert!(world.arrived().is_empty());
    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!((world.mints(), world.sent_up().bearer), (1, "valid"));
    assert_eq!(world.metric(&asked("ok")).await, 1.0);
}

#[tokio::test]
async fn it_is_renewed_in_the_background_at_half_its_life_by_one_request() {
    let world = World::new().await;
    world.until_minted(1).await;

    // Half of its life, less up to a tenth.
    world.clock.advance(DAY.mul_f64(0.44));
    world.get("/v1/accounts").await;
    assert_eq!(world.mints(), 1);
    world.clock.advance(DAY.mul_f64(0.06));
    world.until_minted(2).await;

    let expiry = world.metric(r#"passport_gateway_upstream_token_expiry_timestamp_seconds{credential="acme"}"#).await;
    assert!((expiry - (1_800_000_000.0 + 1.5 * 86_400.0)).abs() < 2.0, "{expiry}");
    fresh(&world).await.get("/v1/accounts").await;
    assert_eq!(world.passport.counters()[ACCOUNTS].distinct_tokens, 2, "{:?}", world.passport.counters());
}

#[tokio::test]
async fn an_expired_token_is_never_sent() {
    let world = World::new().await;
    let mut client = fresh(&world).await;

    for _ in 0..6 {
        client.get("/v1/accounts").await;
        world.clock.advance(DAY.mul_f64(0.35));
        assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
        world.clock.advance(2 * DAY);
        assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    }

    let counters = &world.passport.counters()[ACCOUNTS];
    assert_eq!((counters.expired_tokens, counters.unknown_tokens, counters.without_token), (0, 0, 0));
    assert_eq!(counters.statuses.keys().collect::<Vec<_>>(), [&200]);
}

#[tokio::test]
async fn a_token_serves_until_it_expires_and_not_after_while_renewing_fails() {
    let world = World::new().await;
    world.until_minted(1).await;
    world.passport.inject(Fault::new("token", Kind::ServerError)).unwrap();
    let mut client = fresh(&world).await;

    world.clock.advance(Duration::from_secs(86_400 - 1));
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK, "it still lives");
    world.until_minted(2).await;
    world.clock.advance(Duration::from_secs(1));
    let late = client.get("/v1/accounts").await;

    assert_eq!((late.status, late.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "upstream-token-unavailable"));
    assert!(!late.field("retry-after").is_empty());
}

#[tokio::test]
async fn a_short_life_is_no_reason_to_hammer() {
    let world = World::new().await;
    world.until_minted(1).await;
    world.passport.inject(Fault::new("token", Kind::ExpiresIn { value: json!(1) })).unwrap();

    world.clock.advance(DAY);
    world.until_minted(2).await;
    for mints in 3..6 {
        assert_eq!(world.mints(), u64::from(mints) - 1, "no sooner than a second after the last");
        world.clock.advance(Duration::from_secs(1));
        world.until_minted(mints).await;
    }
}

#[tokio::test]
async fn the_two_styles_of_oauth_work_as_well() {
    for style in ["form", "basic"] {
        let world = World::with(&format!("{LOCAL}token_request = \"{style}\"\n")).await;

        let answer = world.get("/v1/accounts").await;

        assert_eq!(answer.status, StatusCode::OK, "{style}: {}", answer.text());
        assert_eq!(world.metric(&asked("ok")).await, 1.0);
    }
}

#[tokio::test]
async fn a_credential_of_another_environment_is_refused_at_the_start() {
    let lines = LOCAL.replace("environment = \"custom\"", "environment = \"production\"");
    let text = format!("passport.environment = \"custom\"\npassport.base_url = \"http://127.0.0.1:1\"\n{lines}");

    let report = passport_gateway::config::parse(&text, "test.toml".as_ref(), &|_| None).err().unwrap().render(false);

    assert!(report.contains("production") && report.contains("custom"), "{report}");
}
