//! Calls to the control listener are recorded, refused ones included.

use super::*;

const TOKEN: &str = "a-token-of-more-than-16-bytes";

#[tokio::test]
async fn every_call_is_recorded_with_what_it_changed_or_why_it_did_not() {
    let folder = TempDir::new().unwrap();
    let control = format!("control = {{ listen = \"127.0.0.1:0\", token = \"{TOKEN}\" }}\n");
    let world = World::with(&format!("{control}{}{LOCAL}", audited(&folder, ""))).await;
    let listener = world.control.unwrap();

    Client::connect(listener).await.post("/cache/purge", "{}").await;
    let mut owner = Client::connect(listener).await.with(format!("Authorization: Bearer {TOKEN}"));
    owner.post("/cache/purge", r#"{"tenant":"acme"}"#).await;
    owner.post("/reload", "{}").await;
    owner.post("/nothing", "{}").await;

    let records = records(&path(&folder), 4).await;
    let told: Vec<_> = records
        .iter()
        .map(|record| {
            (record["operation"].as_str().unwrap(), record["status"].as_u64().unwrap(), record["outcome"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("/cache/purge", 401, "missing-credential"),
            ("/cache/purge", 200, "ok"),
            ("/reload", 503, "operation-unavailable"),
            ("unmatched", 404, "unknown-operation"),
        ]
    );
    assert_eq!(records[1]["change"], "purged 0 entries; tenant: acme, operation: all");
    assert!(records.iter().all(|record| record["event"] == "control" && record["peer"] == "127.0.0.1"), "{records:#?}");
    assert!(!fs::read_to_string(path(&folder)).unwrap().contains(TOKEN));
}
