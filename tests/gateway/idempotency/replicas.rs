//! Replicas that keep records in one real Redis: at most one forward per key of all of them together, whatever becomes of Redis.

use std::time::Duration;

use http::StatusCode;
use passport_gateway::server::Signal;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{PAY, PAYMENT, pay, paying, resolve};
use crate::support::redis::{Options, Redis};
use crate::support::scripted::{Scripted, ok};
use crate::support::until::until;
use crate::support::{Answer, LOCAL, World};

mod lossy;
mod stores;

const CUSTOMER: &str = r#"{"type":"BUSINESS","business_name":"A","email":"a@example.com","mobile_phone_number":"+573402977997","identification_type":"NIT","identification_number":"901234567"}"#;

/// A Redis that keeps what it acknowledged.
async fn durable() -> Redis {
    Redis::with(Options { durable: true, ..Options::default() }).await
}

/// A gateway that keeps records in this Redis, before an upstream that the test plays.
async fn replica(upstream: &Scripted, redis: &Redis, lines: &str) -> World {
    let lines = format!("{}idempotency.forward_header = \"x-key\"\n{lines}\n{LOCAL}", redis.configuration());
    World::before(upstream, &lines).await
}

async fn condition(world: &World) -> (String, String) {
    let told = world.admin("/status").await.json()["idempotency"].clone();
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    (text("condition"), text("failure"))
}

