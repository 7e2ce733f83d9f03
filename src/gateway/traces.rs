//! The way of spans to the collector.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SharedClock;
use crate::config::{Config, Otlp};
use crate::metrics::{Metrics, SpanResult};
use crate::trace::{Counted, Exporter, Tracer};
use crate::transport::{Client, Connector, Trust, TrustError};

/// Starts sending spans; the last ones are sent when the gateway has `ended`.
///
/// A collector stands nearby: it is reached without the egress proxy.
pub(super) fn begin(
    otlp: &Otlp,
    config: &Config,
    clock: &SharedClock,
    metrics: &Metrics,
    background: &TaskTracker,
    ended: &CancellationToken,
) -> Result<Arc<Tracer>, TrustError> {
    let trust = if otlp.endpoint.scheme_str() == Some("https") { Trust::System } else { Trust::Nothing };
    let client = Client::new(Arc::new(Connector::new(&trust, None, config.passport.connect_timeout)?));
    let count = |result| metrics.otlp_spans_total.with(SpanResult { result });
    let counted = Counted { exported: count("exported"), failed: count("failed"), dropped: count("dropped") };
    let (exporter, tracer) = Exporter::new(client, otlp.traces(), otlp.ratio, clock.clone(), counted);
    background.spawn(exporter.run(ended.clone()));
    Ok(tracer)
}
