//! At most one forward per key, through the whole gateway.

use http::StatusCode;
use passport_gateway::server::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::scripted::{Scripted, answer, ok};
use crate::support::{Answer, Client, LOCAL, World};

mod kills;
mod replicas;

const PAY: &str = "/v1/payments/breb/confirm";
const PAYMENT: &str = r#"{"id":"6c23f053-0e1a-46b4-b902-97ba47e351bc"}"#;

/// Lines of a configuration that keeps records in this folder.
fn records(folder: &TempDir) -> String {
    format!("idempotency.path = \"{}/records.redb\"\nidempotency.forward_header = \"x-key\"\n", folder.path().display())
}

/// A gateway with records, before an upstream that the test plays.
async fn gateway(upstream: &Scripted, folder: &TempDir, lines: &str) -> World {
    World::before(upstream, &format!("{}{lines}\n{LOCAL}", records(folder))).await
}

async fn pay(world: &World, key: &str) -> Answer {
    world.client().await.with(format!("Idempotency-Key: {key}")).post(PAY, PAYMENT).await
}

/// A caller whose payment is at Passport.
async fn paying(world: &World, key: &str) -> Client {
    let mut client = world.client().await;
    let head = format!("POST {PAY} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n");
    client.send(format!("{head}Content-Length: {}\r\n\r\n{PAYMENT}", PAYMENT.len()).as_bytes()).await;
    client
}

