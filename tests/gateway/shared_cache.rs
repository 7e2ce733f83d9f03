//! Two replicas before one Passport: what one writes, the other does not serve any more.

use http::StatusCode;
use passport_gateway::server::{Signal, Unfinished};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::redis::Redis;
use crate::support::scripted::{Scripted, answer, ok};
use crate::support::until::until;
use crate::support::way::Way;
use crate::support::{Answer, Client, LOCAL, World};

const CUSTOMER: &str = r#"{
    "type": "BUSINESS", "business_name": "Panadería Andina SAS", "email": "hola@example.com",
    "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": "901234567"
}"#;
const LIST: &str = "/v1/customers";
const OTHER: &str = "/v1/accounts";
const TOKEN: &str = "a-token-of-more-than-16-bytes";

/// Two gateways, the Redis between them, and the Passport behind both.
struct Pair {
    redis: Redis,
    upstream: Scripted,
    one: World,
    two: World,
}

impl Pair {
    async fn new() -> Self {
        Self::with("").await
    }

    async fn with(lines: &str) -> Self {
        let (redis, upstream) = (Redis::start().await, Scripted::start().await);
        let lines = format!(
            "{}control = {{ listen = \"127.0.0.1:0\", token = \"{TOKEN}\" }}\nretry.attempts = 0\n{lines}\n{LOCAL}",
            redis.configuration()
        );
        let (one, two) = (World::before(&upstream, &lines).await, World::before(&upstream, &lines).await);
        let pair = Self { redis, upstream, one, two };
        pair.both_hear(1).await;
        pair
    }

    /// Waits until both have begun to listen so often.
    async fn both_hear(&self, times: u32) {
        for world in [&self.one, &self.two] {
            until("both hear", async || world.metric(&source("reconnect")).await >= f64::from(times)).await;
        }
    }

    /// The second gateway's answer, which Passport gives.
    async fn two_asks(&mut self, target: &str, body: &str) -> Answer {
        tokio::join!(self.two.get(target), self.upstream.answer(ok(body))).0
    }

    /// A write through the first gateway.
    async fn one_writes(&mut self) -> Answer {
        tokio::join!(self.one.post(LIST, CUSTOMER), self.upstream.answer(answer("201 Created", "", "{}"))).0
    }

    async fn two_has_heard(&self, count: u32) {
        until("the second has heard", async || self.two.metric(&source("replica")).await >= f64::from(count)).await;
    }
}

