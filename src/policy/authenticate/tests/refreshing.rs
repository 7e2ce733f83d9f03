//! Keys are kept fresh in the background, and in use while their issuer is away.

use super::*;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test(start_paused = true)]
async fn the_first_keys_are_fetched_at_start_and_shown() {
    let signer = Signer::ed("key");
    let house = House::trusting(KeySource::JwksUrl("https://id.test/jwks.json".parse().unwrap()));
    assert!(!house.status().attempted);

    let url = house.answer(Ok(set(&[&signer]))).await;

    house.keys.attempted().await;
    assert_eq!(url, "https://id.test/jwks.json");
    let shown = KeyStatus { issuer: ISSUER.into(), keys: 1, attempted: true, last_success: Some(wall()), last_error: None };
    assert_eq!(house.status(), shown);
    assert_eq!(house.refreshes("ok"), 1);
    assert!(house.call(&token(&signer)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn keys_are_renewed_on_schedule() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let house = House::knowing(&[&old]).await;

    house.clock.advance(REFRESH);
    house.publish(&[&new]).await;

    assert!(house.call(&token(&new)).await.is_ok());
    assert_eq!(house.status().last_success, Some(house.clock.wall()));
}

#[tokio::test(start_paused = true)]
async fn unchanged_keys_keep_the_snapshot_and_with_it_what_is_remembered() {
    let (a, b) = (Signer::ed("a"), Signer::ed("b"));
    let house = House::knowing(&[&a, &b]).await;
    let before = house.snapshot();

    house.clock.advance(REFRESH);
    house.publish(&[&b, &a]).await;
    assert!(Arc::ptr_eq(&before, &house.snapshot()));

    house.clock.advance(REFRESH);
    house.publish(&[&b]).await;
    assert!(!Arc::ptr_eq(&before, &house.snapshot()));
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_key_is_refused_even_for_a_remembered_token() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let house = House::knowing(&[&old, &new]).await;
    let token = token(&old);
    assert!(house.call(&token).await.is_ok());

    house.clock.advance(REFRESH);
    house.publish(&[&new]).await;

    let (answer, ()) = tokio::join!(house.call(&token), house.publish(&[&new]));
    assert!(matches!(answer, Err(Refusal::InvalidCredential(_))));
}

#[tokio::test(start_paused = true)]
async fn known_keys_stay_in_use_while_the_issuer_is_away() {
    let signer = Signer::ed("key");
    let house = House::knowing(&[&signer]).await;

    house.clock.advance(REFRESH);
    house.answer(unreachable()).await;
    house.clock.advance(Duration::from_mins(1));
    house.answer(Ok(Bytes::from_static(b"<html>"))).await;

    assert!(house.call(&token(&signer)).await.is_ok());
    assert_eq!((house.refreshes("unreachable"), house.refreshes("invalid")), (1, 1));
    let status = house.status();
    assert_eq!((status.keys, status.last_success), (1, Some(wall())));
    assert_eq!(status.last_error.as_deref(), Some("the answer is no JWK set"));
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_not_renewed_for_a_day_are_no_longer_used() {
    let signer = Signer::ed("key");
    let house = House::knowing(&[&signer]).await;

    house.clock.advance(DAY.saturating_sub(Duration::from_secs(1)));
    house.answer(unreachable()).await;
    assert_eq!(house.status().keys, 1);

    house.clock.advance(Duration::from_mins(1));
    house.answer(unreachable()).await;
    assert_eq!(house.status().keys, 0);
    let (answer, _) = tokio::join!(house.call(&token(&signer)), house.answer(unreachable()));
    assert_eq!(answer.unwrap_err(), Refusal::JwksUnavailable);

    house.clock.advance(Duration::from_mins(1));
    house.publish(&[&signer]).await;
    assert!(house.call(&token(&signer)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_failing_issuer_is_asked_again_after_growing_pauses_of_at_most_a_minute() {
    let house = House::trusting(KeySource::JwksUrl("https://id.test/jwks.json".parse().unwrap()));
    house.answer(unreachable()).await;
    let mut pauses = Vec::new();

    for _ in 0..8 {
        let began = house.clock.now();
        let (_, asked) = loop {
            if let Ok(asked) = house.asked.lock().await.try_recv() {
                break asked;
            }
            house.clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        };
        pauses.push(house.clock.now() - began);
        let ended = house.ended();
        asked.send(unreachable()).unwrap();
        house.until_past(ended).await;
    }

    for (failures, pause) in (1_u32..).zip(&pauses) {
        let longest = Duration::from_secs(1 << failures.min(6)).min(Duration::from_mins(1));
        let slack = Duration::from_millis(500);
        assert!(*pause >= longest / 2 && *pause <= longest + slack, "{failures}: {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_issuers_nothing_is_waited_for() {
    let keys = IssuerKeys::new(&[]);

    keys.attempted().await;

    assert!(keys.status().is_empty());
    let stranger = IssuerId::of(&House::trusting(KeySource::JwksFile("/none".into())).snapshots.config().issuers[0]);
    keys.refetched(stranger, tokio::time::Instant::now()).await;
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_at_shutdown_even_in_the_middle_of_an_attempt() {
    let house = House::trusting(KeySource::JwksUrl("https://id.test/jwks.json".parse().unwrap()));
    let (_, _never) = house.asked().await;

    house.shutdown.cancel();
    house.tasks.close();
    house.tasks.wait().await;

    assert!(house.status().attempted, "an attempt that was cut short has ended");
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_keys_of_issuers_that_stay_and_lets_the_others_go() {
    let signer = Signer::ed("key");
    let house = House::knowing(&[&signer]).await;
    let issuers = house.snapshots.config().issuers.clone();
    let other = config::Issuer { issuer: "https://other.test".to_owned(), ..issuers[0].clone() };

    let both = [other.clone(), issuers[0].clone()];
    house.snapshots.replace_config(Arc::new(Config { issuers: both.to_vec(), ..(*house.snapshots.config()).clone() }));
    house.keepers.keep(&both);
    assert!(house.call(&token(&signer)).await.is_ok(), "nobody was asked for keys that are known");
    assert_eq!(house.keys.status().iter().map(|status| status.attempted).collect::<Vec<_>>(), [false, true]);

    house.snapshots.replace_config(Arc::new(Config { issuers: vec![other.clone()], ..(*house.snapshots.config()).clone() }));
    house.keepers.keep(&[other]);
    assert!(house.call(&token(&signer)).await.is_err());
    let (url, _answer) = house.asked().await;
    assert_eq!(url, "https://id.test/jwks.json", "the new issuer's keys are fetched");
    assert_eq!(house.keys.status().len(), 1);
}
