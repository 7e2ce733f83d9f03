//! Replicas that share one limit, on a paused clock.

use std::num::NonZeroU32;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::FutureExt;
use tokio::time::sleep;

use super::*;
use crate::testing::ledger::Ledger as Book;

const SECOND: Duration = Duration::from_secs(1);

fn rate(requests: u32, burst: u32) -> Rate {
    Rate { requests: NonZeroU32::new(requests).unwrap(), per: SECOND, burst: NonZeroU32::new(burst).unwrap() }
}

/// So many replicas of one limit.
fn replicas<const N: usize>(book: &Arc<Book>, rate: Rate, mode: Sharing) -> [Arc<Shared>; N] {
    std::array::from_fn(|_| {
        let replicas = Replicas::new(book.clone(), mode, 0.25, TaskTracker::new());
        Arc::new(Shared::new("tenant:acme", rate, Arc::new(replicas), Instant::now()))
    })
}

async fn decide(shared: &Arc<Shared>, priority: Priority) -> Decision {
    match shared.decide(Instant::now(), priority) {
        Some(decision) => decision,
        None => shared.ask(Instant::now(), priority).await,
    }
}

/// Asks each replica in turn, `per_second` times a second each, for so long; gives back how many were asked and admitted.
async fn load(replicas: &[Arc<Shared>], per_second: u32, span: Duration) -> (u64, u64) {
    let (until, mut asked, mut admitted) = (Instant::now() + span, 0, 0);
    let mut next = Instant::now();
    while Instant::now() < until {
        tokio::time::sleep_until(next).await;
        for replica in replicas {
            asked += 1;
            admitted += u64::from(decide(replica, Priority::High).await.admitted);
        }
        next += SECOND / per_second;
    }
    (asked, admitted)
}

