//! Tokens of a certified OAuth 2.0 server that nobody here wrote: as the gateway's own, and as its callers'.

use http::StatusCode;
use passport_gateway::clock::{ManualClock, SystemClock};
use serde_json::Value;

use crate::support::oidc_provider::OidcProvider;
use crate::support::scripted::{Scripted, ok};
use crate::support::{Answer, Client, World};

const FORM: &str = r#"token_request = "form"
client_id = "form client"
client_secret = "form & secret=+%/""#;
const BASIC: &str = r#"token_request = "basic"
client_id = "basic:client"
client_secret = "basic secret:%41+&=""#;
const ACCOUNTS: &str = "GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\nCache-Control: no-store\r\n\r\n";

/// The server that issues tokens, an upstream, and the gateway between them.
struct Scene {
    provider: OidcProvider,
    upstream: Scripted,
    world: World,
}

impl Scene {
    /// A gateway whose credential has these lines.
    async fn new(credential: &str) -> Self {
        let (provider, upstream) = (OidcProvider::start().await, Scripted::start().await);
        let lines = format!(
            r#"
passport.token_url = "{}/token"

[local]
tenant = "acme"

[tenants.acme]
scopes = ["paas.core.*"]

[credentials.acme]
environment = "custom"
{credential}
"#,
            provider.issuer
        );
        let world = World::before(&upstream, &lines).await;
        Self { provider, upstream, world }
    }

    /// A caller that has sent a request.
    async fn caller(&self) -> Client {
        let mut caller = self.world.client().await;
        caller.send(ACCOUNTS.as_bytes()).await;
        caller
    }

    /// Lets the server judge the token of the next request that reaches the upstream, and answers what it deserves.
    async fn judged(&mut self) -> (String, Value) {
        let call = self.upstream.call().await;
        let token = call.field("authorization").strip_prefix("Bearer ").expect("a bearer").to_owned();
        let verdict = self.provider.introspect(&token).await;
        let answer = if verdict["active"] == true { ok("{}") } else { answer_401() };
        call.answer(&answer).await;
        (token, verdict)
    }

    async fn results(&self, result: &str) -> f64 {
        let sample = format!(r#"passport_gateway_upstream_token_requests_total{{credential="acme",result="{result}"}}"#);
        self.world.metric(&sample).await
    }
}

fn answer_401() -> String {
    "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned()
}

async fn read(mut caller: Client) -> Answer {
    caller.answer(false).await.expect("an answer")
}

#[tokio::test]
async fn secrets_of_any_characters_are_understood_in_both_styles_of_the_standard() {
    for (credential, client) in [(FORM, "form client"), (BASIC, "basic:client")] {
        let mut scene = Scene::new(credential).await;
        let caller = scene.caller().await;

        let (_, verdict) = scene.judged().await;

        assert_eq!(read(caller).await.status, StatusCode::OK);
        assert_eq!((&verdict["active"], &verdict["client_id"]), (&Value::from(true), &Value::from(client)), "{verdict}");
        assert!((scene.results("ok").await - 1.0).abs() < f64::EPSILON, "{client}");
    }
}

#[tokio::test]
async fn the_life_that_the_server_gave_is_the_one_that_is_told() {
    let mut scene = Scene::new(FORM).await;
    let caller = scene.caller().await;
    let (_, verdict) = scene.judged().await;
    read(caller).await;

    let status = scene.world.admin("/status").await.json();

    let life = verdict["exp"].as_u64().unwrap() - verdict["iat"].as_u64().unwrap();
    assert_eq!(status["credentials"][0]["token"]["expires_in_seconds"], life, "{status}");
}

#[tokio::test]
async fn a_token_that_the_server_revoked_is_replaced_and_no_caller_notices() {
    let mut scene = Scene::new(BASIC).await;
    let caller = scene.caller().await;
    let (first, _) = scene.judged().await;
    read(caller).await;
    let status = scene.world.admin("/status").await.json();

    scene.provider.revoke(&first).await;
    let caller = scene.caller().await;
    let (again, refused) = scene.judged().await;
    let (second, accepted) = scene.judged().await;

    assert_eq!(read(caller).await.status, StatusCode::OK, "{status}");
    assert_eq!((again, &refused["active"]), (first.clone(), &Value::from(false)));
    assert_ne!(second, first);
    assert_eq!(accepted["active"], true);
}

#[tokio::test]
async fn a_server_that_rejects_the_credential_is_not_asked_again_and_again() {
    let scene = Scene::new(&FORM.replace("form & secret", "wrong")).await;

    for _ in 0..5 {
        let answer = read(scene.caller().await).await;
        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_GATEWAY, "upstream-credential-rejected"));
    }

    assert!((scene.results("rejected").await - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn its_tokens_let_callers_in_by_its_discovery_and_its_keys() {
    let provider = OidcProvider::start().await;
    let clock = ManualClock::starting_at(SystemClock::shared().wall());
    let lines = format!(
        r#"
[[issuers]]
issuer = "{}"
discovery = true
audience = ["passport-gateway"]
algorithms = ["ES256"]

[tenants.acme]
scopes = ["paas.core.*"]

[credentials.acme]
client_id = "sandbox-client"
client_secret = "sandbox-secret"
environment = "custom"
"#,
        provider.issuer
    );
    let world = World::at(clock, &lines).await;
    let form = "grant_type=client_credentials&resource=urn:passport-gateway&scope=paas.core.accounts.list.get";
    let token = provider.post("/token", form).await["access_token"].as_str().unwrap().to_owned();
    let mut caller = world.client().await.with(format!("Authorization: Bearer {token}"));

    assert_eq!(caller.get("/v1/accounts").await.status, StatusCode::OK);
    let beyond = caller.get("/v1/payments").await;
    assert_eq!((beyond.status, beyond.problem().as_str()), (StatusCode::FORBIDDEN, "insufficient-scope"));
    let (head, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let mut stranger = world.client().await.with(format!("Authorization: Bearer {forged}"));
    assert_eq!(stranger.get("/v1/accounts").await.status, StatusCode::UNAUTHORIZED);
}
