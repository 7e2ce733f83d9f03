//! The Redis that replicas share: reached safely, missed without harm, and found again.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use passport_gateway::config::{self, SecretSource, Sharing};
use passport_gateway::metrics::Metrics;
use passport_gateway::secret::Secret;
use passport_gateway::store::redis::Event;
use passport_gateway::store::{self, StoreError, Use};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::redis::{Options, Redis};
use crate::support::until::until;
use crate::support::{LOCAL, World};

const SECRET: &str = "hunter2";

/// What `/status` says of the store.
async fn told(world: &World) -> serde_json::Value {
    world.admin("/status").await.json()["store"].clone()
}

async fn until_it_is(world: &World, state: &str) {
    until(&format!("the store is {state}"), async || told(world).await["state"] == state).await;
}

async fn world(redis: &Redis) -> World {
    World::with(&format!("{}{LOCAL}", redis.configuration())).await
}

#[tokio::test]
async fn the_first_request_finds_it_connected() {
    let redis = Redis::start().await;
    let world = world(&redis).await;

    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);

    assert_eq!(told(&world).await["state"], "connected");
}

#[tokio::test]
async fn it_is_reached_over_tls_with_a_password() {
    let redis = Redis::with(Options { tls: true, password: Some(SECRET), ..Options::default() }).await;

    let world = world(&redis).await;

    until_it_is(&world, "connected").await;
}

#[tokio::test]
async fn a_certificate_of_another_root_is_not_believed() {
    let [redis, other] = [true, true].map(|tls| Redis::with(Options { tls, ..Options::default() }));
    let (redis, other) = (redis.await, other.await);
    let lines = redis.configuration().replace(redis.ca_file().to_str().unwrap(), other.ca_file().to_str().unwrap());

    let world = World::with(&format!("{lines}{LOCAL}")).await;

    until_it_is(&world, "away").await;
    assert!(told(&world).await["failure"].as_str().unwrap().contains("TLS handshake"), "{}", told(&world).await);
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let redis = Redis::with(Options { password: Some("another"), ..Options::default() }).await;
    let lines = redis.configuration().replace("another", SECRET);

    let world = World::with(&format!("{lines}{LOCAL}")).await;

    until_it_is(&world, "away").await;
    let told = told(&world).await.to_string();
    assert!(told.contains("Password authentication failed") && !told.contains(SECRET), "{told}");
}

#[tokio::test]
async fn it_need_not_be_there_at_the_start_and_is_found_when_it_comes() {
    let mut redis = Redis::start().await;
    redis.kill();
    let world = world(&redis).await;

    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
    until_it_is(&world, "away").await;
    redis.restart().await;

    until_it_is(&world, "connected").await;
}

#[tokio::test]
async fn it_may_be_killed_and_restarted() {
    let mut redis = Redis::start().await;
    let world = world(&redis).await;
    until_it_is(&world, "connected").await;

    redis.kill();
    until_it_is(&world, "away").await;
    redis.restart().await;

    until_it_is(&world, "connected").await;
    assert!(world.metric(r#"passport_gateway_store_errors_total{use="health"}"#).await >= 1.0);
}

#[tokio::test]
async fn one_that_stops_answering_is_noticed_without_being_asked() {
    let redis = Redis::start().await;
    let world = world(&redis).await;
    until_it_is(&world, "connected").await;

    redis.freeze(true);
    until("it is missed", async || told(&world).await["state"] != "connected").await;
    redis.freeze(false);

    until_it_is(&world, "connected").await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_it() {
    let redis = Redis::start().await;
    let world = world(&redis).await;
    until_it_is(&world, "connected").await;
    redis.freeze(true);

    world.signal(passport_gateway::server::Signal::Terminate);
    let ended = tokio::time::timeout(Duration::from_secs(20), world.ended()).await;

    redis.freeze(false);
    assert!(ended.is_ok());
}

/// A handle on it alone, without a gateway.
fn handle(redis: &Redis) -> Arc<store::Redis> {
    let settings = config::Redis {
        url: SecretSource::Literal(Secret::new(redis.url())),
        ca_file: None,
        prefix: "test:".to_owned(),
        timeout: Duration::from_secs(5),
        mode: Sharing::Exact,
        fallback: 0.25,
    };
    store::Redis::start(&settings, &Arc::new(Metrics::new()), &TaskTracker::new(), &CancellationToken::new()).unwrap()
}

#[tokio::test]
async fn a_subscription_tells_when_it_was_lost_and_when_it_is_back() {
    let mut redis = Redis::start().await;
    let mut subscription = handle(&redis).subscribe(Use::Invalidation, "news");

    assert_eq!(subscription.next().await, Some(Event::Subscribed));
    assert_eq!(redis.ask("PUBLISH test:news one").await, ":1");
    assert_eq!(subscription.next().await, Some(Event::Message(b"one".to_vec())));
    redis.kill();
    assert_eq!(subscription.next().await, Some(Event::Lost));
    redis.restart().await;
    assert_eq!(subscription.next().await, Some(Event::Subscribed));
    assert_eq!(redis.ask("PUBLISH test:news two").await, ":1");

    assert_eq!(subscription.next().await, Some(Event::Message(b"two".to_vec())));
}

#[tokio::test]
async fn a_subscription_ends_when_it_is_dropped() {
    let redis = Redis::start().await;
    let handle = handle(&redis);
    let mut subscription = handle.subscribe(Use::Invalidation, "news");
    subscription.next().await;

    drop(subscription);

    until("nobody listens", async || redis.ask("PUBLISH test:news one").await == ":0").await;
}

#[tokio::test]
async fn while_it_is_away_nobody_waits() {
    let mut redis = Redis::start().await;
    let handle = handle(&redis);
    handle.attempted().await;
    let mut get = store::redis::cmd("GET");
    get.arg(handle.key("x"));
    assert_eq!(handle.query::<Option<String>>(Use::Limits, &get).await.unwrap(), None);

    redis.kill();
    until("it is away", async || handle.is_away()).await;

    let asked = futures_util::FutureExt::now_or_never(handle.query::<Option<String>>(Use::Limits, &get));
    assert!(matches!(asked, Some(Err(StoreError::Away))));
}

#[tokio::test]
async fn late_answers_are_given_up_and_soon_not_waited_for() {
    let redis = Redis::start().await;
    let handle = handle(&redis);
    handle.attempted().await;
    let mut get = store::redis::cmd("GET");
    get.arg(handle.key("x"));
    redis.freeze(true);

    let mut late = 0;
    while !handle.is_away() {
        let answer = handle.query_within::<Option<String>>(Use::Limits, &get, Duration::from_millis(1)).await;
        late += usize::from(matches!(answer, Err(StoreError::Late)));
    }
    redis.freeze(false);

    assert_eq!(late, 3);
    until("it is trusted again", async || !handle.is_away()).await;
}
