//! What an identity may do: what both it and its tenant were granted, and nothing else.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::issuer::{Issuer, claims, with};
use crate::support::signer::Signer;
use crate::support::{Answer, LOCAL, World, keyed};

/// A gateway and the key of the issuer it believes; `acme` may do everything, `globex` read accounts.
struct Scene {
    world: World,
    signer: Signer,
    _issuer: Issuer,
}

impl Scene {
    async fn new() -> Self {
        let signer = Signer::ed("ed");
        let issuer = Issuer::of(&[&signer]).await;
        Self { world: World::with(&issuer.configuration()).await, signer, _issuer: issuer }
    }

    async fn get(&self, target: &str, claims: &Value) -> Answer {
        let field = format!("Authorization: Bearer {}", self.signer.token(claims));
        self.world.client().await.with(field).get(target).await
    }
}

fn assert_lacking(answer: &Answer, scope: &str) {
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::FORBIDDEN, "insufficient-scope"), "{}", answer.text());
    assert_eq!(answer.json()["required_scope"], scope);
    let challenge = format!(r#"Bearer realm="passport-gateway", error="insufficient_scope", scope="{scope}""#);
    assert_eq!(answer.field("www-authenticate"), challenge);
}

#[tokio::test]
async fn an_exact_scope_is_for_its_operation_alone() {
    let (key, lines) = keyed(r#""paas.core.accounts.list.get""#);
    let world = World::with(&lines).await;
    let mut client = world.client().await.with(format!("X-Api-Key: {key}"));

    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    assert_lacking(&client.get("/v1/accounts/6c23f053-0e1a-46b4-b902-97ba47e351bc").await, "paas.core.accounts.get");
    assert_lacking(&client.get("/v1/payments").await, "paas.core.breb_payments.list.get");
    assert_eq!(world.arrived().len(), 1);
}

#[tokio::test]
async fn a_wildcard_covers_any_number_of_further_segments() {
    let scene = Scene::new().await;

    for scope in ["paas.core.accounts.*", "paas.core.*", "paas.*", "paas.core.accounts.list.*"] {
        let answer = scene.get("/v1/accounts", &with(claims(), "scope", scope)).await;

        assert_eq!(answer.status, StatusCode::OK, "{scope}: {}", answer.text());
    }
}

#[tokio::test]
async fn what_only_looks_like_a_grant_grants_nothing() {
    let scene = Scene::new().await;

    for scope in [
        "*",
        ".*",
        "paas.core.acc*",
        "paas.core.accounts",
        "paas.core.accounts.",
        "paas.core.accounts.list",
        "paas.core.accounts.list.get.*",
        "paas.core.*.list.get",
        "paas.core.accounts.list.get.more",
        "PAAS.CORE.ACCOUNTS.LIST.GET",
        "paas.core.accounts.list.get,paas.core.*",
        "xpaas.core.accounts.list.get",
        "",
    ] {
        assert_lacking(&scene.get("/v1/accounts", &with(claims(), "scope", scope)).await, "paas.core.accounts.list.get");
    }
    assert!(scene.world.arrived().is_empty());
}

#[tokio::test]
async fn scopes_come_as_scope_or_scp_in_each_of_their_forms() {
    let scene = Scene::new().await;
    let none = with(claims(), "scope", Value::Null);

    for claims in [
        with(none.clone(), "scope", "openid paas.core.accounts.list.get"),
        with(none.clone(), "scp", "openid paas.core.accounts.list.get"),
        with(none.clone(), "scp", json!(["openid", "paas.core.accounts.list.get"])),
    ] {
        let answer = scene.get("/v1/accounts", &claims).await;

        assert_eq!(answer.status, StatusCode::OK, "{claims}: {}", answer.text());
    }
    assert_lacking(&scene.get("/v1/accounts", &none).await, "paas.core.accounts.list.get");
}

#[tokio::test]
async fn a_scope_claim_of_another_form_makes_the_token_invalid() {
    let scene = Scene::new().await;
    let none = with(claims(), "scope", Value::Null);

    for claims in [
        with(none.clone(), "scope", json!(["paas.core.accounts.list.get"])),
        with(none.clone(), "scope", json!({"paas.core.accounts.list.get": true})),
        with(none.clone(), "scp", json!(["paas.core.accounts.list.get", 7])),
        with(none.clone(), "scp", json!(7)),
    ] {
        let answer = scene.get("/v1/accounts", &claims).await;

        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::UNAUTHORIZED, "invalid-credential"), "{claims}");
    }
}

#[tokio::test]
async fn a_caller_may_no_more_than_its_tenant() {
    let scene = Scene::new().await;
    let globex = with(claims(), "tenant", "globex");

    assert_eq!(scene.get("/v1/accounts", &globex).await.status, StatusCode::OK);
    assert_lacking(&scene.get("/v1/payments", &globex).await, "paas.core.breb_payments.list.get");
}

#[tokio::test]
async fn a_tenant_lends_its_callers_nothing() {
    let scene = Scene::new().await;

    let answer = scene.get("/v1/payments", &with(claims(), "scope", "paas.core.accounts.*")).await;

    assert_lacking(&answer, "paas.core.breb_payments.list.get");
}

