//! Logs: JSON or text lines on standard output.

use std::{io, panic};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{LogFormat, Telemetry};

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("telemetry.log is no log filter: {0}")]
    Filter(#[from] ParseError),
    /// The process logs already.
    #[error("logging was set up twice")]
    Twice,
}

/// Sends the process's logs to standard output from here on.
///
/// Of a panic only its place is logged: its message may hold what a caller sent. A line that cannot be written is lost: logging never ends a request.
///
/// # Errors
///
/// A filter that is none, or logging that was begun before.
pub fn begin(telemetry: &Telemetry) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&telemetry.log)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stdout).log_internal_errors(false);
    let begun = match telemetry.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stdout())).try_init(),
    };
    begun.map_err(|_| TelemetryError::Twice)?;
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
    Ok(())
}
