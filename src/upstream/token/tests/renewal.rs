//! When tokens are renewed, and until when they are used.

use super::*;

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
    sleep_until(sent + SECOND * 19).await;
    assert!(only(&stage).ready().is_some());
    sleep_until(sent + SECOND * 20).await;

    assert!(only(&stage).ready().is_none(), "it came late, but lives no longer for that");
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn the_last_good_token_serves_until_it_expires_and_never_after() {
    let mut stage = start(&config());
    let first = stage.script.asked().await;
    let sent = first.at;
    first.grant("one", 100);

    let mut tries = 0;
    let end = sent + SECOND * 100;
    while Instant::now() < end - SECOND {
        stage.script.asked().await.fail(Failure::Unreachable);
        failed(&stage).await;
        tries += 1;
        let answer = bearer(&stage).await;
        assert_eq!(answer.is_ok(), Instant::now() < end - Duration::from_millis(250), "{answer:?}");
    }
    sleep_until(end).await;

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
