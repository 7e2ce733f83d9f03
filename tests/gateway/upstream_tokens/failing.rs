//! A token endpoint that is down, says no, or talks nonsense.

use super::*;

/// A gateway whose Passport goes wrong in this way before its clock has moved on to the next renewal.
async fn failing(kind: Kind) -> World {
    let world = World::new().await;
    world.until_minted(1).await;
    world.passport.inject(Fault::new("token", kind)).unwrap();
    world.clock.advance(2 * DAY);
    world.until_minted(2).await;
    world
}

async fn assert_recovers(world: &World) {
    world.passport.clear_faults();
    let mut client = fresh(world).await;
    until("it recovers", async || {
        world.clock.advance(Duration::from_secs(30));
        client.get("/v1/accounts").await.status == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_told_with_a_time_and_gets_well_by_itself() {
    let world = failing(Kind::Unavailable { retry_after: None }).await;

    let answer = world.get("/v1/accounts").await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "upstream-token-unavailable"));
    assert!(answer.field("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(world.arrived().is_empty());
    assert_recovers(&world).await;
}

#[tokio::test]
async fn requests_do_not_make_a_failing_endpoint_fail_more_often() {
    let world = failing(Kind::ServerError).await;
    let mut client = fresh(&world).await;

    for _ in 0..30 {
        assert_eq!(client.get("/v1/accounts").await.problem(), "upstream-token-unavailable");
    }

    assert_eq!(world.mints(), 2, "the clock has not moved");
}

#[tokio::test]
async fn an_endpoint_that_was_never_up_does_not_keep_the_gateway_from_starting() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let lines = format!("passport.token_url = \"http://{closed}/v1/iam/oauth/tokens\"\n{LOCAL}");
    let world = World::with(&lines).await;
    until("the first attempt has failed", async || world.metric(&asked("unreachable")).await >= 1.0).await;

    let answer = world.get("/v1/accounts").await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "upstream-token-unavailable"));
    assert_eq!(world.admin("/readyz").await.status, StatusCode::OK, "it was attempted");
}

#[tokio::test]
async fn an_endpoint_that_asks_for_patience_gets_it() {
    let world = failing(Kind::RateLimited { retry_after: Some(40) }).await;

    assert_eq!(world.get("/v1/accounts").await.field("retry-after"), "40");
    world.clock.advance(Duration::from_secs(39));
    let mut client = fresh(&world).await;
    assert_eq!(client.get("/v1/accounts").await.field("retry-after"), "1");
    assert_eq!(world.mints(), 2);

    world.clock.advance(Duration::from_secs(5));
    world.until_minted(3).await;
}

#[tokio::test]
async fn a_wrong_secret_is_told_as_such_and_not_tried_again_and_again() {
    let world = World::with(&LOCAL.replace("sandbox-secret", "wrong")).await;
    world.until_minted(1).await;
    let mut client = world.client().await;

    for _ in 0..20 {
        let answer = client.get("/v1/accounts").await;
        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_GATEWAY, "upstream-credential-rejected"));
        assert!(!answer.text().contains("wrong"), "{}", answer.text());
    }

    assert_eq!((world.mints(), world.arrived().len()), (1, 0));
    assert_eq!(world.metric(&asked("rejected")).await, 1.0);
}

#[tokio::test]
async fn a_secret_that_becomes_good_again_is_found_out() {
    let world = World::with(&LOCAL.replace("sandbox-secret", "later")).await;
    world.until_minted(1).await;
    world.passport.set_secret("sandbox-client", Secret::new("later".to_owned())).unwrap();

    assert_recovers(&world).await;
}

#[tokio::test]
async fn nonsense_is_no_token() {
    let kinds = [
        Kind::Garbage,
        Kind::Html,
        Kind::Empty,
        Kind::MissingAccessToken,
        Kind::Truncated,
        Kind::ResetAfterBody,
        Kind::ExpiresIn { value: json!(0) },
        Kind::ExpiresIn { value: json!(-5) },
        Kind::ExpiresIn { value: json!("3600") },
        Kind::ExpiresIn { value: json!(1e300) },
        Kind::ExpiresIn { value: json!([]) },
    ];
    for kind in kinds {
        let world = failing(kind.clone()).await;

        let answer = world.get("/v1/accounts").await;

        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "upstream-token-unavailable"),
            "{kind:?}"
        );
        assert!(world.arrived().is_empty(), "{kind:?}");
        assert_recovers(&world).await;
    }
}

#[tokio::test]
async fn a_token_without_a_life_gets_one() {
    let world = failing(Kind::ExpiresIn { value: json!(null) }).await;

    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
    world.clock.advance(Duration::from_mins(31));
    world.until_minted(3).await;
}
