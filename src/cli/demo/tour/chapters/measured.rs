//! What all of it left in the metrics.

use crate::cli::demo::tour::guide::{Guide, Lost, because};
use crate::cli::demo::tour::metrics::Metrics;
use crate::cli::say;

/// A counter, and how far the tour must have moved it at least.
struct Moved {
    name: &'static str,
    labels: &'static [&'static str],
    least: f64,
}

const MOVED: &[Moved] = &[
    moved("requests_total", &[r#"outcome="ok""#], 20.0),
    moved("requests_total", &[r#"outcome="missing-credential""#], 1.0),
    moved("requests_total", &[r#"outcome="insufficient-scope""#], 2.0),
    moved("requests_total", &[r#"outcome="invalid-request""#], 2.0),
    moved("requests_total", &[r#"outcome="idempotency-key-missing""#], 1.0),
    moved("idempotency_requests_total", &[r#"result="forwarded""#], 1.0),
    moved("idempotency_requests_total", &[r#"result="replayed""#], 1.0),
    moved("requests_total", &[r#"outcome="rate-limited""#], 1.0),
    moved("cache_requests_total", &[r#"operation="list_customers""#, r#"result="hit""#], 1.0),
    moved("cache_requests_total", &[r#"operation="list_customers""#, r#"result="miss""#], 3.0),
    moved("cache_requests_total", &[r#"operation="list_keys""#, r#"result="collapsed""#], 9.0),
    moved("limit_decisions_total", &[r#"name="reports""#, r#"decision="denied""#], 1.0),
    moved("upstream_token_requests_total", &[r#"credential="acme""#, r#"result="ok""#], 1.0),
    moved("upstream_requests_total", &[], 20.0),
];

const fn moved(name: &'static str, labels: &'static [&'static str], least: f64) -> Moved {
    Moved { name, labels, least }
}

/// Compares the metrics with what they were `before`.
pub(super) async fn since(before: Metrics, guide: &mut Guide<'_>) -> Result<(), Lost> {
    let after = guide.metrics().await?;
    say("");
    for Moved { name, labels, least } in MOVED {
        let full = format!("passport_gateway_{name}");
        let (then, now) = (before.sum(&full, labels), after.sum(&full, labels));
        let series = if labels.is_empty() { full } else { format!("{full}{{{}}}", labels.join(",")) };
        say(format_args!("   {series:86} {then:>2} -> {now}"));
        if now - then < *least {
            guide.claim(false, &format!("{series} has moved by {least} at least"));
        }
    }
    because(
        "Scraped from /metrics before the first chapter and now. Labels are names from the configuration and closed sets: \
         never a caller's id, a path or a value.",
    );
    Ok(())
}
