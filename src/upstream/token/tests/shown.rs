//! What metrics, status and logs tell, and what they never do.

use super::*;
use crate::upstream::token::answer::{self, DEFAULT_LIFETIME};
use crate::upstream::token::secrets::ClientSecrets;
use crate::upstream::token::testing::captured_log;

#[tokio::test(start_paused = true)]
async fn metrics_tell_results_age_and_expiry() {
    let mut stage = start(&config());
    stage.script.asked().await.answer(200, "<html>");
    stage.script.asked().await.answer(302, "");
    let asked = stage.script.asked().await;
    let wall = SystemClock::shared().wall().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    asked.answer(200, r#"{"access_token": "t"}"#);
    generation(&stage, 1).await;
    tokio::task::yield_now().await;

    let text = stage.metrics.render().unwrap();
    for result in ["not_json", "redirected", "ok"] {
        let sample = format!(r#"passport_gateway_upstream_token_requests_total{{credential="acme",result="{result}"}} 1"#);
        assert!(text.contains(&sample), "{sample}: {text}");
    }
    let labels = || crate::metrics::Credential { credential: "acme" };
    let minted = stage.metrics.upstream_token_minted_timestamp_seconds.with(labels()).get().unsigned_abs();
    assert!(minted.abs_diff(wall) <= 1, "{minted}");
    let expiry = stage.metrics.upstream_token_expiry_timestamp_seconds.with(labels()).get().unsigned_abs();
    assert!(expiry.abs_diff(minted + DEFAULT_LIFETIME.as_secs()) <= 1, "{expiry}");
}

#[tokio::test(start_paused = true)]
async fn status_tells_how_a_source_is_doing_and_nothing_secret() {
    let mut config = config();
    for upstream in &mut config.passport.upstreams {
        upstream.token_url = Some("http://user:pass@tokens.test/v1/tokens?key=hidden".parse().unwrap());
    }
    let mut stage = start(&config);
    assert_eq!(only(&stage).status().state, State::Pending);
    let body = r#"{"access_token": "t0p", "expires_in": 100, "scopes": ["paas.core.accounts.*"]}"#;
    stage.script.asked().await.answer(200, body);
    generation(&stage, 1).await;
    sleep_until(Instant::now() + SECOND * 10).await;

    let status = only(&stage).status();

    assert_eq!((status.state, status.attempted, status.generation), (State::Ready, true, 1));
    assert_eq!(status.age.unwrap() + status.expires_in.unwrap(), SECOND * 100);
    assert_eq!(status.age.unwrap().as_secs(), 10);
    assert_eq!(&*status.token_url, "http://tokens.test/v1/tokens");
    let promised: Vec<_> = config.catalogue.operations().map(|(_, operation)| &operation.scope).collect();
    assert!(!status.lacking.is_empty() && status.lacking.iter().all(|scope| promised.contains(&scope)));
    assert!(!status.lacking.iter().any(|scope| scope.as_str().starts_with("paas.core.accounts.")), "{status:?}");
    let printed = format!("{status:?} {:?} {:?}", stage.tokens, only(&stage).ready());
    assert!(!printed.contains("t0p") && !printed.contains("hidden") && !printed.contains("acme-secret"), "{printed}");
}

/// Spans, and the messages of panics, print values like this at most.
#[tokio::test(start_paused = true)]
async fn nothing_that_holds_a_secret_prints_it() {
    let mut stage = start(&config());
    let body = r#"{"access_token": "t0p", "token_id": "id-1"}"#;
    stage.script.asked().await.answer(200, body);
    generation(&stage, 1).await;
    let (source, credential) = (only(&stage), &config().credentials[0]);
    let secrets = ClientSecrets::read(credential).unwrap();
    let minted = answer::read(http::Response::new(body.into()), std::time::UNIX_EPOCH).unwrap();
    let mut live = Live::default();
    live.add(&source.ready().unwrap(), Instant::now());

    let printed = [
        format!("{credential:?} {secrets:?} {minted:?} {live:?}"),
        format!("{source:?} {:?} {:?}", source.ready(), source.status()),
        format!("{:?} {:?}", stage.tokens, TokenLayer::new(Arc::clone(&stage.tokens))),
    ]
    .concat();

    for secret in ["acme-secret", "t0p", "id-1"] {
        assert!(!printed.contains(secret), "{secret}: {printed}");
    }
    assert!(printed.contains("redacted") && printed.contains("Sensitive"), "{printed}");
}

#[tokio::test(start_paused = true)]
async fn logs_name_what_happened_and_never_a_secret() {
    let (log, _guard) = captured_log();
    let mut stage = start(&config());
    stage.script.asked().await.answer(401, r#"{"error_description": "acme-secret is not it"}"#);
    stage.script.asked().await.answer(200, r#"{"access_token": "t0p\r\nX-Evil: 1"}"#);
    stage.script.asked().await.fail(Failure::Unreachable);
    let body = r#"{"access_token": "t0p", "token_id": "id-1", "scopes": ["paas.core.accounts.*"]}"#;
    stage.script.asked().await.answer(200, body);
    generation(&stage, 1).await;

    let log = log.text();
    for part in [
        r#"credential="acme""#,
        r#"result="rejected""#,
        r#"result="illegal_token""#,
        "as the script says",
        "token minted",
        "tenants are promised scopes that the credential was not granted",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    for secret in ["acme-secret", "acme-id", "t0p", "X-Evil", "id-1", "is not it"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
