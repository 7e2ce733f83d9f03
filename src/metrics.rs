//! Every metric, declared once: a field is a name, its doc comment the HELP text, its labels a struct.
//!
//! Label values come from configuration and closed sets, so the number of series is bounded. The registry is the gateway's own.

use prometheus::Registry;

use self::family::{Counters, Gauges, Histograms, labels};

pub use self::family::Labels;

mod family;
pub mod process;

/// Bounds in seconds for what waits on Passport.
const DURATION: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Bounds in seconds for the gateway's own work.
const OVERHEAD: &[f64] =
    &[0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

labels! {
    /// How a request ended.
    Request { operation, method, status, tenant, outcome }
    /// An operation.
    Operation { operation }
    /// An operation at its upstream.
    UpstreamOperation { upstream, operation }
    /// Why a connection was ended.
    Reason { reason }
    /// What came of asking for a token.
    TokenResult { credential, result }
    /// A credential.
    Credential { credential }
    /// What an upstream answered.
    UpstreamStatus { upstream, status }
    /// Why an upstream was asked again.
    UpstreamReason { upstream, reason }
    /// Connections of a pool.
    UpstreamState { upstream, state }
    /// An upstream.
    Upstream { upstream }
    /// How the cache dealt with a request.
    CacheUse { operation, result }
    /// Why an entry left the cache.
    Cause { cause }
    /// Who made stored answers untrue.
    InvalidationSource { source }
    /// What became of a message between replicas.
    MessageResult { result }
    /// What a limit decided.
    LimitDecision { limit, name, decision }
    /// What a shadow policy would have refused.
    Shadow { operation, problem }
    /// A state of idempotency records.
    IdempotencyState { state }
    /// What a request's idempotency key led to.
    IdempotencyResult { operation, result }
    /// What came of fetching an issuer's keys.
    KeyResult { issuer, result }
    /// What came of reading something anew.
    ReloadResult { result }
    /// What the store was used for.
    Store { r#use }
    /// What became of audit records.
    AuditResult { result }
    /// What became of spans.
    SpanResult { result }
    /// The running version.
    Build { version }
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $name:ident: $family:ident<$labels:ty> $(($buckets:expr))?,)+) => {
        /// All metrics of one gateway, shared by its workers.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            $($(#[doc = $help])+ pub $name: $family<$labels>,)+
        }

        impl Metrics {
            /// Registers every metric in a registry of its own.
            #[must_use]
            pub fn new() -> Self {
                let registry = Registry::new();
                let metrics = Self {
                    $($name: $family::register(
                        &registry,
                        concat!("passport_gateway_", stringify!($name)),
                        concat!($($help),+).trim(),
                        $($buckets)?
                    ),)+
                    registry,
                };
                metrics.build_info.with(Build { version: env!("CARGO_PKG_VERSION") }).set(1);
                metrics
            }
        }
    };
}

