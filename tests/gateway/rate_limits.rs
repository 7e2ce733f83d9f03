//! What a tenant may ask in how much time, and how the rest is told to wait.

use std::time::Duration;

use http::StatusCode;

use crate::support::issuer::{Issuer, claims, with};
use crate::support::signer::Signer;
use crate::support::{Answer, LOCAL, World};

/// A gateway whose local app's tenant has these lines, too.
async fn limited(lines: &str) -> World {
    World::with(&LOCAL.replacen("[tenants.acme]", &format!("[tenants.acme]\n{lines}"), 1)).await
}

/// Three at once, then one every two seconds.
const SLOW: &str = r#"rate_limit = { requests = 30, per = "1m", burst = 3 }"#;

/// Checks that the request was refused by a limit; gives the wait that was told.
#[track_caller]
fn assert_limited(answer: &Answer) -> u64 {
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::TOO_MANY_REQUESTS, "rate-limited"), "{}", answer.text());
    assert_eq!(answer.field("cache-control"), "no-store");
    answer.field("retry-after").parse().unwrap()
}

/// `r` and `t` of the `RateLimit` field.
fn state(answer: &Answer) -> (u64, u64) {
    let field = answer.field("ratelimit");
    let parameter = |name: &str| field.split(';').find_map(|part| part.strip_prefix(name)?.parse().ok());
    parameter("r=").zip(parameter("t=")).unwrap_or_else(|| panic!("{field:?}"))
}

#[tokio::test]
async fn every_answer_tells_the_limit_and_what_is_left() {
    let world = limited(SLOW).await;
    let mut client = world.client().await;

    let told = [client.get("/v1/accounts").await, client.get("/v1/payments").await, client.get("/v1/customers").await];

    for (answer, left) in told.iter().zip([2, 1, 0]) {
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.field("ratelimit-policy"), r#""tenant";q=3;w=6"#);
        assert_eq!(state(answer).0, left);
    }
    assert_eq!(state(&told[2]).1, 2, "the next one is admitted when a second one has been earned");
}

