//! Limits that several gateways share through a real Redis, and what is left of them without it.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::support::process::Process;
use crate::support::redis::{Options, Redis};
use crate::support::until::until;
use crate::support::{Answer, LOCAL, Passport, World, clock};

mod soak;

/// Forty at once, and then one a second: enough for a quarter to be told from all.
const LIMIT: &str = "rate_limit = { requests = 1, per = \"1s\", burst = 40 }";

/// A gateway whose tenant has these lines, and which shares limits through `redis`.
async fn sharing(redis: &Redis, store: &str, tenant: &str) -> World {
    let lines = LOCAL.replacen("[tenants.acme]", &format!("[tenants.acme]\n{tenant}"), 1);
    // The machine may be busy: what is late is a matter of its own.
    World::with(&format!("{}store.timeout = \"5s\"\n{store}\n{lines}", redis.configuration())).await
}

/// How many of so many reads, by turns at each gateway, are admitted.
async fn admitted(worlds: &[&World], reads: usize) -> usize {
    let mut admitted = 0;
    for turn in 0..reads {
        let answer = worlds[turn % worlds.len()].get("/v1/accounts").await;
        assert!([StatusCode::OK, StatusCode::TOO_MANY_REQUESTS].contains(&answer.status), "{}", answer.text());
        admitted += usize::from(answer.status == StatusCode::OK);
    }
    admitted
}

async fn until_the_store_is(world: &World, state: &str) {
    until(state, async || world.admin("/status").await.json()["store"]["state"] == state).await;
}

#[tokio::test]
async fn gateways_with_one_redis_have_one_limit() {
    for mode in ["exact", "leased"] {
        let redis = Redis::start().await;
        let store = format!("store.mode = \"{mode}\"");
        let [one, two, three] = [0; 3].map(|_| sharing(&redis, &store, LIMIT));
        let (one, two, three) = (one.await, two.await, three.await);

        let begun = Instant::now();
        let admitted = admitted(&[&one, &two, &three], 90).await;

        let earned = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
        let batches = if mode == "exact" { 0 } else { 3 * 4 };
        assert!((40 - batches..=40 + earned + batches).contains(&admitted), "{mode}: {admitted}, of which {earned} were earned");
    }
}