metrics! {
    /// Requests, by how they ended.
    requests_total: Counters<Request<'static>>,
    /// Seconds from a request's head to the end of its answer.
    request_duration_seconds: Histograms<Operation<'static>>(DURATION),
    /// Seconds from sending a request upstream to the head of its answer.
    upstream_duration_seconds: Histograms<UpstreamOperation<'static>>(DURATION),
    /// Seconds of the gateway's own work per request, waits for others excluded.
    overhead_seconds: Histograms<()>(OVERHEAD),
    /// Requests whose answer has not ended.
    requests_in_flight: Gauges<()>,
    /// Open connections of callers.
    connections: Gauges<()>,
    /// Callers' connections that ended in an error.
    connection_errors_total: Counters<Reason<'static>>,
    /// Changes of the files of `server.tls`, by whether they are in use.
    server_certificate_reloads_total: Counters<ReloadResult<'static>>,
    /// Unix time at which the certificate of `server.tls` ends.
    server_certificate_expiry_timestamp_seconds: Gauges<()>,
    /// Requests for an upstream token, by result.
    upstream_token_requests_total: Counters<TokenResult<'static>>,
    /// Unix time at which the upstream token was asked for, from which its life counts.
    upstream_token_minted_timestamp_seconds: Gauges<Credential<'static>>,
    /// Unix time at which the upstream token expires.
    upstream_token_expiry_timestamp_seconds: Gauges<Credential<'static>>,
    /// Requests sent upstream, by status of the answer (or `error`, or `abandoned` by the caller).
    upstream_requests_total: Counters<UpstreamStatus<'static>>,
    /// Requests sent upstream again.
    upstream_retries_total: Counters<UpstreamReason<'static>>,
    /// Connections to the upstream.
    upstream_connections: Gauges<UpstreamState<'static>>,
    /// State of the upstream's breaker: 0 closed, 1 half open, 2 open.
    breaker_state: Gauges<Upstream<'static>>,
    /// Requests for cacheable operations, by what the cache did.
    cache_requests_total: Counters<CacheUse<'static>>,
    /// Bytes held by the cache.
    cache_bytes: Gauges<()>,
    /// Bytes of answers that are being collected for the cache, beside those it holds.
    cache_collecting_bytes: Gauges<()>,
    /// Entries held by the cache.
    cache_entries: Gauges<()>,
    /// Entries that left the cache.
    cache_evictions_total: Counters<Cause<'static>>,
    /// Invalidations of stored answers: by a `write` or a `purge` here, by another `replica`, or of all because of a `reconnect`.
    cache_invalidations_total: Counters<InvalidationSource<'static>>,
    /// Messages to other replicas, by whether they were accepted in time, and those of others that could not be read.
    cache_invalidation_messages_total: Counters<MessageResult<'static>>,
    /// Seconds from another replica's write to its invalidation here, by the two clocks.
    cache_invalidation_lag_seconds: Histograms<()>(DURATION),
    /// Whether other replicas' writes are heard: 1 or 0.
    cache_invalidation_heard: Gauges<()>,
    /// Decisions of limits.
    limit_decisions_total: Counters<LimitDecision<'static>>,
    /// Requests that a shadow policy would have refused.
    shadow_denials_total: Counters<Shadow<'static>>,
    /// Times that Redis was needed and gave no answer, or was lost.
    store_errors_total: Counters<Store<'static>>,
    /// Idempotency records that reached a state (`in_flight`, `done`, `free`, `unknown`).
    idempotency_records_total: Counters<IdempotencyState<'static>>,
    /// Idempotency records that are kept, by state.
    idempotency_records_kept: Gauges<IdempotencyState<'static>>,
    /// Bytes of idempotency records that are kept.
    idempotency_record_bytes: Gauges<()>,
    /// Writes by what their idempotency key led to (`forwarded`, `replayed`, `in_flight`, `mismatch`, `unknown`, `missing`, `unavailable`, `unrecorded`).
    idempotency_requests_total: Counters<IdempotencyResult<'static>>,
    /// Unix time since which the oldest record of unknown outcome is unknown; 0 if there is none.
    idempotency_oldest_unknown_timestamp_seconds: Gauges<()>,
    /// Fetches of issuers' keys.
    jwks_refreshes_total: Counters<KeyResult<'static>>,
    /// Times the configuration was read anew, by whether it was applied (`ok`, or `failed`).
    config_reloads_total: Counters<ReloadResult<'static>>,
    /// Whether the configuration in force is the one that was read last: 1 or 0.
    config_last_reload_successful: Gauges<()>,
    /// Unix time at which the configuration in force was read.
    config_last_reload_success_timestamp_seconds: Gauges<()>,
    /// Audit records, by what became of them (`written`, `lost`), and payments that were `refused` because none could be written.
    audit_records_total: Counters<AuditResult<'static>>,
    /// Whether audit records can be written: 1 or 0.
    audit_available: Gauges<()>,
    /// Log lines that were dropped because standard output took them too slowly or not at all.
    log_lines_dropped_total: Counters<()>,
    /// Spans of traces, by what became of them: exported, failed (the collector did not take them), dropped (the queue was full).
    otlp_spans_total: Counters<SpanResult<'static>>,
    /// The running version; always 1.
    build_info: Gauges<Build<'static>>,
}

impl Metrics {
    /// Renders everything in the Prometheus text format.
    ///
    /// # Errors
    ///
    /// The encoder's, which writing to memory does not produce.
    pub fn render(&self) -> prometheus::Result<String> {
        let mut text = prometheus::TextEncoder::new().encode_to_string(&self.registry.gather())?;
        process::render(&mut text);
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_registered_under_its_promised_name() {
        let metrics = Metrics::new();

        metrics
            .requests_total
            .with(Request { operation: "list_payments", method: "GET", status: "200", tenant: "acme", outcome: "ok" })
            .inc();

        let text = metrics.render().unwrap();
        let sample = r#"passport_gateway_requests_total{method="GET",operation="list_payments",outcome="ok",status="200",tenant="acme"} 1"#;
        assert!(text.contains(sample), "{text}");
        assert!(text.contains("# HELP passport_gateway_requests_total Requests, by how they ended."), "{text}");
        assert!(text.contains("passport_gateway_build_info{version="), "{text}");
    }
}