#[tokio::test]
async fn what_was_paid_at_one_is_repeated_by_the_other_and_after_restarts() {
    let (mut upstream, mut redis) = (Scripted::start().await, durable().await);
    let (one, other) = (replica(&upstream, &redis, "").await, replica(&upstream, &redis, "").await);

    let (first, head) = tokio::join!(pay(&one, "order-1"), upstream.answer(ok(r#"{"id":"1"}"#)));
    let again = pay(&other, "\"order-1\"").await;
    one.signal(Signal::Interrupt);
    one.ended().await;
    redis.restart().await;
    let restarted = replica(&upstream, &redis, "").await;
    let later = pay(&restarted, "order-1").await;

    assert!(head.contains("x-key: order-1"), "{head}");
    assert_eq!((first.status, first.text().as_str(), first.field("idempotent-replayed")), (StatusCode::OK, r#"{"id":"1"}"#, ""));
    for repeated in [again, later] {
        assert_eq!((repeated.status, repeated.text().as_str()), (StatusCode::OK, r#"{"id":"1"}"#));
        assert_eq!((repeated.field("idempotent-replayed"), repeated.field("content-type")), ("true", "application/json"));
    }
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn while_one_pays_the_other_does_not_and_another_body_is_refused_everywhere() {
    let (mut upstream, redis) = (Scripted::start().await, durable().await);
    let (one, other) = (replica(&upstream, &redis, "").await, replica(&upstream, &redis, "").await);
    let _client = paying(&one, "k").await;
    let call = upstream.call().await;

    let meanwhile = pay(&other, "k").await;
    let body = r#"{"id":"7c23f053-0e1a-46b4-b902-97ba47e351bc"}"#;
    let mismatch = other.client().await.with("Idempotency-Key: k").post(PAY, body).await;
    call.answer(&ok(r#"{"id":"1"}"#)).await;

    assert_eq!((meanwhile.problem().as_str(), mismatch.problem().as_str()), ("idempotency-in-flight", "idempotency-mismatch"));
    until("it is done", async || pay(&other, "k").await.text() == r#"{"id":"1"}"#).await;
    assert!(!upstream.is_asked());
}

/// Asks until there is an answer that says what became of the payment.
async fn told(mut client: crate::support::Client) -> (u16, String) {
    loop {
        let answer: Answer = client.post(PAY, PAYMENT).await;
        match answer.problem().as_str() {
            "idempotency-in-flight" | "idempotency-unavailable" => {
                assert!(answer.field("retry-after").parse::<u64>().unwrap() >= 1);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            _ => return (answer.status.as_u16(), answer.text()),
        }
    }
}

#[tokio::test]
async fn a_thousand_callers_of_two_gateways_make_one_payment_though_redis_is_restarted_meanwhile() {
    let (mut upstream, mut redis) = (Scripted::start().await, durable().await);
    let lease = "idempotency.lease = \"5m\"";
    let worlds = [replica(&upstream, &redis, lease).await, replica(&upstream, &redis, lease).await];
    let mut callers = JoinSet::new();
    for at in 0..1000 {
        callers.spawn(told(worlds[at % 2].client().await.with("Idempotency-Key: k")));
    }

    let call = upstream.call().await;
    redis.restart().await;
    call.answer(&ok(r#"{"id":"1"}"#)).await;
    let answers = callers.join_all().await;

    assert_eq!(answers.len(), 1000);
    assert!(answers.iter().all(|answer| *answer == (200, r#"{"id":"1"}"#.to_owned())), "{answers:?}");
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn without_redis_no_payment_is_made_and_other_writes_as_the_operator_likes() {
    for when_unavailable in ["refuse", "forward"] {
        let (mut upstream, mut redis) = (Scripted::start().await, durable().await);
        let lines = format!("idempotency.when_unavailable = \"{when_unavailable}\"");
        let world = replica(&upstream, &redis, &lines).await;
        let (paid, _) = tokio::join!(pay(&world, "before"), upstream.answer(ok("{}")));
        assert_eq!(paid.status, StatusCode::OK);
        redis.kill();

        let refused = pay(&world, "k").await;
        let mut client = world.client().await.with("Idempotency-Key: k");
        let made = async {
            if when_unavailable == "forward" {
                upstream.answer(ok("{}")).await;
            }
        };
        let (customer, ()) = tokio::join!(client.post("/v1/customers", CUSTOMER), made);

        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (503, "idempotency-unavailable"));
        let expected = if when_unavailable == "forward" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        assert_eq!(customer.status, expected, "{when_unavailable}");
        assert_eq!(world.admin("/readyz").await.status, StatusCode::OK);
        assert!(!upstream.is_asked());

        redis.restart().await;
        until("it is found again", async || condition(&world).await.0 == "open").await;
        assert_eq!(pay(&world, "before").await.field("idempotent-replayed"), "true");
        let (paid, _) = tokio::join!(pay(&world, "k"), upstream.answer(ok("{}")));
        assert_eq!(paid.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_redis_that_may_forget_what_it_acknowledged_is_not_trusted() {
    for (option, value, remedy) in [
        ("appendonly", "no", "set `appendonly yes`"),
        ("appendfsync", "everysec", "set `appendfsync always`"),
        ("no-appendfsync-on-rewrite", "yes", "set `no-appendfsync-on-rewrite no`"),
        ("maxmemory-policy", "allkeys-lru", "set `maxmemory-policy noeviction`"),
    ] {
        let (mut upstream, redis) = (Scripted::start().await, durable().await);
        assert_eq!(redis.ask(&format!("CONFIG SET {option} {value}")).await, "+OK");
        let world = replica(&upstream, &redis, "").await;

        let refused = pay(&world, "k").await;

        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (503, "idempotency-unavailable"), "{option}");
        let (condition, failure) = condition(&world).await;
        assert!(condition == "failing" && failure.contains(&format!("`{option}` is `{value}`, {remedy}")), "{failure}");
        assert!(!upstream.is_asked());
    }
}

#[tokio::test]
async fn one_that_does_not_tell_how_it_keeps_what_it_acknowledged_is_taken_at_its_operators_word() {
    let (mut upstream, redis) = (Scripted::start().await, durable().await);
    assert_eq!(redis.ask("ACL SETUSER default -config").await, "+OK");
    let world = replica(&upstream, &redis, "").await;

    let (paid, _) = tokio::join!(pay(&world, "k"), upstream.answer(ok("{}")));

    assert_eq!(paid.status, StatusCode::OK);
}

#[tokio::test]
async fn another_encryption_key_is_told_and_refused() {
    let key = |digit: &str| format!("idempotency.encryption_key = \"{}\"", digit.repeat(32));
    let (mut upstream, redis) = (Scripted::start().await, durable().await);
    let one = replica(&upstream, &redis, &key("1")).await;
    let (_, _) = tokio::join!(pay(&one, "k"), upstream.answer(ok("{}")));

    for lines in [key("2"), String::new()] {
        let other = replica(&upstream, &redis, &lines).await;
        let refused = pay(&other, "k").await;

        assert_eq!(refused.problem(), "idempotency-unavailable");
        let (_, failure) = condition(&other).await;
        assert!(failure.contains("were written with another encryption key"), "{failure}");
    }
    let same = replica(&upstream, &redis, &key("1")).await;
    assert_eq!(pay(&same, "k").await.field("idempotent-replayed"), "true");
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn redis_is_shown_no_key_and_with_encryption_no_answer_and_lets_go_of_records_by_itself() {
    for encryption_key in ["", "idempotency.encryption_key = \"0123456789abcdef0123456789abcdef\""] {
        let (mut upstream, redis) = (Scripted::start().await, durable().await);
        let world = replica(&upstream, &redis, encryption_key).await;
        let (_, _) = tokio::join!(pay(&world, "customer-900123456"), upstream.answer(ok(r#"{"name":"Ana"}"#)));

        let names = redis.ask("KEYS *idempotency:record:*").await;
        let name = names.lines().find(|line| line.contains("idempotency:record:")).unwrap().trim().to_owned();
        let life: u64 = redis.ask(&format!("PTTL {name}")).await.trim_start_matches(':').parse().unwrap();

        assert!(name.starts_with("passport-gateway:idempotency:record:") && !redis.holds("900123456"), "{name}");
        assert_eq!(redis.holds("eyJuYW1lIjoiQW5hIn0"), encryption_key.is_empty(), "an answer, in base64");
        assert_eq!(redis.holds("confirm_breb"), encryption_key.is_empty());
        assert!((86_000_000..=86_400_000).contains(&life), "{life} ms");
    }
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_loaded_again() {
    let (mut upstream, redis) = (Scripted::start().await, durable().await);
    let world = replica(&upstream, &redis, "").await;
    let _client = paying(&world, "k").await;
    let call = upstream.call().await;

    assert_eq!(redis.ask("SCRIPT FLUSH").await, "+OK");
    call.answer(&ok(r#"{"id":"1"}"#)).await;

    until("it is done", async || pay(&world, "k").await.text() == r#"{"id":"1"}"#).await;
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn what_was_lost_at_one_is_resolved_at_the_other() {
    let (mut upstream, redis, folder) = (Scripted::start().await, durable().await, TempDir::new().unwrap());
    let socket = folder.path().join("control.sock");
    let one = replica(&upstream, &redis, "").await;
    let other = replica(&upstream, &redis, &format!("control.listen = \"unix:{}\"", socket.display())).await;
    for key in ["happened", "never"] {
        let (lost, ()) = tokio::join!(pay(&one, key), async { upstream.call().await.reset() });
        assert_eq!(lost.status, StatusCode::BAD_GATEWAY);
        assert_eq!(pay(&other, key).await.problem(), "outcome-unknown");
    }
    assert_eq!(other.admin("/status").await.json()["idempotency"]["unknown"], 2);

    for (key, word, expected) in
        [("happened", "done", 200), ("never", "free", 200), ("never", "free", 404), ("happened", "free", 409)]
    {
        let order = json!({ "tenant": "acme", "key": key, "as": word }).to_string();
        assert_eq!(resolve(&socket, &order).await, expected, "{key} {word}");
    }

    let resolved = pay(&one, "happened").await;
    assert_eq!((resolved.problem().as_str(), &resolved.json()["happened"]), ("outcome-unknown", &json!(true)));
    let (paid, _) = tokio::join!(pay(&one, "never"), upstream.answer(ok("{}")));
    assert_eq!(paid.status, StatusCode::OK);
}

#[tokio::test]
async fn a_payment_that_takes_longer_than_a_lease_stays_its_owners() {
    let (mut upstream, redis) = (Scripted::start().await, durable().await);
    let lease = "idempotency.lease = \"1s\"\npassport.timeout = \"18s\"";
    let (one, other) = (replica(&upstream, &redis, lease).await, replica(&upstream, &redis, lease).await);
    let _client = paying(&one, "k").await;
    let call = upstream.call().await;
    let lease = async || redis.ask("ZRANGE passport-gateway:idempotency:in-flight 0 0 WITHSCORES").await;
    let first = lease().await;

    let mut renewals = 0;
    let mut last = first;
    until("the lease was renewed five times", async || {
        let now = lease().await;
        renewals += usize::from(now != last);
        last = now;
        renewals == 5
    })
    .await;

    assert_eq!(pay(&other, "k").await.problem(), "idempotency-in-flight");
    call.answer(&ok("{}")).await;
    until("it is done", async || pay(&other, "k").await.status == StatusCode::OK).await;
}
