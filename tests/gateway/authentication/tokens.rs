//! What a token must say and how it must be signed; no part of it is believed before.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::{assert_admitted, assert_invalid, bearing};
use crate::support::issuer::{Issuer, claims, with};
use crate::support::signer::Signer;
use crate::support::{BEGINNING, World};

/// A gateway and the one key it believes.
struct Scene {
    world: World,
    signer: Signer,
    _issuer: Issuer,
}

impl Scene {
    async fn new() -> Self {
        Self::of(Signer::ed("ed")).await
    }

    async fn of(signer: Signer) -> Self {
        let issuer = Issuer::of(&[&signer]).await;
        Self { world: World::with(&issuer.configuration()).await, signer, _issuer: issuer }
    }

    async fn admits(&self, claims: &Value) {
        assert_admitted(&self.world, &bearing(&self.signer.token(claims))).await;
    }

    async fn refuses(&self, claims: &Value) {
        assert_invalid(&self.world, &bearing(&self.signer.token(claims))).await;
    }

    async fn refuses_token(&self, token: &str) {
        assert_invalid(&self.world, &bearing(token)).await;
    }
}

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test]
async fn a_token_ends_a_minute_after_its_exp() {
    let scene = Scene::new().await;
    scene.admits(&claims()).await;
    scene.world.clock.advance(Duration::from_secs(359));
    scene.admits(&claims()).await;

    scene.world.clock.advance(Duration::from_secs(1));

    scene.refuses(&claims()).await;
}

#[tokio::test]
async fn a_token_that_was_seen_before_ends_all_the_same() {
    let scene = Scene::new().await;
    let request = bearing(&scene.signer.token(&with(claims(), "exp", BEGINNING + 10)));
    for _ in 0..3 {
        assert_admitted(&scene.world, &request).await;
    }

    scene.world.clock.advance(Duration::from_secs(70));

    assert_invalid(&scene.world, &request).await;
}

#[tokio::test]
async fn a_token_begins_a_minute_before_its_nbf() {
    let scene = Scene::new().await;
    let early = with(claims(), "nbf", BEGINNING + 90);
    scene.refuses(&early).await;

    scene.world.clock.advance(Duration::from_secs(30));

    scene.admits(&early).await;
}

#[tokio::test]
async fn an_end_is_required_and_must_be_a_time() {
    let scene = Scene::new().await;

    for exp in
        [Value::Null, json!("2100-01-01"), json!("9999999999"), json!(-1), json!(true), json!(1e300), json!([BEGINNING + 1])]
    {
        scene.refuses(&with(claims(), "exp", exp)).await;
    }
}

#[tokio::test]
async fn the_issuer_is_exact() {
    let scene = Scene::new().await;

    for iss in [
        Value::Null,
        json!("https://id.example.internal/"),
        json!("https://ID.example.internal"),
        json!("https://evil.example"),
        json!(["https://id.example.internal"]),
    ] {
        scene.refuses(&with(claims(), "iss", iss)).await;
    }
}

#[tokio::test]
async fn the_audience_is_exact() {
    let scene = Scene::new().await;

    for aud in [Value::Null, json!("passport"), json!("Passport-Gateway"), json!([]), json!(["other"]), json!({}), json!("")] {
        scene.refuses(&with(claims(), "aud", aud)).await;
    }
    scene.admits(&with(claims(), "aud", json!(["other", "passport-gateway"]))).await;
}

#[tokio::test]
async fn a_token_must_name_its_tenant() {
    let scene = Scene::new().await;

    for tenant in [Value::Null, json!(7), json!(["acme"])] {
        scene.refuses(&with(claims(), "tenant", tenant)).await;
    }
}