#[tokio::test(start_paused = true)]
async fn exactly_one_limit_is_admitted_by_all_together() {
    let book = Arc::new(Book::default());
    let replicas: [_; 3] = replicas(&book, rate(100, 20), Sharing::Exact);

    let (asked, admitted) = load(&replicas, 200, 2 * SECOND).await;

    assert!((20 + 2 * 100 - 1..=20 + 2 * 100 + 1).contains(&admitted), "{admitted} of {asked}");
    assert_eq!(book.trips(), asked, "each decision is a round trip");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_when_the_next_is_admitted() {
    let [replica] = replicas(&Arc::new(Book::default()), rate(1, 1), Sharing::Exact);
    assert!(decide(&replica, Priority::High).await.admitted);

    let refused = decide(&replica, Priority::High).await;
    assert!(!refused.admitted && refused.remaining == 0, "{refused:?}");
    assert_eq!(replica.peek(Instant::now()).remaining, 0);
    sleep(refused.wait).await;

    assert!(decide(&replica, Priority::High).await.admitted);
}

#[tokio::test(start_paused = true)]
async fn a_lease_saves_nineteen_of_twenty_round_trips() {
    for (rate, what) in
        [(rate(100_000, 100_000), "plenty"), (rate(1000, 1000), "just enough"), (rate(100, 100), "far too little")]
    {
        let book = Arc::new(Book::default());
        let [replica] = replicas(&book, rate, Sharing::Leased);

        let (asked, _) = load(std::slice::from_ref(&replica), 1000, 10 * SECOND).await;

        assert!(book.trips() * 20 <= asked, "{what}: {} trips for {asked} decisions", book.trips());
    }
}

#[tokio::test(start_paused = true)]
async fn three_replicas_that_share_a_thousand_requests_a_second_save_as_many() {
    for (rate, what) in
        [(rate(100_000, 100_000), "plenty"), (rate(1000, 1000), "just enough"), (rate(100, 100), "far too little")]
    {
        let book = Arc::new(Book::default());
        let replicas: [_; 3] = replicas(&book, rate, Sharing::Leased);

        let (asked, _) = load(&replicas, 334, 10 * SECOND).await;

        assert!(book.trips() * 20 <= asked, "{what}: {} trips for {asked} decisions", book.trips());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_small_burst_cannot_hold_is_not_lost_by_waiting() {
    let (rate, book) = (rate(1000, 10), Arc::new(Book::default()));
    let [replica] = replicas(&book, rate, Sharing::Leased);

    let (_, admitted) = load(std::slice::from_ref(&replica), 2000, 5 * SECOND).await;

    assert!(admitted >= 5000 * 8 / 10, "{admitted} of 5000 that were earned");
}

#[tokio::test(start_paused = true)]
async fn with_leases_replicas_exceed_the_limit_by_one_batch_each_at_most() {
    let (rate, book) = (rate(300, 200), Arc::new(Book::default()));
    let replicas: [_; 3] = replicas(&book, rate, Sharing::Leased);
    let most = 3 * u64::from(lease::most(rate));

    // Little is asked for, so that something is left of what was taken ahead when everybody comes.
    load(&replicas, 50, SECOND).await;
    sleep(5 * SECOND).await;
    let (_, admitted) = load(&replicas, 1000, 5 * SECOND).await;

    let limit = 200 + 5 * 300;
    assert!(admitted <= limit + most, "{admitted}, the limit being {limit} and {most}");
    assert!(admitted >= limit * 99 / 100, "{admitted}, the limit being {limit}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_too_small_for_batches_is_exact() {
    let book = Arc::new(Book::default());
    let replicas: [_; 3] = replicas(&book, rate(1, 5), Sharing::Leased);

    let (_, admitted) = load(&replicas, 100, SECOND / 2).await;

    assert_eq!(admitted, 5);
}

#[tokio::test(start_paused = true)]
async fn each_priority_leaves_its_reserve() {
    for mode in [Sharing::Exact, Sharing::Leased] {
        let [replica] = replicas(&Arc::new(Book::default()), rate(1, 100), mode);
        let mut admitted = [0; 3];

        for (place, priority) in Priority::ALL.into_iter().enumerate() {
            while decide(&replica, priority).await.admitted {
                admitted[place] += 1;
            }
        }

        assert_eq!(admitted, [70, 20, 10], "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_ledger_is_away_a_fraction_is_admitted_without_waiting() {
    let book = Arc::new(Book::default());
    let [replica] = replicas(&book, rate(100, 40), Sharing::Exact);
    book.away.store(true, Relaxed);
    let now = Instant::now();
    let at_once = |at| (0..100).filter(|_| replica.decide(at, Priority::High).expect("it needs no waiting").admitted).count();

    assert_eq!(
        (at_once(now), at_once(now + SECOND)),
        (10, 10),
        "a quarter of the burst, and of what is earned no more than that"
    );
    assert_eq!(replica.peek(now + SECOND).remaining, 0);
    assert_eq!(book.trips(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fails_is_never_open_and_never_shut() {
    for mode in [Sharing::Exact, Sharing::Leased] {
        let book = Arc::new(Book::default());
        let [replica] = replicas(&book, rate(100, 40), mode);
        book.failing.store(true, Relaxed);

        let mut admitted = 0;
        for _ in 0..100 {
            admitted += usize::from(replica.ask(Instant::now(), Priority::High).await.admitted);
        }
        book.failing.store(false, Relaxed);

        assert!((10..=20).contains(&admitted), "{mode:?}: {admitted}");
        assert!(decide(&replica, Priority::High).await.admitted, "{mode:?}: it is asked again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_at_an_empty_lease_shares_few_trips_and_nobody_is_forgotten() {
    let book = Arc::new(Book::default());
    let [replica] = replicas(&book, rate(1000, 1000), Sharing::Leased);

    let crowd = futures_util::future::join_all((0..200).map(|_| decide(&replica, Priority::High))).await;

    assert!(crowd.iter().all(|decision| decision.admitted));
    assert!(book.trips() <= 4, "{} trips", book.trips());
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_the_ledger_is_asked_takes_nothing_along() {
    let book = Arc::new(Book::default());
    let [replica] = replicas(&book, rate(1000, 1000), Sharing::Leased);

    for _ in 0..10 {
        // Polled once, which begins to ask, and dropped.
        assert!(replica.ask(Instant::now(), Priority::High).now_or_never().is_none());
    }

    assert!(decide(&replica, Priority::High).await.admitted);
    assert!(book.trips() <= 2, "one asking served them all: {}", book.trips());
}
