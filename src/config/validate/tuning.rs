//! Sections that only tune: validation, cache, retries, breaker, telemetry.

use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::catalogue::{Mode, Modes};
use crate::config::raw::{Table, Value};
use crate::config::settings::{Breaker, Cache, LogFormat, Otlp, Retry, Telemetry};

const MODES: [(&str, Mode); 3] = [("enforce", Mode::Enforce), ("report", Mode::Report), ("off", Mode::Off)];

pub(super) fn validation(root: &Table<'_>) -> Modes {
    let section = root.section("validation", &["documented", "inferred", "unknown_parameters"]);
    let default = Modes::default();
    let mode = |value: &Value<'_>| value.word(&MODES);
    Modes {
        documented: section.or("documented", default.documented, mode),
        inferred: section.or("inferred", default.inferred, mode),
        unknown: section.or("unknown_parameters", default.unknown, mode),
    }
}

pub(super) fn cache(root: &Table<'_>) -> Cache {
    let section = root.section("cache", &["max_bytes", "stale_while_revalidate", "stale_if_error"]);
    Cache {
        max_bytes: section.or("max_bytes", 64 << 20, Value::size),
        stale_while_revalidate: section.or("stale_while_revalidate", Duration::ZERO, Value::duration),
        stale_if_error: section.or("stale_if_error", Duration::ZERO, Value::duration),
    }
}

pub(super) fn retry(root: &Table<'_>) -> Retry {
    let section = root.section("retry", &["attempts", "budget"]);
    Retry { attempts: section.or("attempts", 2, |value| value.count(0..=2)), budget: section.or("budget", 0.1, Value::share) }
}

pub(super) fn breaker(root: &Table<'_>) -> Breaker {
    let section = root.section("breaker", &["failures", "minimum", "window", "open"]);
    Breaker {
        failures: section.or("failures", 0.5, |value| match value.share()? {
            share if share > 0.0 => Some(share),
            _ => value.fault("is zero: the breaker would open at once", "write a percentage above zero, such as \"50%\""),
        }),
        minimum: section.or("minimum", 20, |value| value.count(1..=1_000_000)),
        window: section.or("window", Duration::from_secs(10), Value::time),
        open: section.or("open", Duration::from_secs(5), Value::time),
    }
}

pub(super) fn telemetry(root: &Table<'_>) -> Telemetry {
    let section = root.section("telemetry", &["log", "access_log", "format", "otlp_endpoint", "trace_ratio"]);
    let (endpoint, ratio) = (section.read("otlp_endpoint", Value::url), section.read("trace_ratio", Value::share));
    if endpoint.is_none() {
        section.advise_of_unused(&["trace_ratio"], "traces go nowhere", "set otlp_endpoint");
    }
    Telemetry {
        log: section.or("log", "info".to_owned(), filter),
        access_log: section.or("access_log", 1.0, access_log),
        format: section
            .or("format", LogFormat::Json, |value| value.word(&[("json", LogFormat::Json), ("text", LogFormat::Text)])),
        otlp: endpoint.map(|endpoint| Otlp { endpoint, ratio: ratio.unwrap_or(1.0) }),
    }
}

/// All, none, or a share.
fn access_log(value: &Value<'_>) -> Option<f64> {
    if value.is_text() { value.share() } else { value.flag().map(|all| if all { 1.0 } else { 0.0 }) }
}

fn filter(value: &Value<'_>) -> Option<String> {
    let text = value.text_such_as("a log filter", "\"info\"")?;
    match EnvFilter::builder().parse(text) {
        Ok(_) => Some(text.to_owned()),
        Err(_) => value.fault("is no log filter", "write a level (error, warn, info, debug, trace), or levels by module"),
    }
}
