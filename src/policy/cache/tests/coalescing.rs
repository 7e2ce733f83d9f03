//! One upstream call for all who ask for the same.

use std::collections::HashSet;

use super::*;

fn gets(bench: &Bench, count: usize) -> Vec<JoinHandle<Reply>> {
    (0..count).map(|_| bench.get(LIST)).collect()
}

async fn all(replies: Vec<JoinHandle<Reply>>) -> Vec<Reply> {
    futures_util::future::join_all(replies).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_a_cold_list_cause_one_call() {
    let mut bench = Bench::new();
    let replies = gets(&bench, 1000);
    let call = bench.asked().await;
    bench.quiet().await;

    call.answer(ok("all"));
    let replies = all(replies).await;

    bench.quiet().await;
    assert!(replies.iter().all(|reply| reply.body() == "all" && reply.stored()));
    assert_eq!(replies.iter().filter(|reply| reply.result() == CacheResult::Miss).count(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.result() == CacheResult::Collapsed).count(), 999);
    assert_eq!(bench.service.cache.status().flights, 0);
}

#[test]
fn callers_on_several_threads_cause_one_call() {
    let runtime = |name| tokio::runtime::Builder::new_current_thread().enable_all().thread_name(name).build().unwrap();
    let main = runtime("main");
    let mut bench = main.block_on(async { Bench::new() });
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let service = Arc::clone(&bench.service);
            let requests: Vec<_> = (0..50).map(|_| request(&bench.acme, Method::GET, LIST, &[])).collect();
            std::thread::spawn(move || {
                runtime("worker").block_on(async {
                    let calls = requests.into_iter().map(|request| service.call(request));
                    let answers = futures_util::future::join_all(calls).await;
                    answers.into_iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.status() == 200)).count()
                })
            })
        })
        .collect();

    let calls = main.block_on(async {
        let call = bench.calls.recv().await.unwrap();
        call.answer(ok("all"));
        let answered: usize =
            tokio::task::spawn_blocking(|| workers.into_iter().map(|worker| worker.join().unwrap()).sum()).await.unwrap();
        assert_eq!(answered, 200);
        std::iter::from_fn(|| bench.calls.try_recv().ok()).count()
    });

    assert_eq!(calls, 0, "the upstream was asked more than once");
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_the_flight_of_another_tenant_or_credential() {
    let mut bench = Bench::new();
    let _flight = bench.get(LIST);
    let _call = bench.asked().await;

    for (of, credential) in [(&bench.umbrella, "acme"), (&bench.moved, "initech")] {
        let foreign = bench.send(request(of, Method::GET, LIST, &[]));
        let call =
            tokio::time::timeout(Duration::from_millis(1), bench.calls.recv()).await.expect("it flies on its own").unwrap();
        assert_eq!(call.request.credential().1.name.as_str(), credential);

        call.answer(ok("its own"));
        assert_eq!(foreign.await.unwrap().body(), "its own");
    }
}

