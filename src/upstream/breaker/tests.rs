use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::FutureExt;

use super::*;
use crate::clock::ManualClock;
use crate::testing;
use crate::upstream::testing::{FarEnds, Script, Wires, destinations, outbound, read, status, write};

struct Fixture {
    layer: BreakerLayer<Wires>,
    clock: Arc<ManualClock>,
    wires: Arc<Wires>,
    _far_ends: FarEnds,
    metrics: Metrics,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A breaker that opens at four requests of which half failed.
fn fixture() -> Fixture {
    let (wires, far_ends) = Wires::new();
    let (clock, metrics, tasks, stop) = (testing::clock(), Metrics::new(), TaskTracker::new(), CancellationToken::new());
    let settings = config::Breaker { minimum: 4, ..testing::config().breaker };
    let breakers = Breakers::new(
        settings,
        &destinations(&testing::config()),
        Arc::clone(&wires),
        clock.clone(),
        tasks.clone(),
        stop.clone(),
        &metrics,
    );
    let layer = BreakerLayer::new(Arc::new(breakers));
    Fixture { layer, clock, wires, _far_ends: far_ends, metrics, tasks, stop }
}

impl Fixture {
    fn state(&self) -> i64 {
        self.metrics.breaker_state.with(Upstream { upstream: "paas_dash" }).get()
    }

    /// Sends a read to an upstream that answers so.
    async fn read(&self, answer: Result<Response, Refusal>) -> Result<Response, Refusal> {
        self.layer.layer(Script::new([answer])).call(outbound(read())).await
    }

    async fn open(&self) {
        for _ in 0..4 {
            let _ = self.read(Err(Refusal::UpstreamUnreachable(Sent::Nothing))).await;
        }
        assert_eq!(self.state(), 2);
    }

    /// Lets the time pass after which it tries a connection, and the try be made.
    async fn pass_open_time(&self) {
        tokio::task::yield_now().await;
        self.clock.advance(testing::config().breaker.open);
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn only_what_speaks_of_the_upstreams_health_opens_it() {
    let harmless = [
        || status(200),
        || status(404),
        || status(429),
        || status(500),
        || Err(Refusal::Overloaded),
        || Err(Refusal::UpstreamInvalidResponse),
        || Err(Refusal::UpstreamUnreachable(Sent::Something)),
    ];
    let harmful = [
        || status(502),
        || status(503),
        || status(504),
        || Err(Refusal::UpstreamUnreachable(Sent::Nothing)),
        || Err(Refusal::DeadlineExceeded(Sent::Nothing)),
        || Err(Refusal::DeadlineExceeded(Sent::Something)),
    ];
    let opens = async |answer: fn() -> Result<Response, Refusal>| {
        let fixture = fixture();
        for _ in 0..4 {
            let _ = fixture.read(answer()).await;
        }
        fixture.state() == 2
    };

    for (at, answer) in harmless.into_iter().enumerate() {
        assert!(!opens(answer).await, "harmless answer {at}");
    }
    for (at, answer) in harmful.into_iter().enumerate() {
        assert!(opens(answer).await, "harmful answer {at}");
    }
}

#[tokio::test]
async fn open_it_refuses_without_a_call_and_says_for_how_long() {
    let fixture = fixture();
    fixture.open().await;
    let upstream = Script::new([status(200)]);

    let refusal = fixture.layer.layer(Arc::clone(&upstream)).call(outbound(read())).await.unwrap_err();

    assert_eq!(refusal, Refusal::UpstreamUnavailable(Duration::from_secs(5)));
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn one_upstreams_failures_are_not_anothers() {
    let fixture = fixture();
    fixture.open().await;

    let answer = fixture.layer.layer(Script::new([status(200)])).call(outbound(write())).await;

    assert_eq!(answer.unwrap().status(), 200);
}

#[tokio::test]
async fn it_connects_by_itself_before_it_lets_a_request_try() {
    let fixture = fixture();
    fixture.open().await;
    assert_eq!(fixture.wires.attempts.load(Relaxed), 0);

    fixture.pass_open_time().await;

    assert_eq!((fixture.wires.attempts.load(Relaxed), fixture.state()), (1, 1));
    assert_eq!(fixture.read(status(200)).await.unwrap().status(), 200);
    assert_eq!(fixture.state(), 0);
}

#[tokio::test]
async fn as_long_as_it_cannot_connect_it_stays_open() {
    let fixture = fixture();
    fixture.wires.refuses.store(true, Relaxed);
    fixture.open().await;

    fixture.pass_open_time().await;
    fixture.pass_open_time().await;
    assert_eq!((fixture.wires.attempts.load(Relaxed), fixture.state()), (2, 2));

    fixture.wires.refuses.store(false, Relaxed);
    fixture.pass_open_time().await;
    assert_eq!((fixture.wires.attempts.load(Relaxed), fixture.state()), (3, 1));
}

#[tokio::test]
async fn a_failed_trial_opens_it_again_and_it_recovers_once_more() {
    let fixture = fixture();
    fixture.open().await;
    fixture.pass_open_time().await;

    let _ = fixture.read(status(503)).await;
    assert_eq!(fixture.state(), 2);
    fixture.pass_open_time().await;

    assert_eq!(fixture.state(), 1);
}

#[tokio::test]
async fn an_abandoned_trial_gives_its_place_back() {
    let fixture = fixture();
    fixture.open().await;
    fixture.pass_open_time().await;

    let hanging = fixture.layer.layer(Script::new([]));
    let mut trial = Box::pin(hanging.call(outbound(read())));
    assert!(trial.as_mut().now_or_never().is_none());
    assert!(matches!(fixture.read(status(200)).await, Err(Refusal::UpstreamUnavailable(_))));
    drop(trial);

    assert_eq!(fixture.read(status(200)).await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_budget_used_up_before_the_call_says_nothing() {
    let fixture = fixture();

    for _ in 0..8 {
        let late = read();
        tokio::time::sleep_until(late.deadline()).await;
        let script = Script::new([Err(Refusal::DeadlineExceeded(Sent::Nothing))]);
        let _ = fixture.layer.layer(script).call(outbound(late)).await;
    }

    assert_eq!(fixture.state(), 0);
}

#[tokio::test(start_paused = true)]
async fn running_out_of_a_budget_that_was_mostly_spent_before_the_call_says_nothing() {
    let fixture = fixture();
    let requests: Vec<_> = (0..4).map(|_| read()).collect();
    tokio::time::sleep_until(requests[0].deadline() - Duration::from_millis(10)).await;

    for request in requests {
        let upstream = Script::new([Err(Refusal::DeadlineExceeded(Sent::Nothing))]);
        let _ = fixture.layer.layer(upstream).call(outbound(request)).await;
    }

    assert_eq!(fixture.state(), 0);
}

#[tokio::test]
async fn recovery_ends_when_the_gateway_does() {
    let fixture = fixture();
    fixture.open().await;

    fixture.stop.cancel();
    fixture.tasks.close();

    fixture.tasks.wait().await;
}
