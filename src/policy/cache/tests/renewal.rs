//! Renewing with Passport's own validators: a 304 confirms what is held, and nothing else does.

use super::*;

fn tagged(body: &'static str, tag: &str) -> Response {
    with(ok(body), "etag", tag)
}

fn unchanged(lines: &[(&'static str, &str)]) -> Response {
    lines.iter().fold(answer(304, ""), |answer, (name, value)| with(answer, name, value))
}

fn asked_with(call: &Call) -> (Option<&HeaderValue>, Option<&HeaderValue>) {
    let held = call.request.held();
    (held.and_then(|held| held.entity_tag.as_ref()), held.and_then(|held| held.last_modified.as_ref()))
}

/// A stale answer, and the call that renews it.
async fn renewing(bench: &mut Bench, first: Response) -> (JoinHandle<Reply>, Call) {
    bench.miss(LIST, first).await;
    bench.clock.advance(TTL);
    let reply = bench.get(LIST);
    (reply, bench.asked().await)
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_renewed_by_its_tag_and_served_on() {
    let mut bench = Bench::new();
    let (reply, call) = renewing(&mut bench, with(tagged("all", "\"1\""), "x-kept", "1")).await;
    assert_eq!(asked_with(&call), (Some(&HeaderValue::from_static("\"1\"")), None));

    call.answer(unchanged(&[("etag", "\"1\""), ("x-new", "2")]));

    let reply = reply.await.unwrap();
    assert_eq!((reply.status(), reply.body().as_ref(), reply.result()), (StatusCode::OK, &b"all"[..], CacheResult::Revalidated));
    assert_eq!((reply.field("x-kept"), reply.field("x-new")), (Some("1"), Some("2")));
    assert_eq!(reply.told(), "fwd=stale; fwd-status=304; stored; ttl=5");
    let hit = bench.hit(LIST).await;
    assert_eq!((hit.body().as_ref(), hit.field("x-new"), hit.field("age")), (&b"all"[..], Some("2"), Some("0")));
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_answer_ends_again_and_is_confirmed_again() {
    let mut bench = Bench::new();
    bench.miss(LIST, tagged("all", "\"1\"")).await;

    for _ in 0..3 {
        bench.clock.advance(TTL);
        let reply = bench.get(LIST);
        bench.asked().await.answer(unchanged(&[]));
        assert_eq!(reply.await.unwrap().body(), "all");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_changed_takes_the_place_of_the_old_one() {
    let mut bench = Bench::new();
    let (reply, call) = renewing(&mut bench, tagged("old", "\"1\"")).await;

    call.answer(tagged("new", "\"2\""));

    let reply = reply.await.unwrap();
    assert_eq!((reply.body().as_ref(), reply.told()), (&b"new"[..], "fwd=stale; stored; ttl=5".to_owned()));
    assert_eq!(bench.hit(LIST).await.body(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_was_made_here_is_never_sent_up() {
    let mut bench = Bench::new();

    let (reply, call) = renewing(&mut bench, ok("all")).await;

    assert_eq!(call.request.held(), None);
    call.answer(ok("all"));
    reply.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_date_is_sent_up_where_it_is_as_good_as_a_tag() {
    let mut bench = Bench::new();
    let dated = |second: &str| {
        let answer = with(ok("all"), "last-modified", &format!("Thu, 01 Jan 1970 00:00:{second} GMT"));
        with(with(answer, "date", "Thu, 01 Jan 1970 00:00:30 GMT"), "age", "0")
    };

    let (reply, call) = renewing(&mut bench, dated("29")).await;
    assert_eq!(asked_with(&call), (None, Some(&HeaderValue::from_static("Thu, 01 Jan 1970 00:00:29 GMT"))));
    call.answer(unchanged(&[]));
    assert_eq!(reply.await.unwrap().result(), CacheResult::Revalidated);

    bench.service.cache.purge(None, None);
    let (reply, call) = renewing(&mut bench, dated("30")).await;
    assert_eq!(call.request.held(), None, "a second change within that second would not show");
    call.answer(ok("all"));
    reply.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_callers_no_cache_is_answered_by_confirming_what_is_fresh() {
    let mut bench = Bench::new();
    bench.miss(LIST, tagged("all", "\"1\"")).await;
    bench.clock.advance(Duration::from_secs(1));

    let reply = bench.get_with(LIST, &[("cache-control", "no-cache")]);
    bench.asked().await.answer(unchanged(&[]));

    assert_eq!(reply.await.unwrap().told(), "fwd=request; fwd-status=304; stored; ttl=5");
    assert_eq!(bench.hit(LIST).await.field("age"), Some("0"));
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_share_what_was_confirmed() {
    let mut bench = Bench::new();
    let (one, call) = renewing(&mut bench, tagged("all", "\"1\"")).await;
    let two = bench.get(LIST);
    bench.quiet().await;

    call.answer(unchanged(&[]));

    let two = two.await.unwrap();
    assert_eq!(
        (two.body().as_ref(), two.told()),
        (&b"all"[..], "fwd=stale; fwd-status=304; stored; collapsed; ttl=5".to_owned())
    );
    assert_eq!(one.await.unwrap().body(), "all");
}

#[tokio::test(start_paused = true)]
async fn who_has_it_is_told_so_when_passport_confirms_it() {
    let mut bench = Bench::new();
    bench.miss(LIST, tagged("all", "\"1\"")).await;
    bench.clock.advance(TTL);

    let reply = bench.get_with(LIST, &[("if-none-match", "\"1\"")]);
    bench.asked().await.answer(unchanged(&[]));

    let reply = reply.await.unwrap();
    assert_eq!((reply.status(), reply.told()), (StatusCode::NOT_MODIFIED, "fwd=stale; stored; ttl=5".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_304_about_something_else_is_asked_again_without_condition() {
    let mut bench = Bench::new();
    let (reply, call) = renewing(&mut bench, tagged("old", "\"1\"")).await;

    call.answer(unchanged(&[("etag", "\"2\"")]));
    let again = bench.asked().await;
    assert_eq!(again.request.held(), None);
    again.answer(tagged("new", "\"2\""));

    assert_eq!(reply.await.unwrap().body(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_answer_that_may_not_be_kept_any_more_is_not() {
    let mut bench = Bench::new();
    for (name, value) in [("cache-control", "no-store"), ("cache-control", "private"), ("set-cookie", "a=b"), ("vary", "*")] {
        bench.service.cache.purge(None, None);
        let (reply, call) = renewing(&mut bench, tagged("all", "\"1\"")).await;

        call.answer(unchanged(&[(name, value)]));

        let reply = reply.await.unwrap();
        assert_eq!((reply.body().as_ref(), reply.told()), (&b"all"[..], "fwd=stale; fwd-status=304".to_owned()), "{value}");
        bench.goes_up(LIST).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_write_made_untrue_is_not_renewed_but_fetched() {
    let mut bench = Bench::new();
    bench.miss(LIST, tagged("before", "\"1\"")).await;
    let write = bench.pay();
    bench.asked().await.answer(ok("paid"));
    write.await.unwrap();

    let reply = bench.get(LIST);
    let call = bench.asked().await;

    assert_eq!(call.request.held(), None);
    call.answer(tagged("after", "\"1\""));
    assert_eq!(reply.await.unwrap().body(), "after");
}

#[tokio::test(start_paused = true)]
async fn what_a_write_made_untrue_while_it_was_confirmed_is_not_kept() {
    let mut bench = Bench::new();
    let (reply, call) = renewing(&mut bench, tagged("before", "\"1\"")).await;
    let write = bench.pay();
    bench.asked().await.answer(ok("paid"));
    write.await.unwrap();

    call.answer(unchanged(&[]));

    assert!(!reply.await.unwrap().stored());
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_behind_a_served_answer_leaves_the_callers_facts_alone() {
    let mut bench = Bench::with(|config| config.cache.stale_while_revalidate = Duration::from_mins(1));
    bench.miss(LIST, tagged("all", "\"1\"")).await;
    bench.clock.advance(TTL);
    let request = request(&bench.acme, Method::GET, LIST, &[]);
    let caller = request.exchange().clone();

    let reply = bench.send(request);
    let call = bench.asked().await;
    call.request.exchange().add_attempt();

    assert_eq!(reply.await.unwrap().result(), CacheResult::Stale);
    assert_eq!((caller.attempts(), call.request.exchange().id()), (0, caller.id()));
    assert_eq!(call.request.exchange().tenant(), caller.tenant());
    assert_eq!(asked_with(&call), (Some(&HeaderValue::from_static("\"1\"")), None));
    call.answer(unchanged(&[]));
}
