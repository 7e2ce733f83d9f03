//! What changes is as it is written now; what does not goes on as if nothing had happened.

use std::time::Duration;

use http::StatusCode;
use passport_gateway::identity::new_key;

use super::acme;
use crate::support::filed::Filed;
use crate::support::issuer::Issuer;
use crate::support::signer::Signer;
use crate::support::until::until;

const CUSTOMER: &str = r#"{
    "type": "BUSINESS", "business_name": "Panadería Andina SAS", "email": "hola@example.com",
    "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": "901234567"
}"#;
const LASTING: &str = "[operations.list_accounts]\ncache_ttl = \"10m\"\n";
const LIMITED: &str = "rate_limit = { requests = 3, per = \"1h\", burst = 3 }";

#[tokio::test]
async fn a_new_tenant_with_a_key_may_call_and_a_removed_one_may_not() {
    let (key, sha256) = new_key();
    let beta = format!(
        r#"
[[api_keys]]
id = "reports"
sha256 = "{sha256}"
tenant = "beta"
scopes = ["paas.core.*"]

[tenants.beta]
credential = "acme"
scopes = ["paas.core.*"]
"#
    );
    let filed = Filed::with(&acme("", "")).await;
    let ask = async || filed.world.client().await.with(format!("Authorization: Bearer {key}")).get("/v1/accounts").await.status;
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);

    filed.rewrite(&acme("", &beta)).await;
    assert_eq!(ask().await, StatusCode::OK);

    filed.rewrite(&acme("", "")).await;
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_limits_and_stored_answers_are_kept_by_what_did_not_change() {
    let filed = Filed::with(&acme(LIMITED, LASTING)).await;
    filed.world.get("/v1/accounts").await;
    filed.world.get("/v1/customers").await;

    filed.rewrite(&acme(LIMITED, &format!("{LASTING}[operations.list_customers]\ncache_ttl = \"7m\"\n"))).await;
    let kept = filed.world.get("/v1/accounts").await;
    let limited = filed.world.get("/v1/accounts").await;

    assert!(kept.field("cache-status").contains("hit"), "{kept:?}");
    assert_eq!(limited.problem(), "rate-limited", "three requests were spent, one of them after the change");
    assert_eq!(filed.world.mints(), 1);
}

#[tokio::test]
async fn a_changed_limit_counts_at_once() {
    let filed = Filed::with(&acme(LIMITED, "")).await;
    for _ in 0..4 {
        filed.world.get("/v1/accounts").await;
    }
    assert_eq!(filed.world.get("/v1/accounts").await.problem(), "rate-limited");

    filed.rewrite(&acme("rate_limit = { requests = 9, per = \"1h\", burst = 9 }", "")).await;

    assert_eq!(filed.world.get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!(filed.world.admin("/status").await.json()["limits"][0]["requests"], 9);
}

#[tokio::test]
async fn answers_of_a_changed_operation_or_credential_are_asked_for_anew() {
    let filed = Filed::with(&acme("", &format!("{LASTING}[operations.list_customers]\ncache_ttl = \"8m\"\n"))).await;
    filed.world.get("/v1/accounts").await;
    filed.world.get("/v1/customers").await;

    filed.rewrite(&acme("", &format!("{LASTING}[operations.list_customers]\ncache_ttl = \"7m\"\n"))).await;
    let (accounts, customers) = (filed.world.get("/v1/accounts").await, filed.world.get("/v1/customers").await);
    assert!(accounts.field("cache-status").contains("hit"), "{accounts:?}");
    assert!(!customers.field("cache-status").contains("hit"), "{customers:?}");

    filed.rewrite(&acme("", &format!("account = \"another\"\n{LASTING}"))).await;
    let accounts = filed.world.get("/v1/accounts").await;
    assert!(!accounts.field("cache-status").contains("hit"), "{accounts:?}");
    assert_eq!(filed.world.mints(), 2, "another account is another token");
}

#[tokio::test]
async fn a_request_under_way_is_finished_by_the_configuration_it_began_with() {
    let filed = Filed::with(&acme("", "")).await;
    let mut caller = filed.world.client().await;
    let head = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    caller.send(format!("{head}Content-Length: {}\r\n\r\n", CUSTOMER.len()).as_bytes()).await;
    filed.world.until_metric("passport_gateway_requests_in_flight", 1.0).await;

    // Its tenant and its credential go, and with them all that the local app could do.
    let other = acme("", "").replace("[local]\ntenant = \"acme\"", "[local]\ntenant = \"beta\"").replace("s.acme]", "s.beta]");
    filed.rewrite(&other).await;
    for _ in 0..3 {
        filed.world.clock.advance(Duration::from_secs(2));
        filed.world.get("/v1/accounts").await;
    }
    caller.send(CUSTOMER.as_bytes()).await;

    let answer = caller.answer(false).await.unwrap();
    assert!(answer.status.is_success(), "{answer:?}");
    let status = filed.world.admin("/status").await.json();
    assert_eq!(status["tenants"][0]["name"], "beta");
    assert_eq!(status["credentials"].as_array().unwrap().len(), 1, "{status}");
}

#[tokio::test]
async fn keys_of_an_issuer_in_a_file_are_read_anew() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("jwks.json");
    let publish = |signer: &Signer| std::fs::write(&keys, serde_json::json!({ "keys": [signer.jwk()] }).to_string()).unwrap();
    publish(&old);
    let lines = Issuer::of(&[&old]).await.configuration();
    let lines: Vec<_> = lines
        .lines()
        .map(|line| if line.starts_with("jwks_url") { format!("jwks_file = \"{}\"", keys.display()) } else { line.to_owned() })
        .collect();
    let filed = Filed::with(&lines.join("\n")).await;
    let ask = async |signer: &Signer| {
        let token = signer.token(&crate::support::issuer::claims());
        filed.world.client().await.with(format!("Authorization: Bearer {token}")).get("/v1/accounts").await.status
    };
    assert_eq!(ask(&old).await, StatusCode::OK);

    publish(&new);
    filed.noticed(0.0).await;

    until("the new key is known", async || ask(&new).await == StatusCode::OK).await;
    assert_eq!(ask(&old).await, StatusCode::UNAUTHORIZED);
}
