use std::sync::Arc;

use proptest::prelude::*;
use tracing_subscriber::layer::SubscriberExt;

use super::super::outlet::Outlet;
use super::*;
use crate::lines::{Batch, Lines};

/// The lines that are logged meanwhile.
fn logged(log: impl FnOnce()) -> String {
    let lines = Arc::new(Lines::new(1 << 20));
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(Outlet(Arc::clone(&lines)))
        .fmt_fields(JsonFields::new())
        .event_format(JsonLine);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    String::from_utf8(lines.next(Batch::default(), None).batch.bytes).unwrap()
}

fn line(log: impl FnOnce()) -> serde_json::Value {
    let lines = logged(log);
    assert!(lines.ends_with('\n') && lines.lines().count() == 1, "{lines}");
    serde_json::from_str(&lines).unwrap_or_else(|error| panic!("{error}: {lines}"))
}

#[test]
fn a_line_has_time_level_fields_message_and_target() {
    let told = line(|| {
        let none: Option<&str> = None;
        tracing::warn!(target: "access", status = 200_u16, us = u64::MAX, delta = -5, share = 0.5, nan = f64::NAN, up = true, none, tenant = "acme", "request");
    });

    let at: String = told["timestamp"].as_str().unwrap().to_owned();
    assert!(time::OffsetDateTime::parse(&at, &time::format_description::well_known::Rfc3339).is_ok(), "{at}");
    let rest = serde_json::json!({
        "timestamp": at, "level": "WARN", "message": "request", "target": "access", "tenant": "acme",
        "status": 200, "us": u64::MAX, "delta": -5, "share": 0.5, "nan": null, "up": true,
    });
    assert_eq!(told, rest);
}

#[test]
fn a_line_within_a_span_names_it_with_its_fields() {
    let told = line(|| {
        let _inside = tracing::info_span!("upstream_token", credential = "acme").entered();
        tracing::info!("minted");
    });

    assert_eq!(told["span"], serde_json::json!({ "name": "upstream_token", "credential": "acme" }));
}

#[test]
fn what_is_said_by_debug_is_text() {
    let told = line(|| tracing::info!(signal = ?Some("a\n"), error = %"\"quoted\""));

    assert_eq!((told["signal"].as_str(), told["error"].as_str()), (Some("Some(\"a\\n\")"), Some("\"quoted\"")));
}

proptest! {
    #[test]
    fn whatever_is_said_is_one_line_of_json_that_says_it(said in any::<String>()) {
        let told = line(|| tracing::info!(said));

        prop_assert_eq!(told["said"].as_str(), Some(&*said));
    }
}
