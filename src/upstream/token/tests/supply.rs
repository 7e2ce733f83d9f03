//! Tokens are there before anybody asks, for whoever asks.

use http::header;

use super::*;
use crate::testing::{credential, tenant};

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
async fn the_request_is_one_that_passport_knows() {
    let mut stage = start(&config());

    let asked = stage.script.asked().await;

    assert_eq!(asked.request.uri(), "http://upstream.test/v1/iam/oauth/tokens");
    assert_eq!(asked.request.headers()[header::CONTENT_TYPE], "application/json");
    let expected = r#"{"client_id":"acme-id","client_secret":"acme-secret","grant_type":"client_credentials"}"#;
    assert_eq!(asked.request.body(), expected);
}

#[tokio::test(start_paused = true)]
async fn callers_wait_for_the_first_token_and_share_one_request() {
    let mut stage = start(&config());
    let source = only(&stage);
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

    let bearer = |credential: usize, upstream| {
        let token = stage.tokens.at(config.credentials[credential].identity(), upstream)?.ready().unwrap();
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
    let source = only(&stage);
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
async fn shutdown_ends_the_task_and_the_waiting() {
    let mut stage = start(&config());
    let _asked = stage.script.asked().await;
    let source = only(&stage);
    let caller = aside(async move { source.token(far()).await });
    tokio::task::yield_now().await;
    let began = Instant::now();

    drop(stage.shutdown);
    stage.tracker.close();
    stage.tracker.wait().await;

    assert!(caller.await.unwrap().is_err());
    assert_eq!(began.elapsed(), Duration::ZERO);
}
