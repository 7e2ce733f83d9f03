//! The audit trail: one record of every write and of every denial, and no payment without one.

use std::fs;
use std::path::Path;

use aws_lc_rs::hmac;
use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::process::Process;
use crate::support::scripted::{Scripted, answer};
use crate::support::until::until;
use crate::support::{Client, LOCAL, World, keyed};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const CONFIRM: &str = "/v1/payments/breb/confirm";
const PAYMENT: &str = r#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#;
const ANSWER: &str = r#"{"id":"5a0d8c1e-0000-4000-8000-000000000001","reference":"123456789012","updated_at":"2025-10-09T08:53:22.123Z","receiver":{"name":"Zoraida"}}"#;

mod control;
mod full;
mod stdout;

/// A trail in this folder.
fn audited(folder: &TempDir, more: &str) -> String {
    format!("audit = {{ path = \"{}\", hmac_key = \"{KEY}\" {more} }}\n", path(folder).display())
}

fn path(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("audit.jsonl")
}

/// The records, once there are so many.
async fn records(path: &Path, count: usize) -> Vec<Value> {
    let read = || fs::read_to_string(path).unwrap_or_default();
    until(&format!("{count} records"), async || read().lines().count() >= count).await;
    let records: Vec<Value> = read().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), count, "{records:#?}");
    records
}

fn digest(text: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes()), text.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_payment_is_recorded_with_who_what_and_how_it_ended_and_nothing_personal() {
    let (folder, mut upstream) = (TempDir::new().unwrap(), Scripted::start().await);
    let records_of_keys = format!("idempotency.path = \"{}\"\n", folder.path().join("keys.redb").display());
    let world = World::before(&upstream, &format!("{}{records_of_keys}{LOCAL}", audited(&folder, ""))).await;
    let client = world.client().await.with("Idempotency-Key: order-17".to_owned());
    let mut client = client.with("X-Request-Id: r-17".to_owned());

    let (answered, _) = tokio::join!(client.post(CONFIRM, PAYMENT), upstream.answer(json_ok(ANSWER)));
    assert_eq!(answered.status, StatusCode::OK);

    let record = records(&path(&folder), 1).await.remove(0);
    let time = record["time"].as_str().unwrap().to_owned();
    assert!(time.starts_with("2027-01-15T08:00:0") && time.ends_with('Z'), "{time}");
    assert_eq!(
        record,
        json!({
            "time": time, "event": "write", "request_id": "r-17", "tenant": "acme", "caller": "local",
            "operation": "confirm_breb_payment", "effect": "money", "scope": record["scope"],
            "status": 200, "outcome": "ok", "idempotency": "forwarded", "attempts": 1,
            "idempotency_key_hmac": digest("order-17"), "body_hmac": digest(PAYMENT),
            "id": "5a0d8c1e-0000-4000-8000-000000000001", "reference": "123456789012", "updated_at": "2025-10-09T08:53:22.123Z",
        })
    );
    assert!(record["scope"].as_str().unwrap().starts_with("paas.core."), "{record}");
    let written = fs::read_to_string(path(&folder)).unwrap();
    for personal in ["Zoraida", "order-17", "sandbox-secret"] {
        assert!(!written.contains(personal), "{written}");
    }
}

#[tokio::test]
async fn a_repetition_has_a_record_of_its_own_that_says_so() {
    let (folder, mut upstream) = (TempDir::new().unwrap(), Scripted::start().await);
    let records_of_keys = format!("idempotency.path = \"{}\"\n", folder.path().join("keys.redb").display());
    let world = World::before(&upstream, &format!("{}{records_of_keys}{LOCAL}", audited(&folder, ""))).await;
    let mut client = world.client().await.with("Idempotency-Key: order-18".to_owned());

    let (_, _) = tokio::join!(client.post(CONFIRM, PAYMENT), upstream.answer(json_ok(ANSWER)));
    client.post(CONFIRM, PAYMENT).await;

    let records = records(&path(&folder), 2).await;
    let of = |member: &str| records.iter().map(|record| record[member].clone()).collect::<Vec<_>>();
    assert_eq!(of("idempotency"), ["forwarded", "replayed"]);
    assert_eq!(of("attempts"), [1, 0]);
    assert_eq!(of("reference"), ["123456789012", "123456789012"]);
}