#[tokio::test]
async fn another_prefix_is_another_limit() {
    let redis = Redis::start().await;
    let one = sharing(&redis, "", LIMIT).await;
    let other = sharing(&redis, "store.prefix = \"other:\"", LIMIT).await;

    assert!(admitted(&[&one], 45).await >= 40);

    assert_eq!(other.get("/v1/accounts").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_redis_holds_names_no_caller_and_goes_by_itself() {
    let redis = Redis::start().await;
    let world = sharing(&redis, "", &format!("{LIMIT}\ncaller_limit = {{ requests = 100, per = \"1s\" }}")).await;
    world.get("/v1/accounts").await;

    let keys = redis.ask("KEYS *").await;
    let names: Vec<&str> = keys.lines().filter(|line| line.starts_with("passport-gateway:")).map(str::trim).collect();
    assert_eq!(
        names.iter().filter(|name| !name.ends_with(":probe")).collect::<Vec<_>>(),
        [&"passport-gateway:limit:tenant:acme"]
    );

    for name in names {
        let life: i64 = redis.ask(&format!("PTTL {name}")).await.trim_start_matches(':').parse().unwrap();
        assert!(life > 0, "{name} lives for {life} ms");
    }
}

#[tokio::test]
async fn a_quota_is_shared_and_keeps_its_reserve_for_payments() {
    for mode in ["exact", "leased"] {
        let redis = Redis::start().await;
        let quota = "quota = { requests = 1, per = \"1h\", burst = 40 }\n";
        let lines = format!(
            "{}store.timeout = \"5s\"\nstore.mode = \"{mode}\"\ncache.max_bytes = \"0B\"\n{LOCAL}{quota}",
            redis.configuration()
        );
        let (one, two) = (World::with(&lines).await, World::with(&lines).await);
        let exhausted =
            |answer: &Answer| answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.problem() == "upstream-quota-exhausted";

        let mut reads = 0;
        while !exhausted(&one.get("/v1/accounts").await) {
            reads += 1;
        }
        while !exhausted(&two.get("/v1/accounts").await) {
            reads += 1;
        }
        let payment = two.post("/v1/payments/breb/confirm", r#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#).await;

        assert_eq!(reads, 28, "{mode}: of forty, twelve are kept from reads");
        assert!(!exhausted(&payment), "{mode}: {}", payment.text());
    }
}

#[tokio::test]
async fn without_redis_a_fraction_is_admitted_and_it_comes_back_by_itself() {
    for mode in ["exact", "leased"] {
        let mut redis = Redis::start().await;
        let world = sharing(&redis, &format!("store.mode = \"{mode}\"\nstore.fallback = \"25%\""), LIMIT).await;
        redis.kill();
        until_the_store_is(&world, "away").await;

        // The gateway's clock stands still: nothing is earned meanwhile.
        assert_eq!(admitted(&[&world], 60).await, 10, "{mode}: a quarter of forty");
        assert!(world.metric(r#"passport_gateway_store_errors_total{use="limits"}"#).await >= 0.0);
        redis.restart().await;
        until_the_store_is(&world, "connected").await;

        assert!(admitted(&[&world], 60).await >= 40, "{mode}: Redis has forgotten, so that all of it is there");
    }
}

#[tokio::test]
async fn a_redis_that_hangs_costs_a_few_late_answers_and_then_nothing() {
    let redis = Redis::start().await;
    let lines = LOCAL.replacen("[tenants.acme]", &format!("[tenants.acme]\n{LIMIT}"), 1);
    let world = World::with(&format!("{}{lines}", redis.configuration())).await;
    let late = async || world.metric(r#"passport_gateway_store_errors_total{use="limits"}"#).await;
    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
    // On a busy machine even this one may have been late, and then it was one of those that are admitted without Redis.
    let spent = late().await;
    redis.freeze(true);

    let admitted = admitted(&[&world], 60).await;
    redis.freeze(false);

    assert_eq!(admitted, if spent > 0.0 { 9 } else { 10 }, "a quarter of forty");
    assert!((3.0..=spent + 8.0).contains(&late().await), "a few are counted, and then nobody waits");
    until_the_store_is(&world, "connected").await;
}

#[tokio::test]
async fn limits_are_kept_over_tls_with_a_password() {
    let redis = Redis::with(Options { tls: true, password: Some("hunter2"), ..Options::default() }).await;
    let [one, two] = [0; 2].map(|_| sharing(&redis, "", LIMIT));
    let (one, two) = (one.await, two.await);
    until_the_store_is(&one, "connected").await;

    let begun = Instant::now();
    let admitted = admitted(&[&one, &two], 60).await;

    let earned = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
    assert!((40..=40 + earned).contains(&admitted), "{admitted}");
}

#[tokio::test]
async fn answers_tell_the_limit_that_all_share() {
    let redis = Redis::start().await;
    let [one, two] = [0; 2].map(|_| sharing(&redis, "", "rate_limit = { requests = 1, per = \"1h\", burst = 3 }"));
    let (one, two) = (one.await, two.await);

    let told = [
        one.get("/v1/accounts").await,
        two.get("/v1/accounts").await,
        one.get("/v1/accounts").await,
        two.get("/v1/accounts").await,
    ];

    for (answer, left) in told.iter().zip(["r=2", "r=1", "r=0", "r=0"]) {
        assert_eq!(answer.field("ratelimit-policy"), r#""tenant";q=3;w=10800"#);
        assert!(answer.field("ratelimit").contains(left), "{}", answer.field("ratelimit"));
    }
    assert_eq!(told[3].status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        told[3].field("ratelimit").ends_with(&format!("t={}", told[3].field("retry-after"))),
        "{}",
        told[3].field("ratelimit")
    );
}
