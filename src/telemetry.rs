//! Logs: JSON or text lines on standard output, by a filter that can be changed while they flow.

use std::{fmt, io, panic};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::config::{LogFormat, Telemetry};

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("telemetry.log is no log filter: {0}")]
    Filter(#[from] LevelError),
    /// The process logs already.
    #[error("logging was set up twice")]
    Twice,
}

/// Why a filter is not taken.
#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is no filter.
    #[error("{0}")]
    Malformed(#[from] ParseError),
    /// The process has stopped logging.
    #[error("nothing is logged any more")]
    Gone,
}

/// What is logged; all handles change the same.
#[derive(Clone)]
pub struct Levels(reload::Handle<EnvFilter, Registry>);

impl Levels {
    /// Logs by `filter` from now on: a level, or levels by module.
    ///
    /// # Errors
    ///
    /// What is no filter changes nothing.
    pub fn set(&self, filter: &str) -> Result<(), LevelError> {
        let filter = parse(filter)?;
        self.0.reload(filter).map_err(|_| LevelError::Gone)
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Levels")
    }
}

fn parse(filter: &str) -> Result<EnvFilter, LevelError> {
    if filter.trim().is_empty() {
        return Err(LevelError::Empty);
    }
    Ok(EnvFilter::builder().parse(filter)?)
}

/// Whether a line may be told at all. What rustls writes at trace level is whole handshakes: names in certificates, random values,
/// tickets. No filter brings them out.
fn may_be_told(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::TRACE || !metadata.target().starts_with("rustls")
}

/// Sends the process's logs to standard output from here on.
///
/// Of a panic only its place is logged: its message may hold what a caller sent. A line that cannot be written is lost: logging never ends a request.
///
/// # Errors
///
/// A filter that is none, or logging that was begun before.
pub fn begin(telemetry: &Telemetry) -> Result<Levels, TelemetryError> {
    let (filter, handle) = reload::Layer::new(parse(&telemetry.log)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stdout).log_internal_errors(false);
    let lines = match telemetry.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stdout())).boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(may_be_told))
        .with(lines)
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
    Ok(Levels(handle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_changes_at_once_and_a_bad_filter_changes_nothing() {
        let (filter, handle) = reload::Layer::new(parse("info").unwrap());
        let levels = Levels(handle);

        tracing::subscriber::with_default(tracing_subscriber::registry().with(filter), || {
            assert!(!tracing::enabled!(tracing::Level::DEBUG));
            levels.set("debug").unwrap();
            assert!(tracing::enabled!(tracing::Level::DEBUG));

            for bad in ["", " ", "no such level=x=y", "[", "a=loud"] {
                assert!(levels.set(bad).is_err(), "{bad:?}");
            }
            assert!(tracing::enabled!(tracing::Level::DEBUG));
        });
    }
}
