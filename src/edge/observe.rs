//! Layer 2: every request is counted, timed and logged exactly once, also one that panics or is abandoned.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::TryFutureExt;
use http::{HeaderValue, Method, StatusCode};
use prometheus::{Histogram, IntGauge};
use tokio::time::Instant;
use tower_layer::Layer;

use crate::body::{End, Tail};
use crate::exchange::Exchange;
use crate::fields::X_REQUEST_ID;
use crate::metrics::{CacheUse, Metrics, Operation, Request as RequestLabels, Shadow};
use crate::service::{Response, Service};
use crate::stage::{Arrival, Request};
use crate::tenant::TenantName;
use crate::trace::{Ended, Tracer};

/// The operation label of a request that matched none.
const UNMATCHED: &str = "unmatched";
/// The same as a span's name.
static UNMATCHED_SPAN: LazyLock<Arc<str>> = LazyLock::new(|| UNMATCHED.into());
/// The status label of a request whose caller left before an answer.
const CLIENT_CLOSED: &str = "499";

/// Makes each request's [`Exchange`] and reads it when the request has ended.
#[derive(Clone)]
pub struct ObserveLayer {
    metrics: Arc<Metrics>,
    tracer: Option<Arc<Tracer>>,
    access_log: f64,
}

impl ObserveLayer {
    /// Counts in `metrics`; traces if there is a `tracer`; writes a log line for this share of requests.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, tracer: Option<Arc<Tracer>>, access_log: f64) -> Self {
        Self { metrics, tracer, access_log }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe {
            in_flight: self.metrics.requests_in_flight.with(()),
            overhead: self.metrics.overhead_seconds.with(()),
            metrics: Arc::clone(&self.metrics),
            tracer: self.tracer.clone(),
            access_log: self.access_log,
            inner,
        }
    }
}

/// The service of [`ObserveLayer`].
pub struct Observe<S> {
    metrics: Arc<Metrics>,
    // Found once: labels are looked up more slowly than a request is counted.
    in_flight: IntGauge,
    overhead: Histogram,
    tracer: Option<Arc<Tracer>>,
    access_log: f64,
    inner: S,
}

impl<S: Service<Request, Error = Infallible>> Service<Arrival> for Observe<S> {
    type Error = Infallible;

    // No async block, for the reason of the layer above.
    fn call(&self, arrival: Arrival) -> impl Future<Output = Result<Response, Infallible>> + Send {
        let id = arrival.head.headers.get(X_REQUEST_ID).cloned().unwrap_or(HeaderValue::from_static(""));
        let started = Instant::now();
        let trace = self.tracer.as_ref().map(|tracer| tracer.begin(&arrival.head.headers, started));
        let exchange = Exchange::traced(id, started, trace);
        let mut observation = Observation::begin(self, &arrival.head.method, exchange.clone());
        self.inner.call(Request::observed(arrival, exchange)).map_ok(move |response| {
            self.overhead.observe(observation.answered(response.status()).as_secs_f64());
            response.map(|body| body.with_tail(observation))
        })
    }
}

/// One request under observation; what is not told how it ended was abandoned.
struct Observation {
    metrics: Arc<Metrics>,
    in_flight: IntGauge,
    access_log: f64,
    method: &'static str,
    exchange: Exchange,
    status: Option<StatusCode>,
    end: End,
}

impl Observation {
    fn begin<S>(observe: &Observe<S>, method: &Method, exchange: Exchange) -> Self {
        observe.in_flight.inc();
        Self {
            metrics: Arc::clone(&observe.metrics),
            in_flight: observe.in_flight.clone(),
            access_log: observe.access_log,
            method: label(method),
            exchange,
            status: None,
            end: End::Abandoned,
        }
    }

    /// Takes note of the answer, and says how much of the time until now was the gateway's own.
    fn answered(&mut self, status: StatusCode) -> Duration {
        self.status = Some(status);
        self.exchange.started().elapsed().saturating_sub(self.exchange.waits())
    }

