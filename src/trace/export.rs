//! Sends spans to an OpenTelemetry collector, in batches (OTLP/HTTP, protobuf); what it cannot take harms no request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::otlp;
use super::span::Span;
use super::{Counted, Tracer};
use crate::clock::SharedClock;
use crate::transport::Client;

/// How long spans are gathered for a batch.
const GATHER: Duration = Duration::from_secs(1);
/// Spans of a batch at most.
const BATCH: usize = 512;
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read: it says next to nothing.
const LONGEST_ANSWER: usize = 64 << 10;
/// How often a batch is sent again before it is given up.
const RETRIES: u32 = 2;
/// What is left to send when the gateway ends gets this much time; less than the gateway waits for it.
const LAST: Duration = Duration::from_secs(2);

/// The way to one collector.
pub struct Exporter {
    client: Client,
    endpoint: Uri,
    instance: String,
    spans: mpsc::Receiver<Span>,
    counted: Arc<Counted>,
    works: bool,
}

impl Exporter {
    /// Sends to `endpoint` what the tracer queues, of which `ratio` of the traces that begin here.
    #[must_use]
    pub fn new(client: Client, endpoint: Uri, ratio: f64, clock: SharedClock, counted: Counted) -> (Self, Arc<Tracer>) {
        let counted = Arc::new(counted);
        let (tracer, spans) = Tracer::new(ratio, clock, Arc::clone(&counted));
        let instance = uuid::Uuid::from_u128(fastrand::u128(..)).to_string();
        (Self { client, endpoint, instance, spans, counted, works: true }, tracer)
    }

    /// Sends until the gateway has ended, then what is left.
    pub async fn run(mut self, ended: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                received = self.spans.recv_many(&mut batch, BATCH) => if received == 0 { return },
                () = ended.cancelled() => break,
            }
            if batch.len() < BATCH {
                tokio::select! {
                    () = sleep(GATHER) => {}
                    () = ended.cancelled() => break,
                }
                self.gather(&mut batch);
            }
            tokio::select! {
                () = self.deliver(&batch) => {}
                // What was under way is sent anew: a collector may get a span twice, which it knows by its id.
                () = ended.cancelled() => break,
            }
            batch.clear();
        }
        let unsent = batch.len() + self.spans.len();
        if timeout(LAST, self.flush(batch)).await.is_err() {
            tracing::warn!(unsent, "the collector did not take the last spans in time");
        }
    }

    /// Adds what is queued already, as far as there is room.
    fn gather(&mut self, batch: &mut Vec<Span>) {
        while batch.len() < BATCH {
            let Ok(span) = self.spans.try_recv() else { return };
            batch.push(span);
        }
    }

    async fn flush(&mut self, mut batch: Vec<Span>) {
        loop {
            self.gather(&mut batch);
            if batch.is_empty() {
                return;
            }
            self.deliver(&batch).await;
            batch.clear();
        }
    }

    async fn deliver(&mut self, batch: &[Span]) {
        let body = Bytes::from(otlp::encode(&self.instance, batch));
        let mut retries = 0;
        let result = loop {
            match self.send(body.clone()).await {
                Err(Failure { again: true, .. }) if retries < RETRIES => {
                    retries += 1;
                    sleep(GATHER * retries).await;
                }
                result => break result,
            }
        };
        let count = batch.len() as u64;
        match result {
            Ok(()) => {
                self.counted.exported.inc_by(count);
                if !std::mem::replace(&mut self.works, true) {
                    tracing::info!("the OpenTelemetry collector takes spans again");
                }
            }
            Err(Failure { why, .. }) => {
                self.counted.failed.inc_by(count);
                // Once, not for each batch: it may last.
                if std::mem::replace(&mut self.works, false) {
                    tracing::warn!(why, "the OpenTelemetry collector does not take spans; requests are served as ever");
                }
            }
        }
    }

    async fn send(&self, body: Bytes) -> Result<(), Failure> {
        let mut request = Request::post(self.endpoint.clone()).body(body).expect("a URI that configuration has checked");
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        match self.client.fetch(request, LONGEST_ANSWER, PATIENCE).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(Failure { why: format!("it answers {}", answer.status()), again: is_passing(answer.status()) }),
            Err(error) => Err(Failure { why: error.to_string(), again: true }),
        }
    }
}

/// Why a batch was not taken.
struct Failure {
    why: String,
    /// Whether it may be taken later.
    again: bool,
}

/// OTLP/HTTP, "Retryable Response Codes".
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}