#[tokio::test]
async fn the_local_app_may_be_given_less_than_its_tenant() {
    let lines = LOCAL.replacen("tenant = \"acme\"", "tenant = \"acme\"\nscopes = [\"paas.core.accounts.*\"]", 1);
    let world = World::with(&lines).await;

    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
    assert_lacking(&world.get("/v1/customers").await, "paas.core.entity_customers.list.get");
}

#[tokio::test]
async fn a_request_that_may_not_be_made_is_not_judged_further() {
    let (key, lines) = keyed(r#""paas.core.accounts.list.get""#);
    let world = World::with(&lines).await;

    let answer = world.client().await.with(format!("X-Api-Key: {key}")).post("/v1/customers?a=1&a=2", "nonsense").await;

    assert_lacking(&answer, "paas.core.entity_customers.post");
}

#[tokio::test]
async fn looking_with_head_needs_what_get_needs() {
    let (key, lines) = keyed(r#""paas.core.qrcodes.get""#);
    let world = World::with(&lines).await;

    let answer = world.client().await.with(format!("X-Api-Key: {key}")).request("HEAD", "/v1/accounts", None).await;

    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_token_that_was_just_believed_still_may_no_more_than_it_says() {
    let scene = Scene::new().await;
    let narrow = with(claims(), "scope", "paas.core.accounts.list.get");

    for _ in 0..3 {
        assert_eq!(scene.get("/v1/accounts", &narrow).await.status, StatusCode::OK);
        assert_lacking(&scene.get("/v1/payments", &narrow).await, "paas.core.breb_payments.list.get");
    }
    assert_eq!(scene.world.arrived().len(), 1, "the later ones were hits");
}

#[tokio::test]
async fn each_refusal_of_a_caller_has_its_challenge() {
    let scene = Scene::new().await;
    let bearer = |claims: &Value| format!("Authorization: Bearer {}\r\n", scene.signer.token(claims));
    let narrow = with(claims(), "scope", "paas.core.qrcodes.get");
    let expired = with(claims(), "exp", 1);
    let realm = r#"Bearer realm="passport-gateway""#;

    for (lines, status, attributes) in [
        (String::new(), 401, String::new()),
        (bearer(&expired), 401, r#", error="invalid_token""#.to_owned()),
        (bearer(&narrow), 403, r#", error="insufficient_scope", scope="paas.core.accounts.list.get""#.to_owned()),
        (bearer(&claims()).repeat(2), 400, r#", error="invalid_request""#.to_owned()),
    ] {
        let answer = scene.world.raw(format!("GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")).await;

        assert_eq!((answer.status.as_u16(), answer.field("www-authenticate")), (status, &*format!("{realm}{attributes}")));
    }
    let unknown = scene.get("/v1/accounts", &with(claims(), "tenant", "initech")).await;
    assert_eq!((unknown.status, unknown.field("www-authenticate")), (StatusCode::FORBIDDEN, ""), "no other token would help");
}

/// A gateway whose tenant's scopes are in shadow for the rest of the first day, and a key for reading lists of accounts.
async fn in_shadow() -> (World, String) {
    let (key, lines) = keyed(r#""paas.core.accounts.list.get""#);
    let lines = lines.replace("[tenants.acme]\n", "[tenants.acme]\nscope_shadow = { until = 2027-01-16 }\n");
    (World::with(&lines).await, format!("X-Api-Key: {key}"))
}

fn shadow_denials(operation: &str) -> String {
    format!(r#"passport_gateway_shadow_denials_total{{operation="{operation}",problem="insufficient-scope"}}"#)
}

#[tokio::test]
async fn in_shadow_a_read_passes_without_its_scope_and_is_counted_until_the_day_comes() {
    let (world, key) = in_shadow().await;
    let mut client = world.client().await.with(key);

    assert_eq!(client.get("/v1/keys").await.status, StatusCode::OK);
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!(world.metric_after(&mut client, &shadow_denials("list_keys")).await, 1.0);
    assert_eq!(world.metric(&shadow_denials("list_accounts")).await, 0.0);

    world.clock.advance(Duration::from_hours(16));

    assert_lacking(&client.get("/v1/keys").await, "paas.core.account_keys.list.get");
    assert_eq!(world.metric_after(&mut client, &shadow_denials("list_keys")).await, 1.0);
}

#[tokio::test]
async fn no_shadow_lets_a_write_or_a_stranger_pass() {
    let (world, key) = in_shadow().await;
    let id = "6c23f053-0e1a-46b4-b902-97ba47e351bc";

    let mut client = world.client().await.with(key);
    let payment = client.post("/v1/payments/breb/confirm", &json!({ "id": id }).to_string()).await;
    let create = client.post("/v1/keys", "{}").await;

    assert_lacking(&payment, "paas.core.breb_payments.post");
    assert_lacking(&create, "paas.core.account_keys.post");
    assert_eq!(world.get("/v1/accounts").await.problem(), "missing-credential");
    assert!(world.arrived().is_empty());
}
