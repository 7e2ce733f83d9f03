//! Sources over a scripted endpoint, on a paused runtime: time passes only while everybody waits.

use std::fs;
use std::time::Duration;

use http::header;
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::DEFAULT_LIFETIME;
use super::life::Withheld;
use super::testing::{Stage, aside, stage};
use super::*;
use crate::clock::SystemClock;
use crate::config::{Config, SecretSource};
use crate::testing::{config, credential, tenant};

const SECOND: Duration = Duration::from_secs(1);
const DAY: u64 = 86_400;

fn start(config: &Config) -> Stage {
    stage(config, &SystemClock::shared())
}

/// The only source of the test's configuration.
fn only(stage: &Stage) -> &Arc<Source> {
    assert_eq!(stage.tokens.sources.len(), 1);
    &stage.tokens.sources[0]
}

fn far() -> Instant {
    Instant::now() + Duration::from_hours(1)
}

async fn bearer(stage: &Stage) -> Result<String, Withheld> {
    let source = only(stage);
    match source.ready() {
        Some(token) => Ok(token),
        None => source.token(far()).await,
    }
    .map(|token| token.bearer().to_str().unwrap().to_owned())
}

/// Waits until the source has dealt with so many answers.
async fn generation(stage: &Stage, generation: u64) {
    while only(stage).status().generation < generation {
        tokio::task::yield_now().await;
    }
}

