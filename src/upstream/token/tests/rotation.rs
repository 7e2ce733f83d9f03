//! Secrets that change while the gateway runs.

use std::fs;

use super::*;
use crate::config::SecretSource;

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