#[tokio::test(start_paused = true)]
async fn the_leaders_leaving_strands_nobody() {
    let mut bench = Bench::new();
    let leader = bench.get(LIST);
    let call = bench.asked().await;
    let passenger = bench.get(LIST);
    settle().await;

    leader.abort();
    call.answer(ok("all"));

    let reply = passenger.await.unwrap();
    assert_eq!((reply.result(), reply.body().as_ref()), (CacheResult::Collapsed, &b"all"[..]));
    bench.hit(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_nobody_waits_for_any_more_is_kept_all_the_same() {
    let mut bench = Bench::new();
    let leader = bench.get(LIST);
    let call = bench.asked().await;

    leader.abort();
    call.answer(ok("all"));
    settle().await;

    bench.hit(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn a_flight_has_a_time_budget_of_its_own() {
    let mut bench = Bench::new();
    let request = request(&bench.acme, Method::GET, LIST, &[]);
    tokio::time::advance(Duration::from_secs(7)).await;
    let deadline = request.deadline();

    let _reply = bench.send(request);

    assert_eq!(bench.asked().await.request.deadline(), deadline + Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_share_a_refusal_and_the_next_asks_anew() {
    let mut bench = Bench::new();
    let replies = gets(&bench, 10);
    let call = bench.asked().await;
    settle().await;

    call.refuse(Refusal::UpstreamUnreachable(Sent::Nothing));

    let replies = all(replies).await;
    bench.quiet().await;
    assert!(replies.iter().all(|reply| *reply.refusal() == Refusal::UpstreamUnreachable(Sent::Nothing)));
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_share_an_error_that_is_not_stored() {
    let mut bench = Bench::new();
    let replies = gets(&bench, 10);
    let call = bench.asked().await;
    settle().await;

    call.answer(with(with(answer(503, "busy"), "retry-after", "9"), "set-cookie", "a=b"));

    for reply in all(replies).await {
        assert_eq!((reply.status(), reply.field("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("9")));
        assert_eq!((reply.stored(), reply.field("set-cookie")), (false, None));
    }
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn a_200_that_must_not_be_stored_is_for_its_leader_alone() {
    let mut bench = Bench::new();
    let replies = gets(&bench, 3);
    let call = bench.asked().await;
    settle().await;

    call.answer(with(ok("for one"), "cache-control", "private"));
    bench.asked().await.answer(with(ok("for two"), "cache-control", "private"));
    bench.asked().await.answer(with(ok("for three"), "cache-control", "private"));

    let replies = all(replies).await;
    let bodies: HashSet<_> = replies.iter().map(|reply| reply.body().clone()).collect();
    assert_eq!(bodies.len(), 3);
    assert!(replies.iter().all(|reply| reply.result() == CacheResult::Miss && !reply.stored()));
}

#[tokio::test(start_paused = true)]
async fn after_an_unshared_answer_nobody_waits_for_another_for_a_while() {
    let mut bench = Bench::new();
    bench.miss(LIST, with(ok("for one"), "cache-control", "private")).await;

    let (one, two) = (bench.get(LIST), bench.get(LIST));
    let (first, second) = (bench.asked().await, bench.asked().await);
    first.answer(with(ok("1"), "cache-control", "private"));
    second.answer(with(ok("2"), "cache-control", "private"));
    assert_eq!((one.await.unwrap().stored(), two.await.unwrap().stored()), (false, false));

    bench.clock.advance(Duration::from_secs(5));
    let (one, two) = (bench.get(LIST), bench.get(LIST));
    let call = bench.asked().await;
    bench.quiet().await;
    call.answer(ok("for all"));
    assert_eq!((one.await.unwrap().body(), two.await.unwrap().body()), (&Bytes::from("for all"), &Bytes::from("for all")));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_can_be_stored_again_ends_the_solitude() {
    let mut bench = Bench::new();
    bench.miss(LIST, with(ok("for one"), "cache-control", "private")).await;

    assert!(bench.goes_up(LIST).await.stored());

    bench.hit(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn beyond_the_waiting_bound_one_of_those_who_wait_starts_one_second_flight() {
    let mut bench = Bench::new();
    let leader = bench.get(LIST);
    let first = bench.asked().await;
    let waiting = gets(&bench, 5);
    bench.quiet().await;

    tokio::time::sleep(Duration::from_secs(5)).await;
    let second = bench.asked().await;
    bench.quiet().await;
    let late = bench.get(LIST);
    tokio::time::sleep(Duration::from_secs(6)).await;
    bench.quiet().await;
    second.answer(ok("second"));

    for reply in all(waiting).await {
        assert_eq!(reply.body(), "second");
        let waited = reply.waited.as_secs();
        assert!(reply.result() == CacheResult::Miss && waited == 5 || waited == 11, "{waited}");
    }
    assert_eq!(late.await.unwrap().body(), "second");
    assert!(!leader.is_finished());
    first.answer(ok("first"));
    assert_eq!(leader.await.unwrap().body(), "first");
    assert_eq!(bench.hit(LIST).await.body(), "second", "an older answer took the place of a newer one");
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_take_whichever_flight_ends_first() {
    let mut bench = Bench::new();
    let leader = bench.get(LIST);
    let first = bench.asked().await;
    let waiting = bench.get(LIST);
    tokio::time::sleep(Duration::from_secs(6)).await;
    let _second = bench.asked().await;

    first.answer(ok("first"));

    assert_eq!(waiting.await.unwrap().body(), "first");
    assert_eq!(leader.await.unwrap().body(), "first");
}

#[tokio::test(start_paused = true)]
async fn a_lone_request_that_takes_long_is_not_sent_twice() {
    let mut bench = Bench::new();
    let leader = bench.get(LIST);
    let call = bench.asked().await;

    tokio::time::sleep(Duration::from_secs(10)).await;
    bench.quiet().await;
    call.answer(ok("late"));

    assert_eq!(leader.await.unwrap().body(), "late");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_the_requests_own_deadline() {
    let mut bench = Bench::new();
    let leader = bench.get(LIST);
    let _call = bench.asked().await;
    let waiting = bench.get(LIST);

    tokio::time::sleep(Duration::from_secs(16)).await;

    assert_eq!(*leader.await.unwrap().refusal(), Refusal::DeadlineExceeded(Sent::Something));
    assert_eq!(*waiting.await.unwrap().refusal(), Refusal::DeadlineExceeded(Sent::Something));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_wants_no_cache_joins_no_flight_but_others_join_his() {
    let mut bench = Bench::new();
    let _older = bench.get(LIST);
    let older = bench.asked().await;
    let fresh = bench.get_with(LIST, &[("cache-control", "no-cache")]);
    let newer = bench.asked().await;
    let joined = bench.get(LIST);
    bench.quiet().await;

    newer.answer(ok("newer"));
    assert_eq!((fresh.await.unwrap().body(), joined.await.unwrap().body()), (&Bytes::from("newer"), &Bytes::from("newer")));
    older.answer(ok("older"));
    settle().await;

    assert_eq!(bench.hit(LIST).await.body(), "newer");
}

#[tokio::test(start_paused = true)]
async fn callers_who_differ_in_what_goes_up_share_no_flight() {
    let mut bench = Bench::with(|config| config.passport.forward_headers = vec!["x-region".parse().unwrap()]);
    for name in ["accept", "accept-language", "x-region"] {
        let one = bench.get_with(LIST, &[(name, "a")]);
        let two = bench.get_with(LIST, &[(name, "b")]);
        bench.asked().await.answer(answer(406, "not a"));
        bench.asked().await.answer(answer(406, "not b"));

        assert_ne!(one.await.unwrap().body(), two.await.unwrap().body(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_varies_is_not_shared_with_who_differs() {
    let mut bench = Bench::new();
    let one = bench.get_with(LIST, &[("foo", "1")]);
    let two = bench.get_with(LIST, &[("foo", "2")]);
    let call = bench.asked().await;
    bench.quiet().await;

    call.answer(with(ok("of one"), "vary", "foo"));
    bench.asked().await.answer(with(ok("of two"), "vary", "foo"));

    assert_eq!((one.await.unwrap().body(), two.await.unwrap().body()), (&Bytes::from("of one"), &Bytes::from("of two")));
}

struct Panicking;

impl Service<Validated> for Panicking {
    type Error = Refusal;

    async fn call(&self, _: Validated) -> Result<Response, Refusal> {
        tokio::task::yield_now().await;
        panic!("a defect below the cache");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flight_whose_task_dies_strands_nobody() {
    let bench = Bench::new();
    let service = CacheLayer::new(Arc::clone(&bench.service.cache)).layer(Panicking);
    let request = || request(&bench.acme, Method::GET, LIST, &[]);

    let (one, two) = tokio::join!(service.call(request()), service.call(request()));

    assert_eq!((one.unwrap_err(), two.unwrap_err()), (Refusal::Internal, Refusal::Internal));
    assert_eq!(bench.service.cache.status().flights, 0);
}

#[test]
fn those_who_wait_for_a_worker_that_ends_fly_anew() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (doomed, other) = (runtime(), runtime());
    let mut bench = doomed.block_on(async { Bench::new() });
    let _call = doomed.block_on(async {
        let _leader = bench.get(LIST);
        bench.calls.recv().await.unwrap()
    });
    let mut waiting = Box::pin(bench.service.call(request(&bench.acme, Method::GET, LIST, &[])));
    other.block_on(async {
        assert!(futures_util::poll!(&mut waiting).is_pending());
    });

    drop(doomed);

    let answer = other.block_on(async {
        let answer = async {
            bench.calls.recv().await.unwrap().answer(ok("from another worker"));
        };
        tokio::join!(waiting, answer).0
    });
    assert_eq!(answer.unwrap().body().held().unwrap(), "from another worker");
}
