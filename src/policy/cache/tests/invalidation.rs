//! Nothing that a write made untrue is served, stored or joined after its answer.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_write_makes_the_writers_next_read_fresh() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("before")).await;
    bench.miss(PAYMENTS, ok("before")).await;
    bench.miss("/v1/customers", ok("customers")).await;

    let write = bench.pay();
    bench.asked().await.answer(ok("paid"));
    assert_eq!(write.await.unwrap().cache, None);

    bench.goes_up(LIST).await;
    bench.goes_up(PAYMENTS).await;
    assert_eq!(bench.hit("/v1/customers").await.body(), "customers");
}

#[tokio::test(start_paused = true)]
async fn entries_are_served_while_a_write_is_under_way() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("before")).await;
    let write = bench.pay();
    let call = bench.asked().await;

    assert_eq!(bench.hit(LIST).await.body(), "before");

    call.answer(answer(201, ""));
    write.await.unwrap();
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_alone_before_a_write_is_not_kept_either() {
    let mut bench = Bench::new();
    bench.miss(LIST, with(ok("for one"), "cache-control", "private")).await;
    let read = bench.get(LIST);
    let alone = bench.asked().await;

    let write = bench.pay();
    bench.asked().await.answer(ok("paid"));
    write.await.unwrap();
    alone.answer(ok("before"));

    assert!(!read.await.unwrap().stored());
    bench.goes_up(LIST).await;
}

/// Its flight dies with the worker that it ran on; by then a write has come in between.
#[test]
fn who_flies_anew_after_a_write_does_not_ask_by_what_was_held_before() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (doomed, other) = (runtime(), runtime());
    let mut bench = doomed.block_on(async { Bench::new() });
    let _call = doomed.block_on(async {
        let first = bench.get(LIST);
        bench.calls.recv().await.unwrap().answer(with(ok("before"), "etag", "\"1\""));
        first.await.unwrap();
        bench.clock.advance(TTL);
        let _leader = bench.get(LIST);
        bench.calls.recv().await.unwrap()
    });
    let mut waiting = Box::pin(bench.service.call(request(&bench.acme, Method::GET, LIST, &[])));
    other.block_on(async {
        assert!(futures_util::poll!(&mut waiting).is_pending());
    });

    bench.service.cache.invalidate("acme", &["list_accounts"]);
    drop(doomed);

    other.block_on(async {
        let answer = async {
            let call = bench.calls.recv().await.unwrap();
            assert_eq!(call.request.held(), None);
            call.answer(ok("after"));
        };
        assert_eq!(tokio::join!(waiting, answer).0.unwrap().body().held().unwrap(), "after");
    });
}