fn source(source: &str) -> String {
    format!(r#"passport_gateway_cache_invalidations_total{{source="{source}"}}"#)
}

fn messages(result: &str) -> String {
    format!(r#"passport_gateway_cache_invalidation_messages_total{{result="{result}"}}"#)
}

fn told(answer: &Answer) -> &str {
    answer.field("cache-status").trim_start_matches("passport-gateway; ")
}

#[tokio::test]
async fn a_write_on_one_replica_is_not_hidden_by_another() {
    let mut pair = Pair::new().await;
    pair.two_asks(LIST, r#""before""#).await;
    pair.two_asks(OTHER, r#""accounts""#).await;

    let written = pair.one_writes().await;
    pair.two_has_heard(1).await;
    let next = pair.two_asks(LIST, r#""after""#).await;
    let other = pair.two.get(OTHER).await;

    assert_eq!(written.status, StatusCode::CREATED);
    assert_eq!((next.text().as_str(), told(&next)), (r#""after""#, "fwd=uri-miss; stored; ttl=30"));
    assert!(told(&other).starts_with("hit"), "{}", told(&other));
    assert_eq!(pair.one.metric(&source("replica")).await, 0.0, "nobody heeds its own message");
    assert_eq!(pair.one.metric(&messages("in_time")).await, 1.0);
    assert_eq!(pair.two.metric("passport_gateway_cache_invalidation_lag_seconds_count").await, 1.0);
    let cache = &pair.two.admin("/status").await.json()["cache"];
    assert_eq!((&cache["replicas"]["heard"], &cache["replicas"]["untold"]), (&true.into(), &0.into()));
    assert!(cache["replicas"]["last_lag_seconds"].is_number() && cache["invalidations"]["replica"] == 1, "{cache}");
}

#[tokio::test]
async fn what_could_not_be_told_yet_is_told_before_the_end() {
    let (redis, upstream) = (Redis::start().await, Scripted::start().await);
    let way = Way::to(redis.address).await;
    let lines = |address| format!("store.kind = \"redis\"\nstore.url = \"redis://{address}\"\nretry.attempts = 0\n{LOCAL}");
    let one = World::before(&upstream, &lines(way.address)).await;
    let two = World::before(&upstream, &lines(redis.address)).await;
    let mut pair = Pair { redis, upstream, one, two };
    pair.both_hear(1).await;
    pair.two_asks(LIST, r#""before""#).await;

    way.open(false);
    pair.one_writes().await;
    let untold = pair.one.admin("/status").await.json()["cache"]["replicas"]["untold"].clone();
    pair.one.signal(Signal::Interrupt);
    until("no caller is let in any more", async || TcpStream::connect(pair.one.server).await.is_err()).await;
    way.open(true);
    pair.two_has_heard(1).await;
    let next = pair.two_asks(LIST, r#""after""#).await;

    assert_eq!((untold, next.text().as_str()), (1.into(), r#""after""#));
    assert_eq!(pair.two.metric(&source("reconnect")).await, 1.0, "it was told, and did not forget because it heard nothing");
    assert_eq!(pair.one.ended().await, Unfinished::default());
}

#[tokio::test]
async fn the_end_comes_even_if_nobody_can_be_told() {
    let mut pair = Pair::new().await;
    pair.redis.kill();
    pair.one_writes().await;

    pair.one.signal(Signal::Interrupt);

    assert_eq!(pair.one.ended().await, Unfinished::default());
}

#[tokio::test]
async fn what_another_replica_asked_before_a_write_is_neither_kept_nor_joined_after_it() {
    let mut pair = Pair::new().await;
    let mut early = pair.two.client().await;
    early.send(format!("GET {LIST} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
    let old = pair.upstream.call().await;

    pair.one_writes().await;
    pair.two_has_heard(1).await;
    let late = pair.two_asks(LIST, r#""after""#).await;
    old.answer(&ok(r#""before""#)).await;
    let early = early.answer(false).await.unwrap();
    let next = pair.two.get(LIST).await;

    assert_eq!((early.text().as_str(), late.text().as_str()), (r#""before""#, r#""after""#));
    assert_eq!((next.text().as_str(), told(&next)), (r#""after""#, "hit; ttl=30"));
}

#[tokio::test]
async fn without_redis_writes_go_on_and_entries_end_with_their_ttl() {
    let mut pair = Pair::new().await;
    pair.two_asks(LIST, r#""before""#).await;
    pair.redis.kill();

    let written = pair.one_writes().await;
    let old = pair.two.get(LIST).await;
    pair.two.clock.advance(std::time::Duration::from_secs(30));
    let ended = pair.two_asks(LIST, r#""after""#).await;

    assert_eq!(written.status, StatusCode::CREATED);
    assert_eq!((old.text().as_str(), ended.text().as_str()), (r#""before""#, r#""after""#));
    assert_eq!(pair.one.metric(&messages("late")).await, 1.0);
}

#[tokio::test]
async fn being_able_to_hear_again_invalidates_everything() {
    let mut pair = Pair::new().await;
    pair.two_asks(LIST, r#""before""#).await;
    pair.two_asks(OTHER, r#""accounts""#).await;
    pair.redis.kill();
    pair.one_writes().await;

    pair.redis.restart().await;
    pair.both_hear(2).await;
    let (list, other) = (pair.two_asks(LIST, r#""after""#).await, pair.two_asks(OTHER, r#""anew""#).await);

    assert_eq!((list.text().as_str(), other.text().as_str()), (r#""after""#, r#""anew""#));
}

#[tokio::test]
async fn nothing_stale_is_served_while_nothing_can_be_heard() {
    let mut pair = Pair::with("cache.stale_if_error = \"60s\"").await;
    pair.two_asks(LIST, r#""before""#).await;
    pair.two.clock.advance(std::time::Duration::from_secs(31));
    let failing = || answer("503 Busy", "", "{}");

    let heard = tokio::join!(pair.two.get(LIST), pair.upstream.answer(failing())).0;
    pair.redis.kill();
    pair.two.until_metric("passport_gateway_cache_invalidation_heard", 0.0).await;
    let unheard = tokio::join!(pair.two.get(LIST), pair.upstream.answer(failing())).0;

    assert_eq!((heard.status, heard.text().as_str()), (StatusCode::OK, r#""before""#));
    assert_eq!(unheard.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_write_is_answered_while_redis_does_not_answer() {
    let mut pair = Pair::new().await;
    pair.two_asks(LIST, r#""before""#).await;

    pair.redis.freeze(true);
    let written = pair.one_writes().await;
    pair.redis.freeze(false);
    pair.two_has_heard(1).await;
    let next = pair.two_asks(LIST, r#""after""#).await;

    assert_eq!((written.status, next.text().as_str()), (StatusCode::CREATED, r#""after""#));
    assert_eq!(pair.one.metric(&messages("late")).await, 1.0);
}

#[tokio::test]
async fn a_purge_reaches_all_replicas() {
    let mut pair = Pair::new().await;
    pair.two_asks(LIST, r#""before""#).await;
    pair.two_asks(OTHER, r#""accounts""#).await;

    let mut control = Client::connect(pair.one.control.unwrap()).await.with(format!("Authorization: Bearer {TOKEN}"));
    let purged = control.post("/cache/purge", r#"{"tenant":"acme","operation":"list_customers"}"#).await;
    pair.two_has_heard(1).await;
    let next = pair.two_asks(LIST, r#""after""#).await;

    assert_eq!((purged.status, next.text().as_str()), (StatusCode::OK, r#""after""#));
    assert!(told(&pair.two.get(OTHER).await).starts_with("hit"));
}

#[tokio::test]
async fn messages_name_accounts_and_operations_and_nobody() {
    let mut pair = Pair::new().await;
    let stream = TcpStream::connect(pair.redis.address).await.unwrap();
    let mut listening = BufReader::new(stream);
    listening.get_mut().write_all(b"SUBSCRIBE passport-gateway:cache-invalidation\r\n").await.unwrap();
    let mut line = String::new();
    while !line.ends_with(":1\r\n") {
        listening.read_line(&mut line).await.unwrap();
    }

    pair.one_writes().await;
    let mut message = String::new();
    while !message.contains('{') {
        message.clear();
        listening.read_line(&mut message).await.unwrap();
    }

    let message: serde_json::Value = serde_json::from_str(&message).unwrap();
    let change = &message["changes"][0]["written"];
    assert_eq!(
        (&change["account"], &change["operations"]),
        (&"acme".into(), &serde_json::json!(["list_customers", "get_customer"]))
    );
    let members: Vec<_> = message.as_object().unwrap().keys().chain(message["changes"][0].as_object().unwrap().keys()).collect();
    assert_eq!(members, ["changes", "from", "at", "written"]);
}
