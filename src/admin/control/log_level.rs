//! `POST /log-level`: what is logged, until the next call or a restart.

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::fault::Fault;
use super::{Controls, Done};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    level: String,
}

/// Logs by this filter from now on: a level, or levels by module, as `telemetry.log` has it.
pub(super) fn set(controls: &Controls, wanted: &Wanted) -> Result<Done, Fault> {
    let Some(levels) = &controls.levels else {
        let detail = "This process's logs are not the gateway's.";
        return Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, "operation-unavailable", detail));
    };
    levels.set(&wanted.level).map_err(|error| Fault::invalid(format!("`level` is no log filter: {error}.")))?;
    Ok(Done { answer: json!({ "level": wanted.level }), change: format!("level {}", wanted.level), key: None })
}
