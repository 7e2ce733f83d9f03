use std::num::NonZeroU32;

use futures_util::FutureExt;
use http::{HeaderValue, Method, header};

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::config;
use crate::rate::Rate;
use crate::snapshot::Snapshots;
use crate::testing::{self, arrival, validated};
use crate::upstream::testing::{Script, outbound, status};

const SECOND: Duration = Duration::from_secs(1);
const PAYMENT: &str = r#"{"account_id":"6b6d9d3c-2f0c-4c0c-9a51-3f6f0d2f9b11","resolution_id":"6b6d9d3c-2f0c-4c0c-9a51-3f6f0d2f9b12","amount":{"value":"10.00","currency":"COP"}}"#;
const KEY: &str = r#"{"account_id":"6b6d9d3c-2f0c-4c0c-9a51-3f6f0d2f9b11","key":{"key_type":"ALPHA","key_value":"@acme1"}}"#;

struct Fixture {
    quota: Arc<Quota>,
    snapshots: Arc<Snapshots>,
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
}

/// A credential with a burst of ten and one request a second, or without a quota.
fn fixture(shadow: Option<bool>) -> Fixture {
    let clock = testing::clock();
    let metrics = Arc::new(Metrics::new());
    let rate = Rate { requests: NonZeroU32::MIN, per: SECOND, burst: NonZeroU32::new(10).unwrap() };
    let mut config = testing::config();
    config.credentials[0].quota = shadow.map(|shadow| config::Limit { rate, shadow, jitter: Duration::ZERO });
    let snapshots = testing::snapshots(config, clock.clone());
    Fixture { quota: Arc::new(Quota::new(clock.clone(), Arc::clone(&metrics))), snapshots, clock, metrics }
}

impl Fixture {
    fn request(&self, effect: Effect) -> Outbound {
        let arrival = match effect {
            Effect::Read => arrival(Method::GET, "/v1/payments", ""),
            Effect::Write => arrival(Method::POST, "/v1/keys", KEY),
            Effect::Money => arrival(Method::POST, "/v1/payments/breb", PAYMENT),
        };
        let request = outbound(validated(&self.snapshots, arrival));
        assert_eq!(request.validated().operation().effect, effect);
        request
    }

    fn admit(&self, effect: Effect) -> Result<(), Refusal> {
        self.quota.admit(&self.request(effect)).now_or_never().expect("a quota of this replica alone needs no waiting")
    }

    /// How many of these pass before one is refused.
    fn admitted(&self, effect: Effect) -> usize {
        (0..100).take_while(|_| self.admit(effect).is_ok()).count()
    }

    fn decisions(&self, decision: &str) -> u64 {
        self.metrics.limit_decisions_total.with(LimitDecision { limit: "quota", name: "acme", decision }).get()
    }

    /// Sends a read that Passport answers so.
    async fn answered(&self, code: u16, retry_after: &'static str) {
        let mut answer = status(code).unwrap();
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(retry_after));
        let service = QuotaLayer::new(Arc::clone(&self.quota)).layer(Script::new([Ok(answer)]));
        let answer = service.call(self.request(Effect::Read)).await.unwrap();
        assert_eq!(answer.headers()[header::RETRY_AFTER], retry_after, "the answer is passed on as it is");
    }
}

#[test]
fn reads_leave_a_reserve_to_writes_and_those_to_payments() {
    let fixture = fixture(Some(false));

    let admitted = [Effect::Read, Effect::Write, Effect::Money].map(|effect| fixture.admitted(effect));

    assert_eq!(admitted, [7, 2, 1]);
    assert_eq!((fixture.decisions("allowed"), fixture.decisions("denied")), (10, 3));
}

#[test]
fn a_refusal_says_how_long_to_wait() {
    let fixture = fixture(Some(false));
    fixture.admitted(Effect::Money);

    assert_eq!(fixture.admit(Effect::Money), Err(Refusal::UpstreamQuotaExhausted(SECOND)));
    assert_eq!(fixture.admit(Effect::Read), Err(Refusal::UpstreamQuotaExhausted(4 * SECOND)));
    fixture.clock.advance(4 * SECOND);

    assert_eq!(fixture.admit(Effect::Read), Ok(()));
}

#[test]
fn in_shadow_it_counts_and_lets_pass() {
    let fixture = fixture(Some(true));

    assert_eq!(fixture.admitted(Effect::Read), 100);

    let labels = Shadow { operation: "list_payments", problem: "upstream-quota-exhausted" };
    assert_eq!(fixture.metrics.shadow_denials_total.with(labels).get(), 93);
    assert_eq!((fixture.decisions("allowed"), fixture.decisions("denied")), (7, 93));
}

#[test]
fn a_credential_without_quota_is_not_limited() {
    assert_eq!(fixture(None).admitted(Effect::Read), 100);
}

#[tokio::test]
async fn a_pause_that_passport_asks_for_stops_reads_and_nothing_else() {
    for status in [429, 503] {
        let fixture = fixture(None);

        fixture.answered(status, "7").await;

        assert_eq!(fixture.admit(Effect::Read), Err(Refusal::UpstreamQuotaExhausted(7 * SECOND)));
        assert_eq!((fixture.admit(Effect::Write), fixture.admit(Effect::Money)), (Ok(()), Ok(())));
        fixture.clock.advance(7 * SECOND);
        assert_eq!(fixture.admit(Effect::Read), Ok(()));
    }
}

#[tokio::test]
async fn a_pause_may_be_a_date_and_is_capped() {
    let fixture = fixture(None);
    let date = httpdate::fmt_http_date(fixture.clock.wall() + 3600 * SECOND);

    fixture.answered(429, date.leak()).await;

    assert_eq!(fixture.admit(Effect::Read), Err(Refusal::UpstreamQuotaExhausted(60 * SECOND)));
}

#[tokio::test]
async fn a_shorter_pause_that_comes_later_does_not_end_a_longer_one() {
    let fixture = fixture(None);
    let Fixture { quota, snapshots, clock, .. } = &fixture;
    let mut answer = status(503).unwrap();
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    let under_way = QuotaLayer::new(Arc::clone(quota)).layer(Script::new([Ok(answer)]));

    fixture.answered(429, "30").await;
    // A write is not held up by the pause, and is told to wait for less.
    let write = outbound(validated(snapshots, arrival(Method::POST, "/v1/keys", KEY)));
    under_way.call(write).await.unwrap();
    clock.advance(2 * SECOND);

    assert_eq!(fixture.admit(Effect::Read), Err(Refusal::UpstreamQuotaExhausted(28 * SECOND)));
}

#[tokio::test]
async fn the_same_field_on_another_status_is_no_pause() {
    let fixture = fixture(None);

    fixture.answered(301, "7").await;

    assert_eq!(fixture.admit(Effect::Read), Ok(()));
}
