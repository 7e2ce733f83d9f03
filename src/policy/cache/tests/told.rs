//! What `Cache-Status` says (RFC 9211), and what a caller's directives do (RFC 9111 §5.2.1).

use super::*;

#[tokio::test(start_paused = true)]
async fn why_a_request_went_up_is_told() {
    let mut bench = Bench::new();

    let cold = bench.miss(LIST, ok("all")).await;
    let unwanted = bench.goes_up_with(LIST, &[("cache-control", "max-age=0")]).await;
    let passed = bench.goes_up_with(LIST, &[("cache-control", "no-store")]).await;
    bench.clock.advance(TTL);
    let stale = bench.goes_up(LIST).await;

    assert_eq!(cold.told(), "fwd=uri-miss; stored; ttl=5");
    assert_eq!(unwanted.told(), "fwd=request; stored; ttl=5");
    assert_eq!(passed.told(), "fwd=bypass");
    assert_eq!(stale.told(), "fwd=stale; stored; ttl=5");
}

#[tokio::test(start_paused = true)]
async fn another_variant_is_a_vary_miss() {
    let mut bench = Bench::new();
    bench.miss(LIST, with(ok("all"), "vary", "accept-language")).await;

    let other = bench.goes_up_with(LIST, &[("accept-language", "es")]).await;

    assert_eq!(other.told(), "fwd=vary-miss; stored; ttl=5");
}

#[tokio::test(start_paused = true)]
async fn a_shared_answer_is_told_as_collapsed_with_the_same_reason() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("old")).await;
    bench.clock.advance(TTL);
    let (one, two) = (bench.get(LIST), bench.get(LIST));
    let call = bench.asked().await;
    bench.quiet().await;

    call.answer(answer(500, "no"));

    let told = [one.await.unwrap().told(), two.await.unwrap().told()];
    assert!(told.contains(&"fwd=stale".to_owned()) && told.contains(&"fwd=stale; collapsed".to_owned()), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_passport_answered_is_told_where_the_caller_gets_something_else() {
    let mut bench = Bench::with(|config| config.cache.stale_if_error = Duration::from_mins(1));
    let tag = bench.miss(LIST, ok("all")).await.field("etag").unwrap().to_owned();
    bench.clock.advance(TTL + Duration::from_secs(1));

    let failed = bench.get(LIST);
    bench.asked().await.answer(answer(503, "busy"));
    let unreached = bench.get(LIST);
    bench.asked().await.refuse(Refusal::UpstreamUnreachable(Sent::Nothing));
    let held = bench.get_with(LIST, &[("if-none-match", &tag)]);
    bench.asked().await.answer(ok("all"));

    assert_eq!(failed.await.unwrap().told(), "fwd=stale; fwd-status=503; ttl=-1");
    assert_eq!(unreached.await.unwrap().told(), "fwd=stale; ttl=-1; detail=upstream-unreachable");
    let held = held.await.unwrap();
    assert_eq!((held.status().as_u16(), held.told()), (304, "fwd=stale; fwd-status=200; stored; ttl=5".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_age_is_passed_on_by_a_miss_and_grows_on_hits() {
    let mut bench = Bench::new();

    let miss = bench.miss(LIST, with(ok("all"), "age", "2")).await;
    bench.clock.advance(Duration::from_secs(1));

    assert_eq!((miss.field("age"), miss.told().as_str()), (Some("2"), "fwd=uri-miss; stored; ttl=3"));
    assert_eq!(bench.hit(LIST).await.field("age"), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn who_wants_only_what_is_stored_is_never_sent_up() {
    let mut bench = Bench::new();
    let only = [("cache-control", "only-if-cached")];

    let cold = bench.hit_with(LIST, &only).await;
    let flying = bench.get(LIST);
    let call = bench.asked().await;
    let early = bench.hit_with(LIST, &only).await;
    call.answer(ok("all"));
    flying.await.unwrap();
    let stored = bench.hit_with(LIST, &only).await;
    let unwanted = bench.hit_with(LIST, &[("cache-control", "only-if-cached, max-age=0")]).await;
    bench.clock.advance(TTL);
    let late = bench.hit_with(LIST, &only).await;
    let accepted = bench.hit_with(LIST, &[("cache-control", "only-if-cached, max-stale")]).await;

    for refused in [&cold, &early, &unwanted, &late] {
        assert_eq!((refused.refusal(), refused.told().as_str()), (&Refusal::NotCached, "detail=only-if-cached"));
    }
    assert_eq!((stored.result(), accepted.result()), (CacheResult::Hit, CacheResult::Stale));
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_holds_where_nothing_is_ever_cached_and_says_nothing_to_writes() {
    let mut bench = Bench::new();
    let only = [("cache-control", "only-if-cached")];

    let never = bench.hit_with("/v1/payments/6c23f053-0e1a-46b4-b902-97ba47e351bc", &only).await;
    let secret = bench.hit_with(LIST, &[("cache-control", "only-if-cached, no-store")]).await;
    let write = bench.send(request(&bench.acme, Method::POST, "/v1/payments/breb", &only));
    bench.asked().await.answer(ok("paid"));

    assert_eq!((never.refusal(), secret.refusal()), (&Refusal::NotCached, &Refusal::NotCached));
    assert_eq!(write.await.unwrap().status(), StatusCode::OK);
}
