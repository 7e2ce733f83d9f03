//! Stale answers: only within the windows that operator and upstream allow (RFC 5861).

use super::*;

fn bench(while_revalidate: u64, if_error: u64) -> Bench {
    Bench::with(|config| {
        config.cache.stale_while_revalidate = Duration::from_secs(while_revalidate);
        config.cache.stale_if_error = Duration::from_secs(if_error);
    })
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_served_while_one_call_renews_it() {
    let mut bench = bench(10, 0);
    bench.miss(LIST, ok("old")).await;
    bench.clock.advance(TTL + Duration::from_secs(1));

    let (one, two) = (bench.get(LIST), bench.get(LIST));
    let renewal = bench.asked().await;
    bench.quiet().await;
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_eq!((one.body(), two.body()), (&Bytes::from("old"), &Bytes::from("old")));
    assert_eq!(one.cache, Some(CacheStatus::hit(CacheResult::Stale, -1)));
    assert_eq!(two.field("age"), Some("6"));

    renewal.answer(ok("new"));
    settle().await;
    assert_eq!(bench.hit(LIST).await.body(), "new");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_window_callers_wait_for_the_renewal() {
    let mut bench = bench(10, 0);
    bench.miss(LIST, ok("old")).await;

    bench.clock.advance(TTL + Duration::from_secs(10));

    assert_eq!(bench.goes_up(LIST).await.body(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_the_window_as_it_was() {
    let mut bench = bench(10, 0);
    bench.miss(LIST, ok("old")).await;
    bench.clock.advance(TTL);
    let served = bench.get(LIST);
    bench.asked().await.refuse(Refusal::UpstreamUnreachable(Sent::Nothing));
    assert_eq!(served.await.unwrap().body(), "old");

    bench.clock.advance(Duration::from_secs(10));

    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_stands_in_for_a_failure_and_for_all_who_wait() {
    let mut bench = bench(0, 60);
    bench.miss(LIST, ok("old")).await;
    bench.clock.advance(TTL);

    let (one, two) = (bench.get(LIST), bench.get(LIST));
    let call = bench.asked().await;
    bench.quiet().await;
    call.refuse(Refusal::UpstreamUnavailable(Duration::from_secs(3)));

    for reply in [one.await.unwrap(), two.await.unwrap()] {
        assert_eq!((reply.result(), reply.body().as_ref()), (CacheResult::Stale, &b"old"[..]));
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_rfc_5861_calls_an_error_is_stood_in_for() {
    let mut bench = bench(0, 3600);
    bench.miss(LIST, ok("old")).await;
    bench.clock.advance(TTL);

    for (status, stale) in
        [(500, true), (502, true), (503, true), (504, true), (400, false), (403, false), (404, false), (429, false)]
    {
        let reply = bench.get(LIST);
        bench.asked().await.answer(answer(status, "no"));
        assert_eq!(reply.await.unwrap().result() == CacheResult::Stale, stale, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_is_not_stood_in_for() {
    let mut bench = bench(0, 60);
    bench.miss(LIST, ok("old")).await;
    bench.clock.advance(TTL);

    let reply = bench.get(LIST);
    bench.asked().await.refuse(Refusal::UpstreamCredentialRejected);

    assert_eq!(*reply.await.unwrap().refusal(), Refusal::UpstreamCredentialRejected);
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_stands_in_when_the_time_is_up() {
    let mut bench = bench(0, 60);
    bench.miss(LIST, ok("old")).await;
    bench.clock.advance(TTL);
    let reply = bench.get(LIST);
    let _hanging = bench.asked().await;

    tokio::time::sleep(Duration::from_secs(15)).await;

    assert_eq!(reply.await.unwrap().result(), CacheResult::Stale);
}

#[tokio::test(start_paused = true)]
async fn what_must_be_revalidated_is_not_served_stale() {
    let mut bench = bench(60, 60);
    bench.miss(LIST, with(ok("old"), "cache-control", "must-revalidate")).await;
    bench.clock.advance(TTL);

    let reply = bench.get(LIST);
    bench.asked().await.refuse(Refusal::UpstreamInvalidResponse);

    assert_eq!(*reply.await.unwrap().refusal(), Refusal::UpstreamInvalidResponse);
}