async fn failed(stage: &Stage) -> Failure {
    loop {
        if let Some(failure) = only(stage).status().failure {
            return failure;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_minted_before_anybody_asks() {
    let mut stage = start(&config());

    stage.script.asked().await.grant("one", DAY);
    stage.tokens.attempted().await;

    let ready = only(&stage).ready().unwrap();
    assert_eq!(ready.bearer(), "Bearer one");
    assert!(ready.bearer().is_sensitive());
}

#[tokio::test(start_paused = true)]
async fn callers_wait_for_the_first_token_and_share_one_request() {
    let mut stage = start(&config());
    let source = Arc::clone(only(&stage));
    let callers: Vec<_> = (0..500)
        .map(|_| {
            let source = Arc::clone(&source);
            aside(async move { source.token(far()).await.map(|token| token.generation()) })
        })
        .collect();

    let asked = stage.script.asked().await;
    sleep_until(Instant::now() + SECOND).await;
    asked.grant("one", DAY);

    for caller in callers {
        assert_eq!(caller.await.unwrap(), Ok(1));
    }
    assert!(stage.script.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_takes_nothing_with_it() {
    let mut stage = start(&config());
    let asked = stage.script.asked().await;
    assert!(timeout(SECOND, only(&stage).token(far())).await.is_err());

    asked.grant("one", DAY);

    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_at_half_of_its_life_less_a_tenth() {
    let mut stage = start(&config());
    let first = stage.script.asked().await;
    let sent = first.at;
    first.grant("one", 1000);

    let second = stage.script.asked().await;

    let waited = second.at - sent;
    assert!((SECOND * 450..=SECOND * 500 + SECOND / 100).contains(&waited), "{waited:?}");
    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
    second.grant("two", 1000);
    generation(&stage, 2).await;
    assert_eq!(bearer(&stage).await.unwrap(), "Bearer two");
}

#[tokio::test(start_paused = true)]
async fn a_token_of_one_second_is_not_renewed_sooner_than_after_a_second() {
    let mut stage = start(&config());
    for _ in 0..5 {
        let asked = stage.script.asked().await;
        let at = asked.at;
        asked.grant("short", 1);
        let again = stage.script.asked().await;
        assert!(again.at - at >= SECOND, "{:?}", again.at - at);
        again.grant("short", 1);
    }
}

#[tokio::test(start_paused = true)]
async fn life_counts_from_when_the_request_was_sent() {
    let mut stage = start(&config());
    let asked = stage.script.asked().await;
    let sent = asked.at;
    sleep_until(sent + SECOND * 9).await;
    asked.grant("slow", 20);
    generation(&stage, 1).await;

    let asked = stage.script.asked().await;
    let hanging = aside(asked.hang());
    sleep_until(sent + SECOND * 17).await;
    assert!(only(&stage).ready().is_some());
    sleep_until(sent + SECOND * 18).await;

    assert!(only(&stage).ready().is_none(), "a tenth of its life was left, which is not used");
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn the_last_good_token_serves_until_it_expires_and_never_after() {
    let mut stage = start(&config());
    let first = stage.script.asked().await;
    let sent = first.at;
    first.grant("one", 100);

    let mut tries = 0;
    while Instant::now() < sent + SECOND * 94 {
        stage.script.asked().await.fail(Failure::Unreachable);
        failed(&stage).await;
        tries += 1;
        let answer = bearer(&stage).await;
        assert_eq!(answer.is_ok(), Instant::now() < sent + SECOND * 95, "{answer:?}");
    }
    sleep_until(sent + SECOND * 95).await;

    assert!(only(&stage).ready().is_none());
    assert!(tries < 60, "{tries} tries in 50 s");
    loop {
        let asked = stage.script.asked().await;
        if asked.at > sent + SECOND * 95 {
            asked.grant("two", 100);
            break;
        }
        asked.fail(Failure::Unreachable);
    }
    assert_eq!(bearer(&stage).await.unwrap(), "Bearer two");
}

#[tokio::test(start_paused = true)]
async fn callers_hear_at_once_that_there_is_no_token_between_two_attempts() {
    let mut stage = start(&config());
    for _ in 0..8 {
        stage.script.asked().await.fail(Failure::Unreachable);
    }
    while only(&stage).status().next_attempt.is_zero() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();

    let answer = bearer(&stage).await;

    assert!(matches!(answer, Err(Withheld::For(wait)) if wait >= SECOND && wait <= SECOND * 10), "{answer:?}");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_endpoint_is_left_after_a_while_and_its_callers_wait_less() {
    let mut stage = start(&config());
    let asked = stage.script.asked().await;
    let sent = asked.at;
    let hanging = aside(asked.hang());

    assert!(matches!(bearer(&stage).await, Err(Withheld::For(_))));
    assert_eq!(sent.elapsed().as_secs(), 5);
    let short = only(&stage).token(Instant::now() + SECOND).await;
    assert!(matches!(short, Err(Withheld::For(_))));
    assert_eq!(sent.elapsed().as_secs(), 6);

    hanging.await.unwrap();
    assert_eq!(sent.elapsed().as_secs(), 10);
    assert_eq!(failed(&stage).await, Failure::Timeout);
    stage.script.asked().await.grant("one", DAY);
    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
}

#[tokio::test(start_paused = true)]
async fn a_dripping_endpoint_is_left_as_well() {
    struct Dripping;
    impl TokenEndpoint for Dripping {
        async fn ask(&self, _: http::Request<bytes::Bytes>) -> Result<http::Response<bytes::Bytes>, Unanswered> {
            loop {
                tokio::time::sleep(SECOND).await;
            }
        }
    }
    let config = config();
    let settings = Settings {
        credentials: &config.credentials,
        upstreams: &config.passport.upstreams,
        tenants: &config.tenants,
        catalogue: &config.catalogue,
    };
    let (metrics, shutdown) = (Arc::new(Metrics::new()), CancellationToken::new());
    let began = Instant::now();

    let tokens = Tokens::start(settings, Dripping, &SystemClock::shared(), &metrics, &TaskTracker::new(), &shutdown);
    tokens.attempted().await;

    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(tokens.statuses()[0].failure, Some(Failure::Timeout));
    shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_rejected_credential_is_remembered_and_not_hammered() {
    let mut stage = start(&config());
    stage.script.asked().await.answer(401, r#"{"error": "invalid_client"}"#);
    stage.tokens.attempted().await;

    assert_eq!(bearer(&stage).await, Err(Withheld::Rejected));
    assert!(stage.script.rests(SECOND * 14).await);
    assert_eq!(bearer(&stage).await, Err(Withheld::Rejected));
    let mut tries = 0;
    let began = Instant::now();
    while began.elapsed() < Duration::from_hours(1) {
        stage.script.asked().await.answer(401, "");
        tries += 1;
    }
    assert!(tries <= 17, "{tries} tries in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_credential_rejected_later_keeps_its_last_good_token() {
    let mut stage = start(&config());
    let asked = stage.script.asked().await;
    let sent = asked.at;
    asked.grant("one", 100);

    stage.script.asked().await.answer(403, "");
    assert!(failed(&stage).await.is_rejection());

    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
    assert_eq!(only(&stage).status().state, State::Failing);
    while Instant::now() < sent + SECOND * 95 {
        tokio::select! {
            asked = stage.script.asked() => asked.answer(403, ""),
            () = sleep_until(sent + SECOND * 95) => {}
        }
    }
    assert_eq!(bearer(&stage).await, Err(Withheld::Rejected));
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_counts_from_the_next_token_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    fs::write(&path, "before\n").unwrap();
    let mut config = config();
    config.credentials[0].client_secret = SecretSource::File(path.clone());
    let mut stage = start(&config);
    let first = stage.script.asked().await;
    assert!(first.request.body().ends_with(br#""client_secret":"before","grant_type":"client_credentials"}"#));
    first.grant("one", 1000);

    fs::write(&path, "after\n").unwrap();

    let second = stage.script.asked().await;
    assert!(second.request.body().ends_with(br#""client_secret":"after","grant_type":"client_credentials"}"#));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_secret_is_tried_anew_as_soon_as_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    fs::write(&path, "revoked").unwrap();
    let mut config = config();
    config.credentials[0].client_secret = SecretSource::File(path.clone());
    let mut stage = start(&config);
    stage.script.asked().await.answer(401, "");
    assert!(stage.script.rests(SECOND * 10).await);

    fs::write(&path, "rotated").unwrap();
    let changed = Instant::now();

    let asked = stage.script.asked().await;
    assert!(asked.at - changed <= SECOND * 2 + SECOND / 10, "{:?}", asked.at - changed);
    asked.grant("one", DAY);
    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_read_is_never_sent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    fs::write(&path, "\n").unwrap();
    let mut config = config();
    config.credentials[0].client_secret = SecretSource::File(path.clone());
    let mut stage = start(&config);

    assert!(stage.script.rests(SECOND * 60).await);
    assert_eq!(failed(&stage).await, Failure::SecretUnreadable);
    fs::write(&path, "secret").unwrap();

    stage.script.asked().await.grant("one", DAY);
    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
}

#[tokio::test(start_paused = true)]
async fn a_defect_while_minting_is_a_failure_like_others() {
    let mut stage = start(&config());

    stage.script.asked().await.panic();

    assert_eq!(failed(&stage).await, Failure::Internal);
    stage.script.asked().await.grant("one", DAY);
    assert_eq!(bearer(&stage).await.unwrap(), "Bearer one");
}

#[tokio::test(start_paused = true)]
async fn the_endpoints_wish_for_patience_is_kept() {
    let mut stage = start(&config());
    let asked = stage.script.asked().await;
    let sent = asked.at;

    asked.fail(Failure::Throttled(Some(SECOND * 40)));

    assert!(stage.script.asked().await.at >= sent + SECOND * 40);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_the_task_and_the_waiting() {
    let mut stage = start(&config());
    let _asked = stage.script.asked().await;
    let source = Arc::clone(only(&stage));
    let caller = aside(async move { source.token(far()).await });
    tokio::task::yield_now().await;
    let began = Instant::now();

    drop(stage.shutdown);
    stage.tracker.close();
    stage.tracker.wait().await;

    assert!(caller.await.unwrap().is_err());
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn metrics_tell_results_and_expiry() {
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
    let labels = crate::metrics::Credential { credential: "acme" };
    let expiry = stage.metrics.upstream_token_expiry_timestamp_seconds.with(labels).get().unsigned_abs();
    assert!(expiry.abs_diff(wall + DEFAULT_LIFETIME.as_secs()) <= 1, "{expiry}");
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

#[tokio::test(start_paused = true)]
async fn each_credential_and_token_url_has_one_source_and_tenants_share_it() {
    let mut config = config();
    config.credentials.push(credential("other"));
    config.tenants.push(config::Tenant { credential: config.credentials[0].name.clone(), ..tenant("second") });
    let upstream = |base: Option<&str>, token_url: &str| config::Upstream {
        name: "some".into(),
        base: base.map(|base| base.parse().unwrap()),
        token_url: Some(token_url.parse().unwrap()),
    };
    config.passport.upstreams = vec![
        upstream(Some("http://a.test"), "http://here.test/tokens"),
        upstream(Some("http://b.test"), "http://there.test/tokens"),
        upstream(Some("http://c.test"), "http://here.test/tokens"),
        upstream(None, "http://nowhere.test/tokens"),
    ];
    let mut stage = start(&config);
    for _ in 0..4 {
        let asked = stage.script.asked().await;
        let id = if asked.request.body().starts_with(br#"{"client_id":"acme-id""#) { "acme" } else { "other" };
        let token = format!("{id}@{}", asked.request.uri().host().unwrap());
        asked.grant(&token, DAY);
    }
    stage.tokens.attempted().await;

    let bearer = |credential, upstream| {
        let token = stage.tokens.at(credential, upstream)?.ready().unwrap();
        Some(token.bearer().to_str().unwrap().to_owned())
    };
    let acme: Vec<_> = (0..5).map(|upstream| bearer(0, upstream)).collect();
    let expected = ["Bearer acme@here.test", "Bearer acme@there.test", "Bearer acme@here.test"];
    assert_eq!(acme, [expected.map(|bearer| Some(bearer.to_owned())).as_slice(), &[None, None]].concat());
    assert_eq!(bearer(1, 1).unwrap(), "Bearer other@there.test");
    assert!(stage.script.is_idle());
}

#[test]
fn a_source_serves_callers_on_other_runtimes() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let control = runtime();
    let mut stage = control.block_on(async { start(&config()) });
    let source = Arc::clone(only(&stage));
    let workers: Vec<_> = (0..2)
        .map(|_| {
            let source = Arc::clone(&source);
            std::thread::spawn(move || runtime().block_on(source.token(far())).map(|token| token.generation()))
        })
        .collect();

    control.block_on(async {
        stage.script.asked().await.grant("one", DAY);
        stage.tokens.attempted().await;
    });

    for worker in workers {
        assert_eq!(worker.join().unwrap(), Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_request_is_one_that_passport_knows() {
    let mut stage = start(&config());

    let asked = stage.script.asked().await;

    assert_eq!(asked.request.uri(), "http://upstream.test/v1/iam/oauth/tokens");
    assert_eq!(asked.request.headers()[header::CONTENT_TYPE], "application/json");
    let expected = r#"{"client_id":"acme-id","client_secret":"acme-secret","grant_type":"client_credentials"}"#;
    assert_eq!(asked.request.body(), expected);
}