    fn outcome(&self) -> &'static str {
        match (self.end, self.status, self.exchange.refused()) {
            (End::Abandoned, ..) => "client_closed",
            (_, _, Some(problem)) => problem,
            (End::Cut(_), ..) => "upstream_truncated",
            (_, Some(status), _) if status.is_client_error() => "upstream_4xx",
            (_, Some(status), _) if status.is_server_error() => "upstream_5xx",
            _ => "ok",
        }
    }

    fn count(&self, operation: &str, status: &str, outcome: &str) {
        let tenant = self.exchange.tenant().map_or("", |tenant| tenant.as_str());
        let labels = RequestLabels { operation, method: self.method, status, tenant, outcome };
        self.metrics.requests_total.with(labels).inc();
        let duration = self.exchange.started().elapsed().as_secs_f64();
        self.metrics.request_duration_seconds.with(Operation { operation }).observe(duration);
        if let Some(cache) = self.exchange.cache() {
            self.metrics.cache_requests_total.with(CacheUse { operation, result: cache.result.label() }).inc();
        }
        if self.exchange.reported().is_some_and(|violations| !violations.is_empty()) {
            self.metrics.shadow_denials_total.with(Shadow { operation, problem: "invalid-request" }).inc();
        }
        if self.exchange.scope_missed().is_some() {
            self.metrics.shadow_denials_total.with(Shadow { operation, problem: "insufficient-scope" }).inc();
        }
    }

    /// Whether it has a log line: where only a share has, what did not go well is not left to chance.
    fn is_logged(&self, outcome: &str) -> bool {
        let share = self.access_log;
        share > 0.0 && (share >= 1.0 || outcome != "ok" || fastrand::f64() < share)
    }

    fn end_trace(&self, outcome: &'static str) {
        let Some(trace) = self.exchange.trace() else { return };
        trace.end(&Ended {
            operation: self.exchange.operation().map_or(&UNMATCHED_SPAN, |(_, name)| name),
            method: self.method,
            status: self.status.map(|status| status.as_u16()),
            outcome,
            tenant: self.exchange.tenant().map(TenantName::as_str),
            request_id: self.exchange.id(),
        });
    }

    fn log(&self, operation: &str, status: &str, outcome: &str) {
        let exchange = &self.exchange;
        tracing::info!(
            target: "access",
            request_id = exchange.id().to_str().unwrap_or_default(),
            operation,
            method = self.method,
            status = status.parse::<u16>().unwrap_or_default(),
            outcome,
            tenant = exchange.tenant().map_or("", |tenant| tenant.as_str()),
            caller = exchange.caller().map_or("", |caller| caller),
            cache = exchange.cache().map_or("", |cache| cache.result.label()),
            idempotency = exchange.idempotency().copied(),
            reported = reported(exchange),
            attempts = exchange.attempts(),
            duration_us = micros(exchange.started().elapsed()),
            upstream_us = micros(exchange.upstream()),
            "request"
        );
    }
}

impl Tail for Observation {
    fn ended(&mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.in_flight.dec();
        let operation = self.exchange.operation().map_or(UNMATCHED, |(_, name)| name);
        let status = self.status.as_ref().map_or(CLIENT_CLOSED, StatusCode::as_str);
        let outcome = self.outcome();
        self.count(operation, status, outcome);
        self.end_trace(outcome);
        if self.is_logged(outcome) {
            self.log(operation, status, outcome);
        }
    }
}

/// What was broken and only reported, each once: rules, and that the scope was missing.
fn reported(exchange: &Exchange) -> Option<String> {
    let violations = exchange.reported().into_iter().flatten();
    let mut rules: BTreeSet<String> = violations.map(ToString::to_string).collect();
    rules.extend(exchange.scope_missed().map(|()| "scope".to_owned()));
    (!rules.is_empty()).then(|| rules.into_iter().collect::<Vec<_>>().join(", "))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The method as a label: one of the catalogue's, or `other`.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
