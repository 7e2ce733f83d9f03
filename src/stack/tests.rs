//! The whole stack over an upstream in memory: one await at a time, a request is dropped, and nothing may have leaked.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;

use self::trails::Trails;
use self::world::World;
use crate::config::{Limit, Sharing};
use crate::rate::Rate;
use crate::stage::Arrival;
use crate::testing::arrival;
use crate::testing::ledger::Ledger;

mod passport;
mod trails;
mod world;

/// More turns of the runtime than any request here needs; a request that takes more hangs.
const MOST: usize = 500;

fn list() -> Arrival {
    arrival(Method::GET, "/v1/accounts", "")
}

/// A read that no flight takes over: dropped, it is gone.
fn never_stored() -> Arrival {
    arrival(Method::GET, "/v1/payments/6c23f053-0e1a-46b4-b902-97ba47e351bc", "")
}

fn payment() -> Arrival {
    arrival(Method::POST, "/v1/payments/breb/confirm", r#"{"id":"6c23f053-0e1a-46b4-b902-97ba47e351bc"}"#)
}

/// The same with a key, which its caller asks again with.
fn keyed() -> Arrival {
    let mut payment = payment();
    payment.head.headers.insert("idempotency-key", http::HeaderValue::from_static("order-1"));
    payment
}

/// Drops `request` after one turn of the runtime, after two and so on, each time in a world of its own, until it is let to its end.
/// `prepare` brings a world about; `judge` looks at it once all that was under way has settled.
async fn dropped_at_each_await(request: fn() -> Arrival, prepare: impl AsyncFn(&World), judge: impl AsyncFn(&World)) {
    dropped_at_each_await_in(World::new, request, prepare, judge).await;
}

/// The same in worlds that `begin` makes.
async fn dropped_at_each_await_in(
    mut begin: impl FnMut() -> World,
    request: fn() -> Arrival,
    prepare: impl AsyncFn(&World),
    judge: impl AsyncFn(&World),
) {
    for turns in 1..MOST {
        let world = begin();
        prepare(&world).await;

        let status = world.dropped_after(request(), turns).await;

        world.settle().await;
        world.assert_nothing_is_held(turns);
        assert_eq!(world.status(list()).await, 200, "dropped after {turns} turns");
        judge(&world).await;
        if let Some(status) = status {
            assert_eq!(status, 200);
            assert!(turns > 5, "the request never waited: this shows nothing");
            return;
        }
    }
    panic!("the request never ended");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_abandoned_leaves_nothing_behind() {
    dropped_at_each_await(list, async |_| (), async |_| ()).await;
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_never_stored_leaves_nothing_behind() {
    dropped_at_each_await(never_stored, async |_| (), async |_| ()).await;
}

#[tokio::test(start_paused = true)]
async fn a_read_that_meets_a_revoked_token_and_is_abandoned_leaves_nothing_behind() {
    let revoked = async |world: &World| {
        assert_eq!(world.status(arrival(Method::GET, "/v1/keys", "")).await, 200);
        world.passport.revoke_tokens();
    };
    for request in [list, never_stored] {
        dropped_at_each_await(request, revoked, async |world| assert!(world.mints() <= 2, "{} mints", world.mints())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_tries_a_half_open_breaker_and_is_abandoned_gives_the_try_back() {
    let half_open = async |world: &World| {
        world.passport.refuse_connections(true);
        assert_eq!(world.status(list()).await, 502);
        assert_eq!(world.status(list()).await, 503);
        world.passport.refuse_connections(false);
        world.settle().await;
        assert_eq!(world.breaker(), 1, "half open");
    };
    dropped_at_each_await(never_stored, half_open, async |world| assert_eq!(world.breaker(), 0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_abandoned_happens_once_or_never_and_is_noticed_if_it_happened() {
    let listed = async |world: &World| assert_eq!(world.status(list()).await, 200);
    let judge = async |world: &World| {
        let (writes, reads) = (world.passport.writes(), world.passport.reads());
        assert!(writes <= 1, "{writes} writes");
        assert_eq!(reads, 1 + writes, "the list is asked for anew if, and only if, there was a write");
        assert_eq!(world.cut_short(), 0, "a write whose bytes may have left is the gateway's to finish");
    };
    dropped_at_each_await(payment, listed, judge).await;
}

#[tokio::test(start_paused = true)]
async fn a_payment_with_a_key_that_is_abandoned_is_made_once_when_it_is_asked_for_again() {
    let judge = async |world: &World| {
        let (made, (records, _)) = (world.passport.writes(), world.records());
        assert_eq!(made, records, "a payment was made without a record, or a record is left of one that was not made");

        assert_eq!(world.status(keyed()).await, 200);

        assert_eq!((world.passport.writes(), world.records()), (1, (1, 0)));
        assert_eq!(world.cut_short(), 0, "a write whose bytes may have left is the gateway's to finish");
    };
    dropped_at_each_await(keyed, async |_| (), judge).await;
}

/// One record if its caller is known: of what became of it if it was made, and else that its caller left.
#[tokio::test(start_paused = true)]
async fn a_payment_that_is_abandoned_has_one_record_and_gives_the_place_of_it_back() {
    let trails = Trails::default();
    let places = trails.begin().free_places();
    assert!(places > 0, "there is no room to give back");
    let judge = async |world: &World| {
        let (made, records) = (world.passport.writes(), trails.records(world));
        match (made, &records[..]) {
            (1, [record]) => assert_eq!(*record, (Some(200), "ok".to_owned(), 1)),
            (0, []) => {}
            (0, [record]) => assert_eq!(*record, (None, "client_closed".to_owned(), 0)),
            _ => panic!("{made} payments, {records:?}"),
        }
        assert_eq!(world.free_places(), places, "a place was not given back");
    };
    dropped_at_each_await_in(|| trails.begin(), payment, async |_| (), judge).await;
}

/// The same with a key, which leaves a second record when it is asked for again, and never a second payment.
#[tokio::test(start_paused = true)]
async fn a_payment_with_a_key_that_is_asked_for_again_has_a_record_of_each_time() {
    let trails = Trails::default();
    let judge = async |world: &World| {
        let made = world.passport.writes();
        assert_eq!(world.status(keyed()).await, 200);
        let records = trails.records(world);
        let last = (Some(200), "ok".to_owned(), u64::from(made == 0));
        match &records[..] {
            [again] => assert_eq!((made, again), (0, &last)),
            [first, again] => {
                let expected = if made == 1 { (Some(200), "ok", 1) } else { (None, "client_closed", 0) };
                assert_eq!((first.0, first.1.as_str(), first.2), expected);
                assert_eq!(*again, last);
            }
            _ => panic!("{made} payments, {records:?}"),
        }
        assert_eq!(world.passport.writes(), 1);
    };
    dropped_at_each_await_in(|| trails.begin(), keyed, async |_| (), judge).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_payment_with_the_same_key_gets_its_answer_whoever_leaves() {
    for turns in 1..60 {
        let world = World::with_workers(1, |config| config.idempotency.wait = Duration::from_secs(5));

        let (left, answered) = tokio::join!(world.dropped_after(keyed(), turns), world.status(keyed()));

        assert_eq!(answered, 200, "the first {left:?} after {turns} turns");
        world.settle().await;
        world.assert_nothing_is_held(turns);
        assert_eq!((world.passport.writes(), world.records()), (1, (1, 0)), "after {turns} turns");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_flight_whose_leader_left_ends_with_its_answer() {
    let world = World::new();
    for turns in 1..20 {
        let (left, answered) = tokio::join!(world.dropped_after(list(), turns), world.status(list()));

        assert_eq!(answered, 200, "the leader {left:?} after {turns} turns");
        world.settle().await;
        world.forget();
    }
}

#[tokio::test(start_paused = true)]
async fn four_workers_have_one_flight_one_mint_and_one_breaker() {
    let world = World::with_workers(4, |_| ());

    let answers = join_all((0..4).map(|worker| world.status_at(worker, list()))).await;

    assert_eq!(answers, [200; 4]);
    assert_eq!((world.passport.reads(), world.mints()), (1, 1));

    world.forget();
    world.passport.refuse_connections(true);
    assert_eq!(world.status_at(1, list()).await, 502, "nothing rests in this worker's pool");
    for worker in 0..4 {
        assert_eq!(world.status_at(worker, list()).await, 503, "worker {worker}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_vanishes_while_a_shared_limit_is_asked_leaves_the_limit_to_others() {
    let rate = Rate { requests: NonZeroU32::MIN, per: Duration::from_mins(1), burst: NonZeroU32::new(40).unwrap() };
    let limit = Limit { rate, shadow: false, jitter: Duration::ZERO };
    for mode in [Sharing::Exact, Sharing::Leased] {
        for turns in 1..MOST {
            let ledger = Arc::new(Ledger::default());
            let world = World::sharing(&ledger, limit, mode);

            let status = world.dropped_after(never_stored(), turns).await;

            world.settle().await;
            world.assert_nothing_is_held(turns);
            let batch = if mode == Sharing::Exact { 1 } else { 4 };
            for limit in ["limit:tenant:acme", "limit:quota:acme"] {
                assert!(ledger.taken(limit) <= batch, "{mode:?}: {} of {limit} after {turns} turns", ledger.taken(limit));
            }
            assert_eq!(world.status(never_stored()).await, 200, "{mode:?}: dropped after {turns} turns");
            if let Some(status) = status {
                assert_eq!(status, 200);
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn four_workers_have_one_limit() {
    let rate = Rate { requests: NonZeroU32::MIN, per: Duration::from_mins(1), burst: NonZeroU32::new(3).unwrap() };
    let world = World::with_workers(4, |config| {
        config.tenants[0].rate_limit = Some(Limit { rate, shadow: false, jitter: Duration::ZERO });
    });

    let mut answers = Vec::new();
    for worker in 0..4 {
        answers.push(world.status_at(worker, list()).await);
    }

    assert_eq!(answers, [200, 200, 200, 429]);
}

#[test]
fn the_layers_stand_in_the_order_of_the_design() {
    let layers = [
        "RequestId",
        "Observe",
        "Seam",
        "Rescue",
        "Sanitize",
        "Route",
        "AuditAsked",
        "Deadline",
        "Authenticate",
        "Authorize",
        "RateLimit",
        "Validate",
        "Complete",
        "AuditWrites",
        "Idempotency",
        "Cache",
        "Seam",
        "Retry",
        "Token",
        "Quota",
        "Breaker",
        "Concurrency",
    ];

    let lines = include_str!("../stack.rs").lines().filter_map(|line| line.trim().strip_prefix(".layer("));
    let name = |line: &str| line.trim_start_matches("GateLayer::new(").split("Layer").next().unwrap().to_owned();
    let stand: Vec<_> =
        lines.map(name).map(|name| name.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()).collect();

    assert_eq!(stand, layers);
}