#[tokio::test]
async fn each_denial_is_recorded_with_as_much_as_is_known_of_who_it_was() {
    let folder = TempDir::new().unwrap();
    let (key, lines) = keyed("\"paas.core.accounts.list.get\"");
    let world = World::with(&format!("{}{lines}", audited(&folder, ""))).await;

    world.get("/v1/accounts").await;
    world.client().await.with(format!("Authorization: Bearer {key}x")).get("/v1/accounts").await;
    world.client().await.with(format!("Authorization: Bearer {key}")).get("/v1/customers").await;
    world.client().await.with(format!("Authorization: Bearer {key}")).get("/v1/accounts").await;

    let records = records(&path(&folder), 3).await;
    let told: Vec<_> = records
        .iter()
        .map(|record| {
            let text = |member: &str| record[member].as_str().unwrap_or("-").to_owned();
            (
                text("event"),
                text("outcome"),
                record["status"].as_u64().unwrap(),
                text("tenant"),
                text("caller"),
                text("operation"),
            )
        })
        .collect();
    let told_of = |outcome: &str, status, tenant: &str, caller: &str, operation: &str| {
        let text = ToOwned::to_owned;
        (text("denial"), text(outcome), status, text(tenant), text(caller), text(operation))
    };
    assert_eq!(
        told,
        [
            told_of("missing-credential", 401, "-", "-", "list_accounts"),
            told_of("invalid-credential", 401, "-", "-", "list_accounts"),
            told_of("insufficient-scope", 403, "acme", "orders-app", "list_customers"),
        ]
    );
    assert_eq!(records[2]["scope"], "paas.core.entity_customers.list.get");
    assert!(!fs::read_to_string(path(&folder)).unwrap().contains(&key));
}

#[tokio::test]
async fn a_write_that_is_refused_or_fails_has_one_record_that_says_why() {
    let (folder, mut upstream) = (TempDir::new().unwrap(), Scripted::start().await);
    let world = World::before(&upstream, &format!("{}{LOCAL}", audited(&folder, ""))).await;
    let mut client = world.client().await;

    client.post(CONFIRM, r#"{"id":7}"#).await;
    let (_, _) = tokio::join!(client.post(CONFIRM, PAYMENT), upstream.answer(answer("500 Internal Server Error", "", "{}")));
    let (_, ()) = tokio::join!(client.post(CONFIRM, PAYMENT), async { upstream.call().await.reset() });

    let records = records(&path(&folder), 3).await;
    let told: Vec<_> = records.iter().map(|record| (record["status"].as_u64(), record["outcome"].as_str().unwrap())).collect();
    assert_eq!(told, [(Some(400), "invalid-request"), (Some(500), "upstream_5xx"), (Some(502), "upstream-unreachable")]);
    assert!(records.iter().all(|record| record["event"] == "write" && record["effect"] == "money"), "{records:#?}");
}

#[tokio::test]
async fn a_write_whose_caller_left_is_recorded_with_its_own_end() {
    let (folder, mut upstream) = (TempDir::new().unwrap(), Scripted::start().await);
    let world = World::before(&upstream, &format!("{}{LOCAL}", audited(&folder, ""))).await;
    let mut client = world.client().await;
    let head = format!("POST {CONFIRM} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    client.send(format!("{head}Content-Length: {}\r\n\r\n{PAYMENT}", PAYMENT.len()).as_bytes()).await;
    let call = upstream.call().await;

    drop(client);
    world.until_metric("passport_gateway_connections", 0.0).await;
    call.answer(&json_ok(ANSWER)).await;

    let record = records(&path(&folder), 1).await.remove(0);
    assert_eq!((record["status"].as_u64(), record["outcome"].as_str()), (Some(200), Some("ok")));
    assert_eq!(record["reference"], "123456789012", "what Passport answered is known though nobody took it");
}

#[tokio::test]
async fn a_read_that_succeeds_is_none_of_the_trails_business() {
    let folder = TempDir::new().unwrap();
    let world = World::with(&format!("{}{LOCAL}", audited(&folder, ""))).await;

    world.get("/v1/accounts").await;
    world.post("/v1/keys", "{}").await;

    let record = records(&path(&folder), 1).await.remove(0);
    assert_eq!(record["operation"], "create_key");
}

#[tokio::test]
async fn a_file_that_is_moved_away_is_opened_anew_on_a_signal_too_and_the_end_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let places = "server.listen = [\"127.0.0.1:0\"]\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\n\
                  passport = { environment = \"custom\", base_url = \"http://127.0.0.1:9\" }\n";
    let process = Process::run(&format!("{places}{}{LOCAL}", audited(&folder, ""))).await;
    let write = async || Client::connect(process.server).await.post("/v1/keys", "{}").await;

    write().await;
    records(&path(&folder), 1).await;
    let moved = folder.path().join("audit.jsonl.1");
    fs::rename(path(&folder), &moved).unwrap();
    process.signal("USR1");
    write().await;
    records(&path(&folder), 1).await;
    write().await;
    let (code, log) = process.end().await;

    assert_eq!(code, Some(0), "{log}");
    assert_eq!(records(&moved, 1).await.len(), 1);
    records(&path(&folder), 2).await;
}

fn json_ok(body: &str) -> String {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}
