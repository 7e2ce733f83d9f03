//! The admin pages: by path, GET and HEAD alone.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};

use crate::body::Body;
use crate::config::Readiness;
use crate::metrics::Metrics;
use crate::service::{Response, Service};
use crate::stage::Arrival;

use super::conditions::{Condition, conditions};
use super::status::Report;
use super::{StatusSource, guard, page};

const TEXT: &str = "text/plain; charset=utf-8";
/// What Prometheus calls its text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The service behind the admin listener.
pub struct Pages {
    metrics: Arc<Metrics>,
    source: Arc<dyn StatusSource>,
    readiness: Readiness,
}

impl Pages {
    /// Shows `metrics` and what `source` tells.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, source: Arc<dyn StatusSource>, readiness: Readiness) -> Self {
        Self { metrics, source, readiness }
    }

    fn answer(&self, arrival: &Arrival) -> Response {
        if let Some(flaw) = arrival.flaw {
            return text(StatusCode::BAD_REQUEST, flaw);
        }
        if let Err(guard::Turned(status, why)) = guard::check(&arrival.head, &arrival.peer) {
            return text(status, why);
        }
        let uri = &arrival.head.uri;
        let page: fn(&Self) -> Response = match uri.path() {
            "/" => |_| page::response(),
            "/livez" => |_| text(StatusCode::OK, "ok"),
            "/metrics" => Self::metrics,
            "/readyz" if asks_for(uri.query(), "verbose") => Self::ready_verbose,
            "/readyz" => Self::ready,
            "/status" => Self::status,
            _ => return text(StatusCode::NOT_FOUND, "not found; there are /metrics /livez /readyz /status and /"),
        };
        if matches!(arrival.head.method, Method::GET | Method::HEAD) {
            return page(self);
        }
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "this listener is read only");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        response
    }

    fn metrics(&self) -> Response {
        match self.metrics.render() {
            Ok(rendered) => response(StatusCode::OK, PROMETHEUS, rendered),
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be rendered");
                text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be rendered")
            }
        }
    }

    fn conditions(&self) -> (bool, Vec<Condition>) {
        let conditions = conditions(self.readiness, &self.source.facts());
        (conditions.iter().all(|condition| condition.holds), conditions)
    }

    fn ready(&self) -> Response {
        let (ready, _) = self.conditions();
        let (status, word) = readiness(ready);
        text(status, word)
    }

    fn ready_verbose(&self) -> Response {
        let (ready, conditions) = self.conditions();
        let (status, word) = readiness(ready);
        let mut lines = String::new();
        for Condition { name, holds, reason } in conditions {
            // Writing to memory cannot fail.
            let _ = writeln!(lines, "{} {name}: {reason}", if holds { "[+]" } else { "[-]" });
        }
        text(status, &(lines + word))
    }

    fn status(&self) -> Response {
        let (ready, conditions) = self.conditions();
        let report = Report { ready, conditions, status: self.source.status() };
        let json = serde_json::to_string(&report).expect("structs of names and numbers are always JSON");
        response(StatusCode::OK, "application/json", json)
    }
}

impl Service<Arrival> for Pages {
    type Error = Infallible;

    async fn call(&self, arrival: Arrival) -> Result<Response, Infallible> {
        Ok(self.answer(&arrival))
    }
}

fn readiness(ready: bool) -> (StatusCode, &'static str) {
    if ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") }
}

fn asks_for(query: Option<&str>, name: &str) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some(name)))
}

fn text(status: StatusCode, line: &str) -> Response {
    response(status, TEXT, format!("{line}\n"))
}

/// An answer that nobody keeps or takes for something else.
pub(super) fn response(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
