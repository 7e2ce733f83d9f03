//! A configuration that cannot be applied changes nothing, and says why.

use http::StatusCode;

use super::acme;
use crate::support::filed::Filed;

const APPLIED: &str = "passport_gateway_config_last_reload_successful";
const SINCE: &str = "passport_gateway_config_last_reload_success_timestamp_seconds";

#[tokio::test]
async fn a_bad_file_changes_nothing_and_every_fault_is_told() {
    let filed = Filed::with(&acme("", "")).await;
    let since = filed.world.metric(SINCE).await;

    filed.rewrite(&acme("rate_limt = 3", "[validation]\ndocumented = \"perhaps\"\n")).await;

    assert_eq!(filed.world.get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!(filed.world.metric("passport_gateway_config_reloads_total{result=\"failed\"}").await, 1.0);
    assert_eq!((filed.world.metric(APPLIED).await, filed.world.metric(SINCE).await), (0.0, since));
    let last = filed.last_reload().await;
    assert_eq!(last["applied"], false);
    let faults = last["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 2, "{last}");
    assert!(faults[0].as_str().unwrap().contains("did you mean `rate_limit`?"), "{last}");
    assert!(faults[1].as_str().unwrap().contains("validation.documented"), "{last}");

    filed.rewrite(&acme("", "")).await;
    assert_eq!(filed.last_reload().await["applied"], true);
    assert_eq!(filed.world.metric(APPLIED).await, 1.0);
    assert!(filed.world.metric(SINCE).await > since);
}

#[tokio::test]
async fn the_same_faults_are_told_once_and_a_file_that_was_missing_is_found_when_it_is_there() {
    let filed = Filed::with(&acme("", "")).await;
    let secret = filed.beside("secret");
    let lines = acme("", "").replace("\"sandbox-secret\"", "{ file = \"secret\" }");

    filed.rewrite(&lines).await;
    for _ in 0..3 {
        filed.world.clock.advance(std::time::Duration::from_secs(2));
        filed.world.get("/v1/accounts").await;
    }
    assert_eq!(filed.reloads().await, 1.0);
    assert!(filed.last_reload().await["faults"][0].as_str().unwrap().contains("there is none of this name"));

    std::fs::write(&secret, "sandbox-secret\n").unwrap();
    filed.noticed(1.0).await;
    assert_eq!(filed.last_reload().await["applied"], true);
}

#[tokio::test]
async fn what_needs_a_restart_waits_for_it_and_the_rest_is_applied() {
    let filed = Filed::with(&acme("", "")).await;

    filed
        .rewrite(&format!(
            "server.idle_timeout = \"30s\"\nlifecycle.drain = \"40s\"\n{}",
            acme("rate_limit = { requests = 5, per = \"1s\" }", "")
        ))
        .await;

    let last = filed.last_reload().await;
    assert_eq!(last["applied"], true);
    assert_eq!(last["needs_restart"], serde_json::json!(["lifecycle.drain", "server.idle_timeout"]));
    assert_eq!(filed.world.admin("/status").await.json()["limits"][0]["requests"], 5);
}

#[tokio::test]
async fn credentials_are_never_sent_to_hosts_they_were_not_meant_for() {
    let filed = Filed::with(&acme("", "")).await;
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = filed.text("");
    let base = here.lines().find(|line| line.starts_with("passport.base_url")).unwrap();
    let moved = format!("passport.base_url = \"http://{}\"", elsewhere.local_addr().unwrap());

    let before = filed.reloads().await;
    std::fs::write(
        filed.beside("gateway.toml"),
        filed.text(&acme("rate_limit = { requests = 5, per = \"1s\" }", "")).replace(base, &moved),
    )
    .unwrap();
    filed.noticed(before).await;

    let last = filed.last_reload().await;
    assert_eq!(last["applied"], false);
    assert!(last["faults"][0].as_str().unwrap().contains("restart the gateway"), "{last}");
    assert_eq!(filed.world.admin("/status").await.json()["limits"].as_array().unwrap().len(), 0, "nothing of it is applied");
    assert_eq!(filed.world.get("/v1/accounts").await.status, StatusCode::OK);
}

#[tokio::test]
async fn keys_of_two_tenants_never_meet_at_passport_while_a_header_that_is_gone_from_the_file_takes_them_there() {
    let folder = tempfile::TempDir::new().unwrap();
    let kept = format!("idempotency.path = \"{}/records.redb\"\n", folder.path().display());
    let before = format!("{kept}idempotency.forward_header = \"x-key\"\n{}", acme("", ""));
    let other = "\n[tenants.other]\ncredential = \"acme\"\nscopes = [\"paas.core.*\"]\n";
    let filed = Filed::with(&before).await;

    filed.rewrite(&format!("{kept}{}", acme("", other))).await;

    let last = filed.last_reload().await;
    assert_eq!(last["applied"], false);
    assert!(last["faults"][0].as_str().unwrap().starts_with("tenants.other: shares the credential `acme`"), "{last}");
    assert_eq!(filed.world.admin("/status").await.json()["tenants"].as_array().unwrap().len(), 1, "nothing of it is applied");
}
