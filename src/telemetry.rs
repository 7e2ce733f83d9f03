//! Logs: JSON or text lines on standard output, by a filter that can be changed while they flow.

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io, panic};

use prometheus::IntCounter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::config::{LogFormat, Telemetry};
use crate::lines::Lines;

use self::json::JsonLine;
use self::outlet::{Outlet, write_lines};

mod json;
mod outlet;

/// Bytes of lines that wait for standard output.
const ROOM: usize = 4 << 20;
/// How long a panic waits for the line about it.
const PANIC_GRACE: Duration = Duration::from_millis(500);
/// How long the end of the process waits for its last lines.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("telemetry.log is no log filter: {0}")]
    Filter(#[from] LevelError),
    /// The thread that writes cannot be had.
    #[error("the system refuses the thread that writes the log: {0}")]
    Thread(#[source] io::Error),
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
pub struct Levels {
    filter: reload::Handle<EnvFilter, Registry>,
    lines: Arc<Lines>,
}

impl Levels {
    /// Logs by `filter` from now on: a level, or levels by module.
    ///
    /// # Errors
    ///
    /// What is no filter changes nothing.
    pub fn set(&self, filter: &str) -> Result<(), LevelError> {
        let filter = parse(filter)?;
        self.filter.reload(filter).map_err(|_| LevelError::Gone)
    }
}

impl Levels {
    /// Counts lines that are dropped in this metric.
    pub(crate) fn count_dropped_in(&self, counter: IntCounter) {
        self.lines.count_lost_in(counter);
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

/// Sends the process's logs to standard output from here on, in batches and by a thread of its own: no request waits for it.
///
/// Of a panic only its place is logged: its message may hold what a caller sent. A line that cannot be written, or for which there is no
/// room, is lost and counted: logging never ends a request.
///
/// # Errors
///
/// A filter that is none, a thread that cannot be had, or logging that was begun before.
pub fn begin(telemetry: &Telemetry) -> Result<Logs, TelemetryError> {
    let (filter, handle) = reload::Layer::new(parse(&telemetry.log)?);
    let lines = Arc::new(Lines::new(ROOM));
    let outlet = Outlet(Arc::clone(&lines));
    let layer = tracing_subscriber::fmt::layer().with_writer(outlet).log_internal_errors(false);
    let layer = match telemetry.format {
        LogFormat::Json => layer.fmt_fields(JsonFields::new()).event_format(JsonLine).boxed(),
        LogFormat::Text => layer.with_ansi(io::IsTerminal::is_terminal(&io::stdout())).boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(may_be_told))
        .with(layer)
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    let in_panic = Arc::clone(&lines);
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
        in_panic.flush(PANIC_GRACE);
    }));
    write_lines(Arc::clone(&lines)).map_err(TelemetryError::Thread)?;
    Ok(Logs { levels: Levels { filter: handle, lines } })
}

/// The process's logs: what was logged is written by the time this is dropped, unless standard output does not take it.
#[derive(Debug)]
#[must_use = "logs that are dropped are no longer written"]
pub struct Logs {
    /// What is logged.
    pub levels: Levels,
}

impl Drop for Logs {
    fn drop(&mut self) {
        let lines = &self.levels.lines;
        lines.close();
        // What is not written by then never will be, and there is nobody to tell.
        let _ = lines.flush(LAST_GRACE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tls_would_tell_of_handshakes_is_brought_out_by_no_filter() {
        for all in ["trace", "rustls=trace", "trace,rustls::server=trace"] {
            let told = tracing_subscriber::registry().with(parse(all).unwrap()).with(filter_fn(may_be_told));

            tracing::subscriber::with_default(told, || {
                assert!(!tracing::enabled!(target: "rustls::server::hs", Level::TRACE), "{all}");
                assert!(tracing::enabled!(target: "rustls::server::hs", Level::DEBUG), "{all}");
                assert_eq!(tracing::enabled!(target: "passport_gateway", Level::TRACE), all.starts_with("trace"), "{all}");
            });
        }
    }

    #[test]
    fn what_is_logged_changes_at_once_and_a_bad_filter_changes_nothing() {
        let (filter, handle) = reload::Layer::new(parse("info").unwrap());
        let levels = Levels { filter: handle, lines: Arc::new(Lines::new(ROOM)) };

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
