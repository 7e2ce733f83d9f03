//! Another configuration: what stays keeps its tokens, what comes gets some, what goes is served to its end.

use super::*;
use crate::testing::{credential, tenant};

/// `acme` as ever, and another one.
fn with_another(config: &Config) -> Config {
    let mut config = config.clone();
    config.credentials.insert(0, credential("beta"));
    config.tenants.push(tenant("beta"));
    config
}

fn adopt(stage: &Stage, config: &Config) {
    stage.tokens.adopt(Settings {
        credentials: &config.credentials,
        upstreams: &config.passport.upstreams,
        tenants: &config.tenants,
        catalogue: &config.catalogue,
    });
}

fn token(stage: &Stage, config: &Config, name: &str) -> Option<String> {
    let credential = config.credentials.iter().find(|credential| credential.name.as_str() == name).unwrap();
    Some(stage.tokens.at(credential.identity(), 0)?.ready()?.bearer().to_str().unwrap().to_owned())
}

fn shown(stage: &Stage) -> Vec<String> {
    stage.tokens.statuses().iter().map(|status| status.credential.to_string()).collect()
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_credential_keeps_its_token_and_a_new_one_gets_its_own() {
    let config = config();
    let mut stage = start(&config);
    stage.script.asked().await.grant("first", DAY);
    generation(&stage, 1).await;
    let both = with_another(&config);

    adopt(&stage, &both);
    let asked = stage.script.asked().await;
    assert!(asked.request.body().starts_with(br#"{"client_id":"beta-id""#));
    asked.grant("second", DAY);
    stage.tokens.attempted().await;

    assert!(stage.script.is_idle());
    assert_eq!(token(&stage, &both, "acme").unwrap(), "Bearer first");
    assert_eq!(token(&stage, &both, "beta").unwrap(), "Bearer second");
    assert_eq!(shown(&stage), ["beta", "acme"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_is_not_shown_and_serves_its_requests_until_they_are_done() {
    let config = config();
    let mut stage = start(&config);
    stage.script.asked().await.grant("first", DAY);
    generation(&stage, 1).await;
    let mut changed = config.clone();
    changed.credentials[0].account = "another".into();
    let told = || stage.metrics.render().unwrap().contains(r#"upstream_token_expiry_timestamp_seconds{credential="acme"}"#);
    assert!(told());

    adopt(&stage, &changed);
    assert!(!told(), "nobody is to be alarmed about the one that goes");
    stage.script.asked().await.grant("second", DAY);
    stage.tokens.attempted().await;
    settle().await;

    assert_eq!(shown(&stage), ["acme"]);
    assert!(told());
    assert_eq!(token(&stage, &changed, "acme").unwrap(), "Bearer second");
    assert_eq!(token(&stage, &config, "acme").unwrap(), "Bearer first");
    stage.tokens.retire(|_| true);
    assert_eq!(token(&stage, &config, "acme").unwrap(), "Bearer first");
    stage.tokens.retire(|_| false);
    assert_eq!(token(&stage, &config, "acme"), None);
    assert_eq!(token(&stage, &changed, "acme").unwrap(), "Bearer second");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_gone_is_not_minted_for_any_more() {
    let config = config();
    let mut stage = start(&config);
    stage.script.asked().await.grant("first", 10);
    generation(&stage, 1).await;
    let changed = Config { credentials: vec![credential("beta")], tenants: vec![tenant("beta")], ..config };

    adopt(&stage, &changed);
    stage.script.asked().await.grant("second", DAY);
    stage.tokens.retire(|_| false);
    tokio::time::sleep(Duration::from_mins(1)).await;

    assert!(stage.script.is_idle());
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_back_before_it_is_gone_was_never_away() {
    let config = config();
    let mut stage = start(&config);
    stage.script.asked().await.grant("first", DAY);
    generation(&stage, 1).await;
    let without = Config { credentials: vec![credential("beta")], tenants: vec![tenant("beta")], ..config.clone() };

    adopt(&stage, &without);
    stage.script.asked().await.grant("second", DAY);
    adopt(&stage, &config);
    stage.tokens.retire(|_| false);
    settle().await;

    assert!(stage.script.is_idle());
    assert_eq!(token(&stage, &config, "acme").unwrap(), "Bearer first");
    assert_eq!(shown(&stage), ["acme"]);
}