#[tokio::test]
async fn a_signature_of_none_is_none() {
    let scene = Scene::new().await;

    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let message = format!("{}.{}", encode(json!({"alg": alg, "typ": "JWT"}).to_string()), encode(claims().to_string()));
        scene.refuses_token(&format!("{message}.")).await;
        scene.refuses_token(&format!("{message}.{}", encode("x"))).await;
        scene.refuses_token(&message).await;
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret_to_sign_with() {
    let scene = Scene::of(Signer::rsa("rsa", Algorithm::RS256)).await;
    let header = json!({"alg": "HS256", "typ": "JWT", "kid": "rsa"}).to_string();
    let message = format!("{}.{}", encode(header), encode(claims().to_string()));

    for secret in [scene.signer.pem(), scene.signer.pem().trim_end().to_owned(), scene.signer.jwk()["n"].to_string()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = hmac::sign(&key, message.as_bytes());
        scene.refuses_token(&format!("{message}.{}", encode(signature))).await;
    }
}

#[tokio::test]
async fn a_key_is_for_its_own_algorithm() {
    let scene = Scene::of(Signer::rsa("rsa", Algorithm::RS256)).await;

    for alg in ["ES256", "EdDSA", "PS256", "RS512", "HS256"] {
        let header = json!({"alg": alg, "typ": "JWT", "kid": "rsa"}).to_string();
        scene.refuses_token(&scene.signer.sign(&header, &claims().to_string())).await;
    }
}

#[tokio::test]
async fn another_key_of_the_same_name_has_not_signed() {
    let scene = Scene::new().await;
    let stranger = Signer::ed("ed");

    scene.refuses_token(&stranger.token(&claims())).await;
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_not_looked_at() {
    let scene = Scene::new().await;
    let stranger = Signer::ed("ed");

    for header in [
        json!({"alg": "EdDSA", "kid": "ed", "jwk": stranger.jwk()}),
        json!({"alg": "EdDSA", "jwk": stranger.jwk()}),
        json!({"alg": "EdDSA", "kid": "ed", "jku": "http://127.0.0.1:1/jwks.json"}),
        json!({"alg": "EdDSA", "kid": "ed", "crit": ["b64"], "b64": false}),
    ] {
        scene.refuses_token(&stranger.sign(&header.to_string(), &claims().to_string())).await;
    }
}

#[tokio::test]
async fn a_token_of_which_a_byte_was_changed_is_refused() {
    let scene = Scene::new().await;
    let token = scene.signer.token(&claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, body) = message.split_once('.').unwrap();
    let richer = encode(with(claims(), "tenant", "globex").to_string());

    for changed in [
        format!("{header}.{richer}.{signature}"),
        format!("{header}.{body}.{}", encode([0; 64])),
        format!("{header}.{body}."),
        format!("{header}.{body}"),
        format!("{token}="),
        format!("{token}.{signature}"),
        format!(".{token}"),
        format!("{header}.{body}. {signature}"),
    ] {
        scene.refuses_token(&changed).await;
    }
    assert_admitted(&scene.world, &bearing(&token)).await;
}

#[tokio::test]
async fn a_claim_that_is_given_twice_is_refused() {
    let scene = Scene::new().await;
    let header = json!({"alg": "EdDSA", "kid": "ed"}).to_string();
    let claims = claims().to_string().replacen('{', r#"{"tenant":"globex","#, 1);

    scene.refuses_token(&scene.signer.sign(&header, &claims)).await;
}

#[tokio::test]
async fn a_token_longer_than_any_provider_issues_is_not_looked_at() {
    let scene = Scene::new().await;

    scene.refuses(&with(claims(), "padding", "x".repeat(20_000))).await;
}

#[tokio::test]
async fn no_token_is_so_long_that_the_gateway_fails() {
    let scene = Scene::new().await;

    for (length, statuses) in [(15_000, [200, 200]), (24_000, [401, 401]), (60_000, [431, 431]), (500_000, [431, 431])] {
        let token = scene.signer.token(&with(claims(), "padding", "x".repeat(length * 3 / 4 - 500)));
        let mut client = scene.world.client().await;
        // The gateway may have answered and closed before all of it was sent.
        let _ = client.try_send(bearing(&token).as_bytes()).await;

        let answer = client.answer(false).await.expect("an answer");

        assert!(statuses.contains(&answer.status.as_u16()), "{length}: {}", answer.status);
    }
}

#[tokio::test]
async fn a_token_that_could_be_read_in_two_ways_is_refused() {
    let scene = Scene::new().await;
    let header = r#"{"alg":"EdDSA","kid":"ed"}"#;
    let text = claims().to_string();
    let after = |members: &str| text.replacen('{', &format!("{{{members}"), 1);

    for (header, claims) in [
        (header, after(r#""\u0061ud":"other","#)),
        (header, after(r#""exp":1e400,"#)),
        (header, format!("\u{feff}{text}")),
        (header, after(&format!("\"x\":{}{},", "[".repeat(5000), "]".repeat(5000)))),
        (r#"{"alg":"EdDSA","alg":"none","kid":"ed"}"#, text.clone()),
        (r#"{"alg":"EdDSA","kid":"ed","typ":"logout+jwt"}"#, text.clone()),
    ] {
        scene.refuses_token(&scene.signer.sign(header, &claims)).await;
    }
}

#[tokio::test]
async fn a_proven_tenant_that_is_not_configured_is_unknown() {
    let scene = Scene::new().await;

    let answer = scene.world.raw(bearing(&scene.signer.token(&with(claims(), "tenant", "initech")))).await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::FORBIDDEN, "unknown-tenant"));
    assert!(!answer.text().contains("initech"));
}

#[tokio::test]
async fn a_proven_token_of_an_unknown_tenant_is_no_failed_guess() {
    let scene = Scene::new().await;

    for number in 0..30 {
        let claims = with(with(claims(), "tenant", "initech"), "jti", number);
        assert_eq!(scene.world.raw(bearing(&scene.signer.token(&claims))).await.problem(), "unknown-tenant");
    }

    assert_eq!(scene.world.raw(bearing(&scene.signer.token(&claims()))).await.status, StatusCode::OK);
}
