//! One log line as a JSON object: time, level, what was said, target.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::{Clock, SystemClock};

/// Writes each event as one line. Nothing is collected on the way: a line of a request costs little more than its bytes.
pub(super) struct JsonLine;

impl<S: Subscriber + for<'s> LookupSpan<'s>> FormatEvent<S, JsonFields> for JsonLine {
    fn format_event(&self, context: &FmtContext<'_, S, JsonFields>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        line.write_str("{\"timestamp\":\"")?;
        moment(&mut line)?;
        line.write_str("\",\"level\":\"")?;
        line.write_str(metadata.level().as_str())?;
        line.write_char('"')?;
        let mut members = Members { line: &mut line, target: None, written: Ok(()) };
        event.record(&mut members);
        let Members { target, written, .. } = members;
        written?;
        line.write_str(",\"target\":")?;
        text(&mut line, target.as_deref().unwrap_or(metadata.target()))?;
        if let Some(span) = context.lookup_current() {
            line.write_str(",\"span\":{\"name\":")?;
            text(&mut line, span.name())?;
            if let Some(fields) = span.extensions().get::<FormattedFields<JsonFields>>()
                && let Some(fields) = fields.strip_prefix('{').filter(|fields| *fields != "}")
            {
                line.write_char(',')?;
                line.write_str(fields.strip_suffix('}').unwrap_or(fields))?;
            }
            line.write_char('}')?;
        }
        line.write_str("}\n")
    }
}

/// Writes an event's fields as members.
struct Members<'l, 'w> {
    line: &'l mut Writer<'w>,
    /// Where a line of the `log` crate came from.
    target: Option<String>,
    written: fmt::Result,
}

impl Members<'_, '_> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.written.is_ok() {
            self.written = named(self.line, field.name()).and_then(|()| value(self.line));
        }
    }

    /// What the bridge from the `log` crate tells beside the message is about the source; only the target is of use.
    fn is_bridged(&mut self, field: &Field, value: &str) -> bool {
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
        field.name().starts_with("log.")
    }
}

impl Visit for Members<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if !self.is_bridged(field, value) {
            self.member(field, |line| text(line, value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if !field.name().starts_with("log.") {
            self.member(field, |line| number(line, value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |line| write!(line, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no other numbers.
        self.member(field, |line| if value.is_finite() { write!(line, "{value}") } else { line.write_str("null") });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |line| line.write_str(if value { "true" } else { "false" }));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |line| {
            line.write_char('"')?;
            write!(Escaping(line), "{value:?}")?;
            line.write_char('"')
        });
    }
}

fn named(line: &mut Writer<'_>, name: &str) -> fmt::Result {
    line.write_str(",\"")?;
    line.write_str(name.strip_prefix("r#").unwrap_or(name))?;
    line.write_str("\":")
}

/// A number without the formatting machinery, since each line has several.
fn number(line: &mut Writer<'_>, mut value: u64) -> fmt::Result {
    let (mut digits, mut at) = ([0; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
        if value == 0 {
            break;
        }
    }
    line.write_str(std::str::from_utf8(&digits[at..]).unwrap_or_default())
}

/// A JSON string (RFC 8259 §7).
fn text(line: &mut Writer<'_>, value: &str) -> fmt::Result {
    line.write_char('"')?;
    Escaping(line).write_str(value)?;
    line.write_char('"')
}

/// Escapes what a JSON string may not hold as it is.
struct Escaping<'l, 'w>(&'l mut Writer<'w>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut from = 0;
        for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'"' | b'\\' | 0..=0x1f | 0x7f)) {
            self.0.write_str(&text[from..at])?;
            match byte {
                b'"' => self.0.write_str("\\\"")?,
                b'\\' => self.0.write_str("\\\\")?,
                b'\n' => self.0.write_str("\\n")?,
                b'\t' => self.0.write_str("\\t")?,
                b'\r' => self.0.write_str("\\r")?,
                other => write!(self.0, "\\u{other:04x}")?,
            }
            from = at + 1;
        }
        self.0.write_str(&text[from..])
    }
}

thread_local! {
    /// The last second that was told, and how it is written: a date is worked out once a second.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// Date and time in UTC, to the microsecond (RFC 3339).
fn moment(line: &mut Writer<'_>) -> fmt::Result {
    let now = SystemClock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    SECOND.with_borrow_mut(|(second, written)| {
        if *second != now.as_secs() {
            *second = now.as_secs();
            *written = date(now);
        }
        line.write_str(written)
    })?;
    write!(line, ".{:06}Z", now.subsec_micros())
}

fn date(now: Duration) -> String {
    let at = OffsetDateTime::from(UNIX_EPOCH + now);
    let (date, time) = (at.date(), at.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

#[cfg(test)]
mod tests;