#[tokio::test(start_paused = true)]
async fn a_plain_refusal_changes_nothing() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("before")).await;
    for status in [400, 403, 404, 422, 429] {
        let write = bench.pay();
        bench.asked().await.answer(answer(status, "no"));
        write.await.unwrap();
        bench.hit(LIST).await;
    }
    for refusal in [Refusal::UpstreamUnreachable(Sent::Nothing), Refusal::Overloaded, Refusal::DeadlineExceeded(Sent::Nothing)] {
        let write = bench.pay();
        bench.asked().await.refuse(refusal);
        write.await.unwrap();
        bench.hit(LIST).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_outcome_is_unknown_invalidates() {
    let mut bench = Bench::new();
    for status in [200, 202, 204, 303, 408, 409, 500, 502, 503, 504] {
        bench.goes_up(LIST).await;
        let write = bench.pay();
        bench.asked().await.answer(answer(status, ""));
        write.await.unwrap();
    }
    for refusal in [
        Refusal::UpstreamUnreachable(Sent::Something),
        Refusal::DeadlineExceeded(Sent::Something),
        Refusal::UpstreamInvalidResponse,
        Refusal::Internal,
    ] {
        bench.goes_up(LIST).await;
        let write = bench.pay();
        bench.asked().await.refuse(refusal);
        write.await.unwrap();
    }
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_cut_off_invalidates() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("before")).await;
    let write = bench.pay();
    let _call = bench.asked().await;

    write.abort();
    settle().await;

    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn a_fill_begun_before_a_write_is_neither_kept_nor_joined_after_it() {
    let mut bench = Bench::new();
    let before = bench.get(LIST);
    let old = bench.asked().await;
    let write = bench.pay();
    bench.asked().await.answer(ok("paid"));
    write.await.unwrap();

    let after = bench.get(LIST);
    let new = bench.asked().await;
    old.answer(ok("before"));
    assert!(!before.await.unwrap().stored());
    new.answer(ok("after"));

    assert_eq!(after.await.unwrap().body(), "after");
    assert_eq!(bench.hit(LIST).await.body(), "after");
}

#[tokio::test(start_paused = true)]
async fn a_fill_begun_while_a_write_was_under_way_is_neither_kept_nor_joined_after_it() {
    let mut bench = Bench::new();
    let write = bench.pay();
    let paying = bench.asked().await;
    let during = bench.get(LIST);
    let old = bench.asked().await;
    paying.answer(ok("paid"));
    write.await.unwrap();

    let after = bench.get(LIST);
    let new = bench.asked().await;
    new.answer(ok("after"));
    old.answer(ok("before"));

    assert!(!during.await.unwrap().stored());
    assert_eq!(after.await.unwrap().body(), "after");
    assert_eq!(bench.hit(LIST).await.body(), "after");
}

#[tokio::test(start_paused = true)]
async fn an_entry_stored_while_a_write_was_under_way_ends_with_it() {
    let mut bench = Bench::new();
    let write = bench.pay();
    let paying = bench.asked().await;
    assert!(bench.miss(LIST, ok("before")).await.stored());

    paying.answer(ok("paid"));
    write.await.unwrap();

    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_writes_each_ends_what_began_before_its_own_end() {
    let mut bench = Bench::new();
    let (one, two) = (bench.pay(), bench.pay());
    let (first, second) = (bench.asked().await, bench.asked().await);
    first.answer(ok("paid"));
    one.await.unwrap();
    assert!(bench.miss(LIST, ok("between")).await.stored());

    second.answer(ok("paid"));
    two.await.unwrap();

    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn an_invalidated_entry_is_not_served_stale_either() {
    let mut bench = Bench::with(|config| {
        config.cache.stale_while_revalidate = Duration::from_mins(1);
        config.cache.stale_if_error = Duration::from_mins(1);
    });
    bench.miss(LIST, ok("before")).await;
    let write = bench.pay();
    bench.asked().await.answer(ok("paid"));
    write.await.unwrap();
    bench.clock.advance(TTL);

    let reply = bench.get_with(LIST, &[("cache-control", "max-stale")]);
    bench.asked().await.refuse(Refusal::UpstreamUnreachable(Sent::Nothing));

    assert_eq!(*reply.await.unwrap().refusal(), Refusal::UpstreamUnreachable(Sent::Nothing));
}

#[tokio::test(start_paused = true)]
async fn an_entry_invalidated_while_it_was_being_renewed_does_not_stand_in() {
    let mut bench = Bench::with(|config| config.cache.stale_if_error = Duration::from_mins(1));
    bench.miss(LIST, ok("before")).await;
    bench.clock.advance(TTL);
    let reply = bench.get(LIST);
    let renewing = bench.asked().await;
    let write = bench.pay();
    bench.asked().await.answer(ok("paid"));
    write.await.unwrap();

    renewing.refuse(Refusal::UpstreamUnreachable(Sent::Nothing));

    assert_eq!(*reply.await.unwrap().refusal(), Refusal::UpstreamUnreachable(Sent::Nothing));
}

#[tokio::test(start_paused = true)]
async fn credentials_of_one_account_share_invalidation() {
    let mut bench = Bench::with(|config| {
        for credential in &mut config.credentials {
            credential.account = "main".into();
        }
    });
    bench.miss(LIST, ok("before")).await;

    let write = bench.send(request(&bench.globex, Method::POST, "/v1/payments/breb", &[]));
    bench.asked().await.answer(ok("paid"));
    write.await.unwrap();

    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_of_another_account_changes_nothing() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("before")).await;

    let write = bench.send(request(&bench.globex, Method::POST, "/v1/payments/breb", &[]));
    bench.asked().await.answer(ok("paid"));
    write.await.unwrap();

    bench.hit(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_from_elsewhere_counts_as_a_write_here() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("before")).await;
    bench.miss(PAYMENTS, ok("payments")).await;

    bench.service.cache.invalidate("acme", &["list_accounts", "unknown"]);

    bench.hit(PAYMENTS).await;
    bench.goes_up(LIST).await;
}
