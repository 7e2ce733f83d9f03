//! Tokens that are revoked in the end, and those that are not.

use http::{Method, header};

use super::*;
use crate::upstream::token::testing::{Asked, captured_log};

fn revoking() -> Config {
    let mut config = config();
    config.credentials[0].revoke_on_shutdown = true;
    config
}

fn minted_with_id(asked: Asked, token: &str, id: &str) {
    asked.answer(200, &format!(r#"{{"access_token": "{token}", "expires_in": 1000, "token_id": "{id}"}}"#));
}

#[tokio::test(start_paused = true)]
async fn no_token_is_revoked_unless_it_is_asked_for() {
    let mut stage = start(&config());
    minted_with_id(stage.script.asked().await, "one", "id-1");
    generation(&stage, 1).await;

    drop(stage.shutdown);
    stage.tracker.close();
    stage.tracker.wait().await;

    assert!(stage.script.is_idle());
}

#[tokio::test(start_paused = true)]
async fn every_token_that_lives_is_revoked_in_the_end_the_newest_last() {
    let mut stage = start(&revoking());
    minted_with_id(stage.script.asked().await, "one", "id-1");
    minted_with_id(stage.script.asked().await, "two", "a/b?c..");
    generation(&stage, 2).await;

    drop(stage.shutdown);

    for path in ["/v1/iam/oauth/tokens/id-1", "/v1/iam/oauth/tokens/a%2Fb%3Fc%2E%2E"] {
        let asked = stage.script.asked().await;
        assert_eq!((asked.request.method(), asked.request.uri().path()), (&Method::DELETE, path));
        assert_eq!(asked.request.uri().authority().unwrap(), "upstream.test");
        assert_eq!(asked.request.headers()[header::AUTHORIZATION], "Bearer two");
        assert!(asked.request.headers()[header::AUTHORIZATION].is_sensitive());
        asked.answer(200, "");
    }
    stage.tracker.close();
    stage.tracker.wait().await;
    assert!(stage.script.is_idle());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_does_not_answer_delays_the_end_by_three_seconds() {
    let mut stage = start(&revoking());
    minted_with_id(stage.script.asked().await, "one", "id-1");
    generation(&stage, 1).await;
    let began = Instant::now();

    drop(stage.shutdown);
    let hanging = aside(stage.script.asked().await.hang());
    stage.tracker.close();
    stage.tracker.wait().await;

    assert!((SECOND * 3..SECOND * 4).contains(&began.elapsed()), "{:?}", began.elapsed());
    hanging.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_came_of_it_is_logged_without_the_token_or_its_id() {
    for (answer, told) in
        [(200, "token revoked"), (409, "token revoked"), (401, "a token was not revoked"), (500, "was not revoked")]
    {
        let (log, _guard) = captured_log();
        let mut stage = start(&revoking());
        minted_with_id(stage.script.asked().await, "t0p", "id-1");
        generation(&stage, 1).await;

        drop(stage.shutdown);
        stage.script.asked().await.answer(answer, "");
        stage.tracker.close();
        stage.tracker.wait().await;

        let log = log.text();
        assert!(log.contains(told), "{answer}: {log}");
        assert!(!log.contains("t0p") && !log.contains("id-1"), "{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_without_an_id_ends_when_it_expires() {
    let (log, _guard) = captured_log();
    let mut stage = start(&revoking());
    stage.script.asked().await.grant("one", DAY);
    generation(&stage, 1).await;

    drop(stage.shutdown);
    stage.tracker.close();
    stage.tracker.wait().await;

    assert!(stage.script.is_idle());
    assert!(log.text().contains("had no token_id"), "{}", log.text());
}