#[tokio::test]
async fn a_refusal_names_one_instant_twice() {
    let world = limited(SLOW).await;
    let mut client = world.client().await;
    for _ in 0..3 {
        client.get("/v1/accounts").await;
    }

    let answer = client.get("/v1/accounts").await;

    let wait = assert_limited(&answer);
    assert_eq!((wait, state(&answer)), (2, (0, 2)));
    assert_eq!(answer.field("ratelimit-policy"), r#""tenant";q=3;w=6"#);
}

#[tokio::test]
async fn whoever_waits_as_told_is_admitted_and_nobody_earlier() {
    let world = limited(SLOW).await;
    let mut client = world.client().await;
    for _ in 0..3 {
        client.get("/v1/accounts").await;
    }
    let wait = assert_limited(&client.get("/v1/accounts").await);

    world.clock.advance(Duration::from_millis(wait * 1000 - 1));
    assert_eq!(assert_limited(&client.get("/v1/accounts").await), 1, "never less than a second");
    world.clock.advance(Duration::from_millis(1));

    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    assert_limited(&client.get("/v1/accounts").await);
}

#[tokio::test]
async fn time_earns_no_more_than_the_burst() {
    let world = limited(SLOW).await;
    let mut client = world.client().await;
    client.get("/v1/accounts").await;

    world.clock.advance(Duration::from_hours(1));

    for _ in 0..3 {
        assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    }
    assert_limited(&client.get("/v1/accounts").await);
}

#[tokio::test]
async fn answers_from_the_cache_count() {
    let world = limited(SLOW).await;
    let mut client = world.client().await;
    for _ in 0..3 {
        client.get("/v1/accounts").await;
    }

    assert_limited(&client.get("/v1/accounts").await);
    assert_eq!(world.arrived().len(), 1, "two of the three came from the cache");
}

#[tokio::test]
async fn one_limit_is_shared_by_all_connections_and_workers() {
    let world = limited(r#"rate_limit = { requests = 10, per = "1h" }"#).await;
    let mut clients = Vec::new();
    for _ in 0..6 {
        let mut client = world.client().await;
        client.get("/").await;
        clients.push(client);
    }

    let mut admitted = 0;
    for _ in 0..5 {
        for client in &mut clients {
            client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        }
        for client in &mut clients {
            admitted += usize::from(client.answer(false).await.unwrap().status == StatusCode::OK);
        }
    }

    assert_eq!(admitted, 10);
    assert_eq!(world.admin("/status").await.json()["connections"], serde_json::json!([3, 3]), "both workers were asked");
}

#[tokio::test]
async fn a_class_has_its_own_limit_beside_the_tenants() {
    let world = limited(
        r#"rate_limit = { requests = 100, per = "1s" }
           class_limits = { money = { requests = 1, per = "1m" }, write = { requests = 2, per = "1m" } }"#,
    )
    .await;
    let mut client = world.client().await;

    // A bad body is refused after it was counted, so that none needs to be good.
    assert_eq!(client.post("/v1/payments/breb", "{}").await.status, StatusCode::BAD_REQUEST);
    let answer = client.post("/v1/payments/ach", "{}").await;

    assert_eq!(assert_limited(&answer), 60);
    assert_eq!(answer.field("ratelimit-policy"), r#""money";q=1;w=60"#);
    assert_eq!(client.post("/v1/customers", "{}").await.status, StatusCode::BAD_REQUEST, "writes have another");
    let read = client.get("/v1/accounts").await;
    assert_eq!(read.status, StatusCode::OK, "reads have none");
    assert_eq!(read.field("ratelimit-policy"), r#""tenant";q=100;w=1"#);
}

#[tokio::test]
async fn a_read_by_post_is_a_read() {
    let world = limited(r#"class_limits = { write = { requests = 1, per = "1m" }, money = { requests = 1, per = "1m" } }"#).await;
    let mut client = world.client().await;

    for _ in 0..3 {
        assert_eq!(client.post("/v1/key-resolution", "{}").await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn in_shadow_nothing_is_denied_and_all_is_counted() {
    let world = limited(r#"rate_limit = { requests = 1, per = "1m", mode = "shadow" }"#).await;
    let mut client = world.client().await;

    for _ in 0..3 {
        assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    }

    for (sample, count) in [
        (r#"passport_gateway_limit_decisions_total{decision="allowed",limit="tenant",name="acme"}"#, 1.0),
        (r#"passport_gateway_limit_decisions_total{decision="denied",limit="tenant",name="acme"}"#, 2.0),
        (r#"passport_gateway_shadow_denials_total{operation="list_accounts",problem="rate-limited"}"#, 2.0),
    ] {
        let counted = world.metric_after(&mut client, sample).await;
        assert!((counted - count).abs() < 0.5, "{sample} {counted}");
    }
}

#[tokio::test]
async fn a_request_that_may_not_be_made_costs_nothing() {
    let world = limited(SLOW).await;
    let mut client = world.client().await;

    for _ in 0..5 {
        assert_eq!(client.get("/v1/nothing").await.status, StatusCode::NOT_FOUND);
        assert_eq!(client.request("PUT", "/v1/accounts", None).await.status, StatusCode::METHOD_NOT_ALLOWED);
        let stranger = world.client().await.with("X-Api-Key: pgk_stranger").get("/v1/accounts").await;
        assert_eq!((stranger.status, stranger.field("ratelimit")), (StatusCode::UNAUTHORIZED, ""));
    }

    assert_eq!(state(&client.get("/v1/accounts").await).0, 2);
}

#[tokio::test]
async fn without_a_limit_nothing_is_told() {
    let world = World::new().await;

    let answer = world.get("/v1/accounts").await;

    assert_eq!((answer.field("ratelimit"), answer.field("ratelimit-policy")), ("", ""));
}

/// A gateway whose tenants have these lines, and who brings its tokens.
async fn issued(lines: &str) -> (World, Signer, Issuer) {
    let signer = Signer::ed("ed");
    let issuer = Issuer::of(&[&signer]).await;
    let world = World::with(&issuer.configuration().replace("scopes = ", &format!("{lines}\nscopes = "))).await;
    (world, signer, issuer)
}

#[tokio::test]
async fn each_caller_has_a_limit_of_its_own_whatever_token_it_brings() {
    let lines = r#"rate_limit = { requests = 100, per = "1s" }
                   caller_limit = { requests = 2, per = "1m" }"#;
    let (world, signer, _issuer) = issued(lines).await;
    let status = async |claim: &str, name: &str, jti: &str| {
        let claims = with(with(with(claims(), "tenant", "acme"), claim, name), "jti", jti);
        let token = format!("Authorization: Bearer {}", signer.token(&claims));
        world.client().await.with(token).get("/v1/accounts").await
    };

    assert_eq!(status("client_id", "orders", "1").await.status, StatusCode::OK);
    assert_eq!(status("client_id", "orders", "2").await.status, StatusCode::OK);
    let refused = status("client_id", "orders", "3").await;

    assert_eq!(assert_limited(&refused), 30);
    assert_eq!(refused.field("ratelimit-policy"), r#""caller";q=2;w=60"#);
    assert_eq!(status("client_id", "billing", "4").await.status, StatusCode::OK);
    for (jti, expected) in [("5", StatusCode::OK), ("6", StatusCode::OK), ("7", StatusCode::TOO_MANY_REQUESTS)] {
        assert_eq!(status("sub", "somebody", jti).await.status, expected, "who has no application is known by `sub`");
    }
}

#[tokio::test]
async fn jitter_makes_those_who_are_refused_come_back_at_different_times() {
    let world = limited(r#"rate_limit = { requests = 1, per = "1m", jitter = "1h" }"#).await;
    let mut client = world.client().await;
    client.get("/v1/accounts").await;
    let mut waits = std::collections::BTreeSet::new();

    for _ in 0..8 {
        let answer = client.get("/v1/accounts").await;
        let wait = assert_limited(&answer);
        assert_eq!(state(&answer), (0, wait), "one instant, named twice");
        assert!((60..=3660).contains(&wait), "{wait}");
        waits.insert(wait);
    }

    assert!(waits.len() > 1, "{waits:?}");
}

#[tokio::test]
async fn the_status_tells_what_is_left() {
    let world = limited(SLOW).await;
    world.get("/v1/accounts").await;

    let limits = world.admin("/status").await.json()["limits"].clone();

    assert_eq!((&limits[0]["kind"], &limits[0]["burst"], &limits[0]["remaining"]), (&"tenant".into(), &3.into(), &2.into()));
}

#[tokio::test]
async fn each_tenant_has_its_own_limit() {
    let signer = Signer::ed("ed");
    let issuer = Issuer::of(&[&signer]).await;
    let lines = issuer.configuration().replace("scopes = ", "rate_limit = { requests = 1, per = \"1m\" }\nscopes = ");
    let world = World::with(&lines).await;
    let bearer = |tenant: &str| format!("Authorization: Bearer {}", signer.token(&with(claims(), "tenant", tenant)));

    let mut acme = world.client().await.with(bearer("acme"));
    let mut globex = world.client().await.with(bearer("globex"));

    assert_eq!(acme.get("/v1/accounts").await.status, StatusCode::OK);
    assert_limited(&acme.get("/v1/accounts").await);
    assert_eq!(globex.get("/v1/accounts").await.status, StatusCode::OK);
}