#[tokio::test]
async fn a_payment_is_made_once_and_its_answer_repeated_even_after_a_restart() {
    let (mut upstream, folder) = (Scripted::start().await, TempDir::new().unwrap());
    let world = gateway(&upstream, &folder, "").await;

    let (first, head) = tokio::join!(pay(&world, "order-1"), upstream.answer(ok(r#"{"id":"1"}"#)));
    let again = pay(&world, "\"order-1\"").await;
    world.signal(Signal::Interrupt);
    world.ended().await;
    let restarted = gateway(&upstream, &folder, "").await;
    let later = pay(&restarted, "order-1").await;

    assert!(head.contains("x-key: order-1"), "{head}");
    assert_eq!((first.status, first.text().as_str(), first.field("idempotent-replayed")), (StatusCode::OK, r#"{"id":"1"}"#, ""));
    for repeated in [again, later] {
        assert_eq!((repeated.status, repeated.text().as_str()), (StatusCode::OK, r#"{"id":"1"}"#));
        assert_eq!(repeated.field("idempotent-replayed"), "true");
        assert_eq!(repeated.field("content-type"), "application/json");
    }
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn without_a_key_or_with_another_body_nothing_is_paid() {
    let (mut upstream, folder) = (Scripted::start().await, TempDir::new().unwrap());
    let world = gateway(&upstream, &folder, "").await;
    let (_, _) = tokio::join!(pay(&world, "k"), upstream.answer(ok("{}")));

    let missing = world.post(PAY, PAYMENT).await;
    let other = r#"{"id":"7c23f053-0e1a-46b4-b902-97ba47e351bc"}"#;
    let mismatch = world.client().await.with("Idempotency-Key: k").post(PAY, other).await;
    let two = world.client().await.with("Idempotency-Key: k").with("Idempotency-Key: k").post(PAY, PAYMENT).await;

    assert_eq!((missing.status.as_u16(), missing.problem().as_str()), (400, "idempotency-key-missing"));
    assert_eq!((mismatch.status.as_u16(), mismatch.problem().as_str()), (422, "idempotency-mismatch"));
    assert_eq!((two.status.as_u16(), two.problem().as_str()), (400, "malformed-request"));
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn a_thousand_callers_with_one_key_make_one_payment() {
    for wait in ["0s", "10s"] {
        let (mut upstream, folder) = (Scripted::start().await, TempDir::new().unwrap());
        let world = gateway(&upstream, &folder, &format!("idempotency.wait = \"{wait}\"")).await;
        let mut callers = JoinSet::new();
        for _ in 0..1000 {
            let mut client = world.client().await.with("Idempotency-Key: k");
            callers.spawn(async move {
                loop {
                    let answer = client.post(PAY, PAYMENT).await;
                    if answer.problem() != "idempotency-in-flight" {
                        return (answer.status.as_u16(), answer.text());
                    }
                    assert!(answer.field("retry-after").parse::<u64>().unwrap() >= 1);
                    tokio::task::yield_now().await;
                }
            });
        }

        upstream.answer(ok(r#"{"id":"1"}"#)).await;
        let answers = callers.join_all().await;

        assert!(answers.iter().all(|answer| *answer == (200, r#"{"id":"1"}"#.to_owned())), "{wait}");
        assert_eq!(answers.len(), 1000);
        assert!(!upstream.is_asked(), "{wait}");
    }
}

#[tokio::test]
async fn a_payment_that_got_lost_is_unknown_until_an_operator_knows() {
    let (mut upstream, folder) = (Scripted::start().await, TempDir::new().unwrap());
    let control = format!("unix:{}", folder.path().join("control.sock").display());
    let world = gateway(&upstream, &folder, &format!("control.listen = {control:?}")).await;
    for key in ["happened", "never"] {
        let (lost, ()) = tokio::join!(pay(&world, key), async { upstream.call().await.reset() });
        assert_eq!(lost.status, StatusCode::BAD_GATEWAY);
    }

    let unknown = pay(&world, "happened").await;
    let problem = unknown.json();
    assert_eq!((unknown.status.as_u16(), unknown.problem().as_str()), (409, "outcome-unknown"));
    assert_eq!(problem["operation"], "confirm_breb_payment");
    assert_eq!(problem["since"], "2027-01-15T08:00:00Z");
    assert_eq!(problem["happened"], Value::Null);
    assert!(
        problem["look_up"].as_str().unwrap().starts_with("GET /v1/payments?created_at_after.seconds=1799999700&"),
        "{problem}"
    );
    let status = world.admin("/status").await.json();
    assert_eq!((status["idempotency"]["unknown"].as_u64(), status["idempotency"]["condition"].as_str()), (Some(2), Some("open")));
    assert_eq!(world.metric("passport_gateway_idempotency_records_kept{state=\"unknown\"}").await, 2.0);

    let socket = folder.path().join("control.sock");
    for (key, word, expected) in
        [("happened", "done", 200), ("never", "free", 200), ("never", "free", 404), ("happened", "free", 409)]
    {
        let order = json!({ "tenant": "acme", "key": key, "as": word }).to_string();
        assert_eq!(resolve(&socket, &order).await, expected, "{key} {word}");
    }

    let resolved = pay(&world, "happened").await;
    assert_eq!((resolved.problem().as_str(), &resolved.json()["happened"]), ("outcome-unknown", &Value::Bool(true)));
    let (paid, _) = tokio::join!(pay(&world, "never"), upstream.answer(ok("{}")));
    assert_eq!(paid.status, StatusCode::OK);
}

/// The status that the control listener answers.
async fn resolve(socket: &std::path::Path, order: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
    let head = "POST /idempotency/resolve HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{order}", order.len()).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_caller_that_hangs_up_finds_the_answer_when_it_comes_back() {
    let (mut upstream, folder) = (Scripted::start().await, TempDir::new().unwrap());
    let world = gateway(&upstream, &folder, "").await;
    let client = paying(&world, "k").await;
    let call = upstream.call().await;

    drop(client);
    world.until_metric("passport_gateway_requests_in_flight", 0.0).await;
    assert_eq!(pay(&world, "k").await.problem(), "idempotency-in-flight");
    call.answer(&ok(r#"{"id":"1"}"#)).await;

    world.until_metric("passport_gateway_idempotency_records_kept{state=\"done\"}", 1.0).await;
    assert_eq!(pay(&world, "k").await.text(), r#"{"id":"1"}"#);
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn what_passport_did_not_do_may_be_asked_again() {
    let (mut upstream, folder) = (Scripted::start().await, TempDir::new().unwrap());
    let world = gateway(&upstream, &folder, "").await;
    for status in ["429 Too Many Requests", "401 Unauthorized"] {
        let (refused, _) = tokio::join!(pay(&world, "k"), upstream.answer(answer(status, "", "")));
        assert!(matches!(refused.status.as_u16(), 429 | 502 | 503), "{refused:?}");
    }

    let (failed, _) = tokio::join!(pay(&world, "k"), upstream.answer(answer("503 Service Unavailable", "", "")));
    let again = pay(&world, "k").await;

    assert_eq!((failed.status, failed.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, ""));
    assert_eq!(again.problem(), "outcome-unknown");
}

#[tokio::test]
async fn an_end_that_cuts_a_payment_leaves_it_unknown() {
    let (mut upstream, folder) = (Scripted::start().await, TempDir::new().unwrap());
    let world = gateway(&upstream, &folder, "").await;
    let _client = paying(&world, "k").await;
    let call = upstream.call().await;

    world.signal(Signal::Terminate);
    world.signal(Signal::Now);
    world.ended().await;
    drop(call);

    let restarted = gateway(&upstream, &folder, "").await;
    assert_eq!(pay(&restarted, "k").await.problem(), "outcome-unknown");
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn a_second_gateway_on_the_same_file_is_not_ready_until_it_has_it() {
    let (mut upstream, folder) = (Scripted::start().await, TempDir::new().unwrap());
    let first = gateway(&upstream, &folder, "").await;
    let second = gateway(&upstream, &folder, "").await;

    let refused = pay(&second, "k").await;
    let ready = second.admin("/readyz?verbose").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (503, "idempotency-unavailable"));
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().contains("idempotency records"), "{}", ready.text());

    first.signal(Signal::Interrupt);
    first.ended().await;
    crate::support::until::until("the file is free", async || second.admin("/readyz").await.status == StatusCode::OK).await;
    let (paid, _) = tokio::join!(pay(&second, "k"), upstream.answer(ok("{}")));
    assert_eq!(paid.status, StatusCode::OK);
}

#[tokio::test]
async fn neither_log_nor_file_tells_a_key() {
    let (mut upstream, folder) = (Scripted::start().await, TempDir::new().unwrap());
    let world = gateway(&upstream, &folder, "").await;
    let (_, _) = tokio::join!(pay(&world, "customer-900123456"), upstream.answer(ok("{}")));
    world.signal(Signal::Interrupt);
    world.ended().await;

    let file = std::fs::read(folder.path().join("records.redb")).unwrap();

    assert!(!file.windows(9).any(|window| window == b"900123456"));
}
