//! What whoever keeps a credential relies on: secrets that rotate, tokens that end with the gateway, and what is shown of both.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use passport_gateway::clock::Clock;
use passport_gateway::sandbox::{Fault, Kind, Received};
use passport_gateway::secret::Secret;
use passport_gateway::server::{Signal, Unfinished};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::until::until;
use crate::support::{LOCAL, World};

const ACCOUNTS: &str = "GET /v1/accounts";
const TOKENS: &str = "/v1/iam/oauth/tokens";
const HALF_A_DAY: Duration = Duration::from_hours(12);

/// Puts a secret in place as Kubernetes does: a link to a new folder takes the place of the link to the old one.
fn mount(folder: &Path, version: &str, secret: &str) {
    let (data, next) = (folder.join("..data"), folder.join("..next"));
    fs::create_dir(folder.join(version)).unwrap();
    fs::write(folder.join(version).join("secret"), secret).unwrap();
    symlink(version, &next).unwrap();
    fs::rename(next, data).unwrap();
}

async fn credential(world: &World) -> Value {
    world.admin("/status").await.json()["credentials"][0].clone()
}

fn asked(result: &str) -> String {
    format!(r#"passport_gateway_upstream_token_requests_total{{credential="acme",result="{result}"}}"#)
}

/// A gateway that revokes its tokens, and has one.
async fn revoking() -> World {
    let world = World::with(&format!("{LOCAL}revoke_on_shutdown = true\n")).await;
    world.until_minted(1).await;
    world
}

fn revocations(requests: Vec<Received>) -> Vec<Received> {
    requests.into_iter().filter(|request| request.method == "DELETE").collect()
}

#[tokio::test]
async fn a_secret_that_rotates_costs_neither_a_restart_nor_a_request() {
    let folder = TempDir::new().unwrap();
    mount(folder.path(), "1", "sandbox-secret");
    let file = format!("{{ file = {:?} }}", folder.path().join("..data/secret"));
    let world = World::with(&LOCAL.replace("\"sandbox-secret\"", &file)).await;
    world.until_minted(1).await;
    let mut caller = world.client().await.with("Cache-Control: no-store");

    // Passport knows the new secret before the file does, and the token is due to be renewed in between.
    world.passport.set_secret("sandbox-client", Secret::new("rotated".to_owned())).unwrap();
    world.clock.advance(HALF_A_DAY);
    until("the old secret is rejected", async || world.metric(&asked("rejected")).await == 1.0).await;
    assert_eq!(caller.get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!(credential(&world).await["state"], "failing");
    mount(folder.path(), "2", "rotated\n");
    until("the new secret is found", async || {
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(caller.get("/v1/accounts").await.status, StatusCode::OK);
        world.metric(&asked("ok")).await == 2.0
    })
    .await;

    assert_eq!(caller.get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!(credential(&world).await["state"], "ready");
    let counters = &world.passport.counters()[ACCOUNTS];
    assert_eq!((counters.statuses.keys().collect::<Vec<_>>(), counters.distinct_tokens), (vec![&200], 2));
}

#[tokio::test]
async fn tokens_are_revoked_in_the_end_if_that_is_asked_for() {
    let world = revoking().await;
    world.clock.advance(HALF_A_DAY);
    world.until_minted(2).await;
    let passport = world.passport.clone();

    world.signal(Signal::Terminate);
    assert_eq!(world.ended().await, Unfinished::default());

    let revocations = revocations(passport.requests());
    assert_eq!(revocations.len(), 2, "the former token lived, too");
    for revocation in &revocations {
        assert!(revocation.path.starts_with(&format!("{TOKENS}/")), "{}", revocation.path);
        assert_eq!((revocation.bearer, revocation.status), ("valid", Some(200)));
    }
    assert_eq!(passport.revoke_tokens(None), 0, "none is left");
}

#[tokio::test]
async fn tokens_are_left_alone_otherwise() {
    let world = World::new().await;
    world.until_minted(1).await;
    let passport = world.passport.clone();

    world.signal(Signal::Terminate);
    world.ended().await;

    assert_eq!((revocations(passport.requests()).len(), passport.revoke_tokens(None)), (0, 1));
}

#[tokio::test]
async fn a_passport_that_does_not_revoke_does_not_keep_the_gateway_from_ending() {
    for kind in [Kind::Hang, Kind::ServerError, Kind::ResetBeforeBody] {
        let world = revoking().await;
        world.passport.inject(Fault::new(TOKENS, kind.clone())).unwrap();

        world.signal(Signal::Terminate);

        let ended = tokio::time::timeout(Duration::from_secs(10), world.ended()).await;
        assert_eq!(ended.expect("it ends in time"), Unfinished::default(), "{kind:?}");
    }
}

/// Whether `PassportGatewayTokenRenewalFailing` of `deploy/prometheus/rules.yml` would find something now.
async fn alarms(world: &World) -> bool {
    let gauge = async |name| {
        world.metric(&format!(r#"passport_gateway_upstream_token_{name}_timestamp_seconds{{credential="acme"}}"#)).await
    };
    let (minted, expiry) = (gauge("minted").await, gauge("expiry").await);
    assert!(minted > 0.0 && expiry > 0.0);
    expiry - world.clock.wall().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() < 0.4 * (expiry - minted)
}

#[tokio::test]
async fn an_alert_tells_that_renewing_fails_hours_before_a_caller_notices() {
    let world = World::new().await;
    let mut caller = world.client().await.with("Cache-Control: no-store");
    for mints in 1..4 {
        world.until_minted(mints).await;
        assert!(!alarms(&world).await);
        world.clock.advance(HALF_A_DAY);
    }
    world.until_minted(4).await;

    world.passport.inject(Fault::new("token", Kind::ServerError)).unwrap();
    world.clock.advance(HALF_A_DAY + Duration::from_hours(3));

    assert!(alarms(&world).await);
    world.clock.advance(Duration::from_hours(8));
    assert_eq!(caller.get("/v1/accounts").await.status, StatusCode::OK);
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(caller.get("/v1/accounts").await.problem(), "upstream-token-unavailable");
}

#[tokio::test]
async fn what_tenants_are_promised_and_the_credential_lacks_is_shown() {
    let world = World::new().await;
    world.until_minted(1).await;
    assert_eq!(credential(&world).await["lacking_scopes"], json!([]));

    world.passport.set_scopes("sandbox-client", &["paas.core.entity_customers.*"]).unwrap();
    world.clock.advance(HALF_A_DAY);
    world.until_minted(2).await;

    let shown = credential(&world).await;
    let lacking: Vec<_> = shown["lacking_scopes"].as_array().unwrap().iter().map(|scope| scope.as_str().unwrap()).collect();
    assert!(lacking.contains(&"paas.core.accounts.list.get") && lacking.contains(&"paas.core.breb_payments.list.get"));
    assert!(!lacking.iter().any(|scope| scope.starts_with("paas.core.entity_customers.")), "{lacking:?}");
}

#[tokio::test]
async fn an_operation_that_every_token_is_refused_on_is_shown() {
    let world = World::new().await;
    world.passport.inject(Fault::new(ACCOUNTS, Kind::TokenRefused)).unwrap();

    assert_eq!(world.get("/v1/accounts").await.problem(), "upstream-scope-missing");

    let shown = credential(&world).await;
    assert_eq!((&shown["state"], &shown["refused_operations"]), (&json!("ready"), &json!(["list_accounts"])));
}

#[tokio::test]
async fn a_credential_that_is_rejected_is_shown_without_its_secret() {
    let world = World::with(&LOCAL.replace("sandbox-secret", "w0rthless")).await;
    world.until_minted(1).await;

    let shown = credential(&world).await;

    let failure = "the token endpoint rejects the credential with status 401 Unauthorized";
    assert_eq!((&shown["state"], &shown["token"], &shown["failure"]), (&json!("rejected"), &json!(null), &json!(failure)));
    assert!(!world.admin("/status").await.text().contains("w0rthless"));
}
