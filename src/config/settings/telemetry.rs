//! `[telemetry]`: logs and traces.

use http::Uri;

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Logs.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// The filter, as `tracing` reads it.
    pub log: String,
    /// The share of requests that have a line each; unless it is none, those that did not go well always have.
    pub access_log: f64,
    /// How lines look.
    pub format: LogFormat,
    /// Where traces go, if anywhere.
    pub otlp: Option<Otlp>,
}

/// An OpenTelemetry collector.
#[derive(Clone, Debug)]
pub struct Otlp {
    /// Its base URL: spans go to `v1/traces` below it.
    pub endpoint: Uri,
    /// The share of traces that is sampled, of those that begin here; callers decide about theirs.
    pub ratio: f64,
}

impl Otlp {
    /// Where spans go (OTLP/HTTP, "OTLP/HTTP Request").
    #[must_use]
    pub fn traces(&self) -> Uri {
        let base = self.endpoint.to_string();
        format!("{}/v1/traces", base.trim_end_matches('/')).parse().expect("a valid URL without a query, and a path below it")
    }
}
