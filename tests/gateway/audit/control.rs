//! Calls to the control listener are recorded, refused ones included.

use std::net::SocketAddr;

use super::*;

const TOKEN: &str = "a-token-of-more-than-16-bytes";

/// A control listener on loopback, and a trail in this folder.
fn watched(folder: &TempDir) -> String {
    format!("control = {{ listen = \"127.0.0.1:0\", token = \"{TOKEN}\" }}\n{}", audited(folder, ""))
}

async fn owner(listener: SocketAddr) -> Client {
    Client::connect(listener).await.with(format!("Authorization: Bearer {TOKEN}"))
}

/// What records say was called, how that ended and what it changed.
fn told(records: &[Value]) -> Vec<(&str, u64, &str, Option<&str>)> {
    records.iter().map(called).collect()
}

fn called(record: &Value) -> (&str, u64, &str, Option<&str>) {
    let text = |member: &str| record[member].as_str();
    (text("operation").unwrap(), record["status"].as_u64().unwrap(), text("outcome").unwrap(), text("change"))
}

#[tokio::test]
async fn every_call_is_recorded_with_what_it_changed_or_why_it_did_not() {
    let folder = TempDir::new().unwrap();
    let world = World::with(&format!("{}{LOCAL}", watched(&folder))).await;
    let listener = world.control.unwrap();

    Client::connect(listener).await.post("/cache/purge", "{}").await;
    let mut owner = owner(listener).await;
    owner.post("/cache/purge", r#"{"tenant":"acme"}"#).await;
    owner.post("/reload", "{}").await;
    owner.post("/nothing", "{}").await;

    let records = records(&path(&folder), 4).await;
    assert_eq!(
        told(&records),
        [
            ("/cache/purge", 401, "missing-credential", None),
            ("/cache/purge", 200, "ok", Some("purged 0 entries; tenant: acme, operation: all")),
            ("/reload", 503, "operation-unavailable", None),
            ("unmatched", 404, "unknown-operation", None),
        ]
    );
    assert!(records.iter().all(|record| record["event"] == "control" && record["peer"] == "127.0.0.1"), "{records:#?}");
    assert!(!fs::read_to_string(path(&folder)).unwrap().contains(TOKEN));
}

#[tokio::test]
async fn an_operators_word_is_recorded_with_the_digest_of_the_key_that_the_payment_has() {
    let (folder, mut upstream) = (TempDir::new().unwrap(), Scripted::start().await);
    let records_of_keys = format!("idempotency.path = \"{}\"\n", folder.path().join("keys.redb").display());
    let world = World::before(&upstream, &format!("{}{records_of_keys}{LOCAL}", watched(&folder))).await;
    for key in ["cedula-1020304050", "\"order-7\""] {
        let mut client = world.client().await.with(format!("Idempotency-Key: {key}"));
        tokio::join!(client.post(CONFIRM, PAYMENT), async { upstream.call().await.reset() });
    }

    let mut owner = owner(world.control.unwrap()).await;
    for (tenant, key, word) in [
        ("acme", "cedula-1020304050", "done"),
        ("acme", "cedula-1020304050", "free"),
        ("acme", "\"order-7\"", "free"),
        ("acme", "order-7", "free"),
        ("nobody", "order-7", "free"),
        ("acme", "two, keys", "free"),
        ("acme", "order-7", "lost"),
    ] {
        owner.post("/idempotency/resolve", &json!({ "tenant": tenant, "key": key, "as": word }).to_string()).await;
    }

    let records = records(&path(&folder), 9).await;
    let (writes, calls) = records.split_at(2);
    let route = "/idempotency/resolve";
    assert_eq!(
        told(calls),
        [
            (route, 200, "ok", Some("a key of tenant acme resolved as done")),
            (route, 409, "outcome-known", None),
            (route, 200, "ok", Some("a key of tenant acme resolved as free")),
            (route, 404, "unknown-record", None),
            (route, 404, "unknown-record", None),
            (route, 400, "invalid-request", None),
            (route, 400, "invalid-request", None),
        ]
    );
    let digests = |records: &[Value]| records.iter().map(|record| record["idempotency_key_hmac"].clone()).collect::<Vec<_>>();
    let expected = [json!(digest("cedula-1020304050")), json!(digest("order-7"))];
    assert_eq!(digests(writes), expected);
    assert_eq!([calls[0]["idempotency_key_hmac"].clone(), calls[2]["idempotency_key_hmac"].clone()], expected);
    let written = fs::read_to_string(path(&folder)).unwrap();
    assert!(["cedula", "order-7", TOKEN].iter().all(|secret| !written.contains(secret)), "{written}");
}

#[tokio::test]
async fn a_log_that_is_silenced_leaves_a_record_of_who_did_it() {
    let folder = TempDir::new().unwrap();
    let places = "server.listen = [\"127.0.0.1:0\"]\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\n\
                  passport = { environment = \"custom\", base_url = \"http://127.0.0.1:9\" }\n";
    let process = Process::run(&format!("{places}{}{LOCAL}", watched(&folder))).await;
    let addresses: toml::Table = process.ready.parse().unwrap();
    let listener = addresses["control"].as_str().unwrap().parse().unwrap();

    let mut owner = owner(listener).await.with("X-Request-Id: r-1");
    owner.post("/log-level", r#"{"level":"off"}"#).await;
    owner.post("/log-level", r#"{"level":"loud=quiet"}"#).await;
    owner.post("/log-level", r#"{"level":"info","why":"curious"}"#).await;
    Client::connect(listener).await.post("/log-level", r#"{"level":"info"}"#).await;
    let (code, log) = process.end().await;

    assert_eq!(code, Some(0), "{log}");
    let records = records(&path(&folder), 4).await;
    assert_eq!(
        told(&records),
        [
            ("/log-level", 200, "ok", Some("level off")),
            ("/log-level", 400, "invalid-request", None),
            ("/log-level", 400, "invalid-request", None),
            ("/log-level", 401, "missing-credential", None),
        ]
    );
    assert!(records.iter().all(|record| record["event"] == "control" && record["peer"] == "127.0.0.1"), "{records:#?}");
    assert_eq!((&records[0]["request_id"], &records[0]["idempotency_key_hmac"]), (&json!("r-1"), &Value::Null));
    assert!(!log.contains(r#""route":"/log-level""#), "the log was silent: {log}");
}
