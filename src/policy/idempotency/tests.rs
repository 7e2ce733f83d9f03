//! The layer over an upstream that the test plays, and a store that the test can break, kill and open again.

use std::sync::{Arc, Mutex};

use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::body::{Body, Cut};
use crate::config::{Idempotency as Settings, RequiredFor, SharedBy, WhenUnavailable};
use crate::metrics::{IdempotencyResult, Metrics};
use crate::snapshot::Snapshots;
use crate::stage::Arrival;
use crate::store::records::testing::Simulated;
use crate::testing::{self, arrival, validated};

mod answers;
mod classes;
mod faults;
mod keys;

const PAY: &str = "/v1/payments/breb/confirm";
const PAYMENT: &str = r#"{"id":"6c23f053-0e1a-46b4-b902-97ba47e351bc"}"#;
const OTHER: &str = r#"{"id":"7c23f053-0e1a-46b4-b902-97ba47e351bc"}"#;
const CUSTOMER: &str = r#"{"type":"BUSINESS","business_name":"A","email":"a@example.com","mobile_phone_number":"+573402977997","identification_type":"NIT","identification_number":"901234567"}"#;

/// An upstream below the layer: each call waits for the test.
struct Upstream(mpsc::UnboundedSender<Call>);

struct Call {
    reply: oneshot::Sender<Result<Response, Refusal>>,
}

impl Service<Validated> for Upstream {
    type Error = Refusal;

    async fn call(&self, _: Validated) -> Result<Response, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Call { reply }).unwrap();
        answer.await.expect("the test answers or panics on purpose")
    }
}

/// A layer, its store and its upstream.
struct Bench {
    service: Arc<Idempotent<Upstream>>,
    snapshots: Arc<Snapshots>,
    calls: mpsc::UnboundedReceiver<Call>,
    store: Simulated,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
}

/// What the caller got: status, whether it was a repetition, and the body; or the name of a refusal.
type Reply = Result<(u16, bool, String), Refusal>;

impl Bench {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { required_for: RequiredFor::Money, ..testing::idempotency() };
        change(&mut settings);
        let mut config = testing::config();
        config.tenants.push(testing::tenant("other"));
        config.credentials.push(testing::credential("other"));
        let (store, records) = Simulated::start();
        let (metrics, tasks) = (Arc::new(Metrics::new()), TaskTracker::new());
        let policy = Idempotency::new(&settings, &"custom".into(), Some(opened(records)), metrics.clone());
        let (upstream, calls) = mpsc::unbounded_channel();
        let service = Arc::new(IdempotencyLayer::new(Arc::new(policy), tasks.clone()).layer(Upstream(upstream)));
        Self { service, snapshots: testing::snapshots(config, testing::clock()), calls, store, metrics, tasks }
    }

    /// Sends a payment with this key, in a task of its own.
    fn pay(&self, key: &str) -> tokio::task::JoinHandle<Reply> {
        self.send(arrival(Method::POST, PAY, PAYMENT), Some(key))
    }

    fn send(&self, mut arrival: Arrival, key: Option<&str>) -> tokio::task::JoinHandle<Reply> {
        if let Some(key) = key {
            arrival.head.headers.insert("idempotency-key", HeaderValue::from_str(key).unwrap());
        }
        self.send_as(validated(&self.snapshots, arrival))
    }

    fn send_as(&self, request: Validated) -> tokio::task::JoinHandle<Reply> {
        let service = Arc::clone(&self.service);
        self.tasks.spawn(async move { read(service.call(request).await?).await })
    }

    /// The next call that goes up.
    async fn call(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }

    /// Sends a payment that is to go up, and answers it so; what it is told if it does not go up.
    async fn paid(&mut self, key: &str, answer: Result<Response, Refusal>) -> Reply {
        let mut paying = self.pay(key);
        tokio::select! {
            call = self.calls.recv() => call.unwrap().reply.send(answer).unwrap(),
            told = &mut paying => return told.unwrap(),
        }
        paying.await.unwrap()
    }

    /// Sends a payment that must not go up.
    async fn repeated(&mut self, key: &str) -> Reply {
        let told = self.pay(key).await.unwrap();
        assert!(self.calls.is_empty(), "it went up");
        told
    }

    fn counted(&self, result: &'static str) -> u64 {
        self.metrics.idempotency_requests_total.with(IdempotencyResult { operation: "confirm_breb_payment", result }).get()
    }
}

/// A store that was had at once.
fn opened(records: crate::store::records::Records) -> Store {
    Store { records, had: oneshot::channel().1 }
}

async fn read(response: Response) -> Reply {
    let (head, body) = response.into_parts();
    let replayed = head.headers.get("idempotent-replayed").is_some_and(|value| value == "true");
    match body.collect().await {
        Ok(body) => Ok((head.status.as_u16(), replayed, String::from_utf8(body.to_bytes().to_vec()).unwrap())),
        Err(cut) => Ok((head.status.as_u16(), replayed, format!("{cut:?}"))),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a call comes to")]
fn answer(status: u16, body: &'static str) -> Result<Response, Refusal> {
    Ok(http::Response::builder().status(status).body(Body::from(bytes::Bytes::from_static(body.as_bytes()))).unwrap())
}

fn is_unknown(reply: &Reply) -> bool {
    matches!(reply, Err(Refusal::OutcomeUnknown(_)))
}
