//! From a miss to hits, and for how long.

use super::*;

#[tokio::test]
async fn a_miss_is_stored_and_the_next_request_hits_with_its_age() {
    let world = World::new().await;

    let miss = world.get("/v1/accounts").await;
    world.clock.advance(Duration::from_secs(2));
    let hit = world.get("/v1/accounts").await;

    assert_eq!(told(&miss), "fwd=uri-miss; stored; ttl=5");
    assert_eq!((told(&hit), hit.field("age")), ("hit; ttl=3", "2"));
    assert_eq!((miss.status, miss.body), (hit.status, hit.body));
    assert_eq!(world.arrivals(ACCOUNTS), 1);
    assert!(!miss.fields.contains_key("age"));
}

#[tokio::test]
async fn an_entry_ends_with_its_ttl() {
    let world = World::new().await;
    world.get("/v1/accounts").await;

    world.clock.advance(Duration::from_millis(4_999));
    let last = world.get("/v1/accounts").await;
    world.clock.advance(Duration::from_millis(1));
    let after = world.get("/v1/accounts").await;

    assert!(told(&last).starts_with("hit"), "{}", told(&last));
    assert!(told(&after).starts_with("fwd=stale; stored"), "{}", told(&after));
    assert_eq!(world.arrivals(ACCOUNTS), 2);
}

#[tokio::test]
async fn a_ttl_is_the_configurations() {
    let world = World::with(&format!("operations.list_accounts.cache_ttl = \"60s\"\n{LOCAL}")).await;
    world.get("/v1/accounts").await;
    world.clock.advance(Duration::from_secs(59));

    assert_eq!(told(&world.get("/v1/accounts").await), "hit; ttl=1");
}

#[tokio::test]
async fn what_the_catalogue_does_not_cache_is_never_cached() {
    let world = World::new().await;
    let id = world.get("/v1/payments").await.json()["payments"][0]["id"].as_str().unwrap().to_owned();

    for _ in 0..2 {
        let answer = world.get(&format!("/v1/payments/{id}")).await;
        assert_eq!((answer.status, answer.field("cache-status")), (StatusCode::OK, ""));
    }
    assert_eq!(world.arrivals("GET /v1/payments/{payment_id}"), 2);
}

#[tokio::test]
async fn passport_may_forbid_or_shorten_storing() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;

    for lines in [
        "Cache-Control: no-store\r\n",
        "Cache-Control: private\r\n",
        "cache-control: max-age=60, No-Cache\r\n",
        "Cache-Control: max-age=0\r\n",
        "Cache-Control: s-maxage=0, max-age=60\r\n",
        "Expires: 0\r\n",
        "Vary: *\r\n",
        "Set-Cookie: a=b\r\n",
        "Age: 5\r\n",
    ] {
        for _ in 0..2 {
            let (got, _) = tokio::join!(world.get("/v1/accounts"), upstream.answer(answer("200 OK", lines, "{}")));
            assert_eq!((got.status, told(&got)), (StatusCode::OK, "fwd=uri-miss"), "{lines}");
        }
        // What cannot be shared is not waited for during 5 s: begin anew.
        world.clock.advance(Duration::from_secs(6));
    }

    let (got, _) =
        tokio::join!(world.get("/v1/accounts"), upstream.answer(answer("200 OK", "Cache-Control: max-age=2\r\n", "{}")));
    assert_eq!(told(&got), "fwd=uri-miss; stored; ttl=2");
}

#[tokio::test]
async fn a_caller_may_ask_for_a_fresh_answer_or_for_none_to_be_stored() {
    let world = World::new().await;
    world.get("/v1/accounts").await;

    let mut fresh = world.client().await.with("Cache-Control: no-cache");
    let mut young = world.client().await.with("Cache-Control: max-age=0");
    let mut secret = world.client().await.with("Cache-Control: no-store");

    assert_eq!(told(&fresh.get("/v1/accounts").await), "fwd=request; stored; ttl=5");
    assert_eq!(told(&young.get("/v1/accounts").await), "fwd=request; stored; ttl=5");
    assert_eq!(told(&secret.get("/v1/accounts").await), "fwd=bypass");
    assert_eq!(world.arrivals(ACCOUNTS), 4);
    assert_eq!(world.metric(&used("list_accounts", "bypass")).await, 1.0);
}

