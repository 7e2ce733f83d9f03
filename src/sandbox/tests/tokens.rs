//! Tokens: issued, refused, revoked.

use super::*;

async fn grant(house: &mut House, secret: &str) -> Answer {
    let body = json!({"client_id": "sandbox-client", "client_secret": secret, "grant_type": "client_credentials"});
    house.request("POST", "/v1/iam/oauth/tokens", None, &body.to_string()).await.unwrap()
}

#[tokio::test]
async fn a_token_answer_has_every_documented_member() {
    let mut house = House::open().await;

    let answer = grant(&mut house, "sandbox-secret").await.json();

    assert_eq!(answer["access_token"].as_str().unwrap().len(), 64);
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 86_400);
    assert_eq!(answer["scopes"], json!(["paas.core.*", "iam.oauth.*"]));
    assert_eq!(answer["roles"], json!([]));
    assert_eq!(answer["created_at"], "2025-10-09T08:53:20.123Z");
    assert_eq!(answer["account_id"], Client::demo().account_id.as_str());
    assert!(answer["token_id"].is_string());
}

#[tokio::test]
async fn a_wrong_secret_is_refused_in_passports_shape() {
    let mut house = House::open().await;

    let answer = grant(&mut house, "guess").await;

    assert_eq!(answer.status, 401);
    let body = answer.json();
    for member in ["message", "http_code", "type", "trace_id", "code", "resource", "url"] {
        assert!(!body[member].is_null(), "{member} in {body}");
    }
}

#[tokio::test]
async fn missing_unknown_expired_and_revoked_tokens_get_the_same_401() {
    let mut house = House::open().await;
    let token = house.token.clone();

    let missing = house.request("GET", "/v1/accounts", None, "").await.unwrap();
    let unknown = house.request("GET", "/v1/accounts", Some("0000"), "").await.unwrap();
    house.control.revoke_tokens(None);
    let revoked = house.request("GET", "/v1/accounts", Some(&token), "").await.unwrap();
    let fresh = house.mint().await;
    house.clock.advance(Duration::from_hours(24));
    let expired = house.request("GET", "/v1/accounts", Some(&fresh), "").await.unwrap();

    let said = |answer: &Answer| (answer.status.as_u16(), answer.json()["message"].clone());
    for answer in [&missing, &unknown, &revoked, &expired] {
        assert_eq!(said(answer), (401, json!("Unauthorized")));
    }
    let counters = &house.control.counters()["GET /v1/accounts"];
    assert_eq!(
        (
            counters.without_token,
            counters.unknown_tokens,
            counters.revoked_tokens,
            counters.expired_tokens,
            counters.distinct_tokens
        ),
        (1, 1, 1, 1, 0)
    );
}

#[tokio::test]
async fn a_token_without_the_scope_gets_the_same_401_as_an_expired_one() {
    let mut house = House::open().await;
    house.control.set_scopes("sandbox-client", &["paas.core.accounts.list.get"]).unwrap();

    house.token = house.mint().await;

    assert_eq!(house.get("/v1/accounts").await.status, 200);
    let lacking = house.get("/v1/payments").await;
    assert_eq!((lacking.status.as_u16(), lacking.json()["message"].clone()), (401, json!("Unauthorized")));
}

#[tokio::test]
async fn a_changed_secret_refuses_the_former_one_and_leaves_tokens_good() {
    let mut house = House::open().await;

    house.control.set_secret("sandbox-client", crate::secret::Secret::new("new".to_owned())).unwrap();

    assert_eq!(grant(&mut house, "sandbox-secret").await.status, 401);
    assert_eq!(grant(&mut house, "new").await.status, 200);
    assert_eq!(house.get("/v1/accounts").await.status, 200);
}

#[tokio::test]
async fn a_token_can_be_looked_up_listed_and_revoked_once() {
    let mut house = House::open().await;
    let other = grant(&mut house, "sandbox-secret").await.json();
    let path = format!("/v1/iam/oauth/tokens/{}", other["token_id"].as_str().unwrap());

    let found = house.record(&path).await;
    let listed = house.record("/v1/iam/oauth/tokens").await;
    let (first, second) = (house.send("DELETE", &path).await, house.send("DELETE", &path).await);

    assert_eq!(found["token_id"], other["token_id"]);
    assert!(found.get("access_token").is_none());
    assert_eq!(listed["pagination_info"]["total_elements"], 2);
    assert_eq!((first.status.as_u16(), first.bytes.len()), (200, 0));
    assert_eq!(second.status, 409);
}

#[tokio::test]
async fn the_same_seed_issues_the_same_tokens() {
    let (one, two) = (House::open().await, House::open().await);
    let other = House::with(Options { seed: 2, ..Options::default() }).await;

    assert_eq!(one.token, two.token);
    assert_ne!(one.token, other.token);
}

#[tokio::test]
async fn a_form_with_basic_credentials_is_understood_too() {
    let mut house = House::open().await;
    let request = Request::post("/v1/iam/oauth/tokens")
        .header(header::HOST, "sandbox")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::AUTHORIZATION, "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQ=")
        .body("grant_type=client_credentials".into())
        .unwrap();

    let answer = exchange(&mut house.connect().await, request).await.unwrap();

    assert_eq!(answer.status, 200);
}
