use http::HeaderValue;

use super::*;
use crate::testing;
use crate::upstream::testing::{Script, read, status, write};

struct Fixture {
    metrics: Arc<Metrics>,
    layer: RetryLayer,
}

fn fixture() -> Fixture {
    let clock = testing::clock();
    let metrics = Arc::new(Metrics::new());
    let budget = Arc::new(Budget::new(crate::clock::Clock::now(&*clock)));
    Fixture { layer: RetryLayer::new(budget, clock, Arc::clone(&metrics)), metrics }
}

impl Fixture {
    /// Sends a request to an upstream that answers so; gives the result and how often it was called.
    async fn send(
        &self,
        request: Validated,
        answers: impl IntoIterator<Item = Result<Response, Refusal>>,
    ) -> (Result<Response, Refusal>, usize) {
        let script = Script::new(answers);
        let result = self.layer.layer(Arc::clone(&script)).call(request).await;
        (result, script.calls())
    }

    fn counted(&self, upstream: &str, reason: &str) -> u64 {
        self.metrics.upstream_retries_total.with(UpstreamReason { upstream, reason }).get()
    }
}

/// A read whose snapshot grants no retry.
fn unretried() -> Validated {
    let mut config = testing::config();
    config.retry.attempts = 0;
    testing::validated(&testing::snapshots(config, testing::clock()), testing::arrival(http::Method::GET, "/v1/accounts", ""))
}

fn unsent() -> Result<Response, Refusal> {
    Err(Refusal::UpstreamUnreachable(Sent::Nothing))
}

fn unknown() -> Result<Response, Refusal> {
    Err(Refusal::UpstreamUnreachable(Sent::Something))
}

#[tokio::test(start_paused = true)]
async fn a_write_of_which_nothing_was_sent_is_sent_again() {
    let fixture = fixture();

    let (result, calls) = fixture.send(write(), [unsent(), unsent(), status(200)]).await;

    assert_eq!((result.unwrap().status().as_u16(), calls), (200, 3));
    assert_eq!(fixture.counted("paas", "unreachable"), 2);
}

#[tokio::test(start_paused = true)]
async fn the_pauses_are_waits_and_no_work_of_ours() {
    let (request, began) = (read(), Instant::now());
    let exchange = request.exchange().clone();

    let (_, calls) = fixture().send(request, [unsent(), unsent(), status(200)]).await;

    assert_eq!(calls, 3);
    assert_eq!(exchange.waits(), began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_been_sent_never_is() {
    let outcomes = [
        unknown,
        || Err(Refusal::UpstreamInvalidResponse),
        || Err(Refusal::DeadlineExceeded(Sent::Something)),
        || status(502),
        || status(503),
        || status(504),
    ];
    for outcome in outcomes {
        let (_, calls) = fixture().send(write(), [outcome(), status(200)]).await;

        assert_eq!(calls, 1, "{:?}", outcome());
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_sent_again_whatever_broke_it() {
    let broken: [(fn() -> _, _); 6] = [
        (unsent, "unreachable"),
        (unknown, "reset"),
        (|| Err(Refusal::UpstreamInvalidResponse), "invalid_response"),
        (|| status(502), "502"),
        (|| status(503), "503"),
        (|| status(504), "504"),
    ];
    for (broken, reason) in broken {
        let fixture = fixture();

        let (result, calls) = fixture.send(read(), [broken(), status(200)]).await;

        assert_eq!((result.unwrap().status().as_u16(), calls), (200, 2), "{reason}");
        assert_eq!(fixture.counted("paas_dash", reason), 1, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_attempt_cannot_mend_is_passed_on() {
    let final_outcomes = [
        || status(200),
        || status(404),
        || status(429),
        || status(500),
        || Err(Refusal::Overloaded),
        || Err(Refusal::UpstreamQuotaExhausted(Duration::from_secs(1))),
        || Err(Refusal::UpstreamUnavailable(Duration::from_secs(1))),
        || Err(Refusal::DeadlineExceeded(Sent::Nothing)),
    ];
    for outcome in final_outcomes {
        let (_, calls) = fixture().send(read(), [outcome(), status(200)]).await;

        assert_eq!(calls, 1, "{:?}", outcome());
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_names_a_time_is_left_alone() {
    let mut answer = status(503).unwrap();
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));

    let (result, calls) = fixture().send(read(), [Ok(answer), status(200)]).await;

    assert_eq!((result.unwrap().status().as_u16(), calls), (503, 1));
}

#[tokio::test(start_paused = true)]
async fn the_last_attempts_outcome_is_the_requests() {
    let (result, calls) = fixture().send(read(), [unsent(), status(503), status(502), status(200)]).await;

    assert_eq!((result.unwrap().status().as_u16(), calls), (502, 3));
}

#[tokio::test(start_paused = true)]
async fn without_attempts_there_is_no_retry() {
    let (_, calls) = fixture().send(unretried(), [unsent(), status(200)]).await;

    assert_eq!(calls, 1);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_deadline() {
    let request = read();
    tokio::time::sleep_until(request.deadline()).await;

    let (result, calls) = fixture().send(request, [unsent(), status(200)]).await;

    assert_eq!((result.unwrap_err(), calls), (Refusal::UpstreamUnreachable(Sent::Nothing), 1));
}

#[tokio::test(start_paused = true)]
async fn all_requests_share_one_budget() {
    let fixture = fixture();
    let mut calls = 0;

    for _ in 0..100 {
        calls += fixture.send(read(), [unsent(), unsent(), unsent()]).await.1;
    }

    assert_eq!(calls, 100 + 10 + 10);
}