#[tokio::test]
async fn what_the_caller_has_already_is_not_sent_again() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let (first, _) = tokio::join!(world.get("/v1/accounts"), upstream.answer(ok("[1]")));
    let tag = first.field("etag").to_owned();

    let mut client = world.client().await.with(format!("If-None-Match: {tag}"));
    let stored = client.get("/v1/accounts").await;
    world.clock.advance(Duration::from_secs(6));
    let (renewed, _) = tokio::join!(client.get("/v1/accounts"), upstream.answer(ok("[1]")));
    world.clock.advance(Duration::from_secs(6));
    let (changed, _) = tokio::join!(client.get("/v1/accounts"), upstream.answer(ok("[2]")));

    assert!(tag.starts_with('"'), "{tag}");
    assert_eq!((stored.status, stored.body.len(), stored.field("etag")), (StatusCode::NOT_MODIFIED, 0, tag.as_str()));
    assert_eq!((renewed.status, renewed.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!((changed.status, changed.text().as_str()), (StatusCode::OK, "[2]"));
}

#[tokio::test]
async fn head_is_answered_from_a_get() {
    let world = World::new().await;
    let get = world.get("/v1/accounts").await;

    let head = world.client().await.request("HEAD", "/v1/accounts", None).await;

    assert_eq!((head.status, told(&head)), (StatusCode::OK, "hit; ttl=5"));
    assert_eq!(head.field("content-length"), get.body.len().to_string());
    assert_eq!(world.arrivals(ACCOUNTS), 1);
}

#[tokio::test]
async fn a_lists_documented_404_is_stored_and_other_errors_are_not() {
    let world = World::new().await;
    let nobody = "/v1/customers?identification_number=000000000";
    let unknown = "/v1/customers/00000000-0000-4000-8000-00000000dead";

    for target in [nobody, nobody, unknown, unknown] {
        assert_eq!(world.get(target).await.status, StatusCode::NOT_FOUND);
    }

    assert_eq!(world.arrivals(CUSTOMERS), 1);
    assert_eq!(world.arrivals("GET /v1/customers/{customer_id}"), 2);
}

#[tokio::test]
async fn stale_answers_are_served_only_where_configured_and_passport_fails() {
    let lines = format!("cache.stale_if_error = \"60s\"\nretry.attempts = 0\n{LOCAL}");
    let world = World::with(&lines).await;
    world.get("/v1/accounts").await;
    world.clock.advance(Duration::from_secs(10));
    world.passport.play("outage").unwrap();

    let stale = world.get("/v1/accounts").await;
    let other = world.get("/v1/accounts?status=X").await;

    assert_eq!((stale.status, told(&stale)), (StatusCode::OK, "fwd=stale; fwd-status=503; ttl=-5"));
    assert_eq!(other.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_is_held_is_told_and_bounded() {
    let world = World::with(&format!("cache.max_bytes = \"64KiB\"\n{LOCAL}")).await;
    assert_eq!(world.metric("passport_gateway_cache_bytes").await, 0.0);

    for page in 1..=60 {
        world.get(&format!("/v1/accounts?page_params.page_size=1&page_params.page_number={page}")).await;
    }

    let (bytes, entries) =
        (world.metric("passport_gateway_cache_bytes").await, world.metric("passport_gateway_cache_entries").await);
    assert!(bytes > 0.0 && bytes <= 65536.0, "{bytes}");
    assert!(entries > 0.0 && entries < 60.0, "{entries}");
    assert!(world.metric(r#"passport_gateway_cache_evictions_total{cause="size"}"#).await > 0.0);
}
