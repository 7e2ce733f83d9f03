//! Time in the sandbox: a clock that can be moved ahead, and timestamps as Passport writes them.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::clock::SharedClock;

/// A point of wall time, in nanoseconds from the Unix epoch; records hold whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(i128);

const MILLISECOND: i128 = 1_000_000;
const SECOND: i128 = 1_000_000_000;

impl Timestamp {
    /// From Passport's split form; the caller has checked both ranges.
    pub(crate) fn from_parts(seconds: i64, nanos: u32) -> Self {
        Self(i128::from(seconds) * SECOND + i128::from(nanos))
    }

    /// The next millisecond: what comes right after this one in a list.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + MILLISECOND)
    }

    /// This much earlier.
    pub(crate) fn before(self, by: Duration) -> Self {
        Self(self.0 - by.as_nanos().cast_signed()).whole_milliseconds()
    }

    /// As lists write `first_request_timestamp`: two or three fractional digits (seed S2 shows `…:22.10Z`).
    pub(crate) fn as_first_request(self) -> String {
        let text = self.to_string();
        text.strip_suffix("0Z").map_or(text.clone(), |short| format!("{short}Z"))
    }

    fn whole_milliseconds(self) -> Self {
        Self(self.0 - self.0.rem_euclid(MILLISECOND))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(wall: SystemTime) -> Self {
        Self(OffsetDateTime::from(wall).unix_timestamp_nanos()).whole_milliseconds()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = OffsetDateTime::from_unix_timestamp_nanos(self.0).map_err(|_| fmt::Error)?;
        let (year, month, day) = t.to_calendar_date();
        let (hour, minute, second, milli) = t.to_hms_milli();
        write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", u8::from(month))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One reading of both sides of the clock, so that a request sees one time throughout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Decides validity and settlement.
    pub(crate) now: Instant,
    /// Stands in bodies.
    pub(crate) wall: Timestamp,
}

impl Moment {
    /// The wall time at which the past instant `at` was.
    pub(crate) fn wall_at(&self, at: Instant) -> Timestamp {
        self.wall.before(self.now.saturating_duration_since(at))
    }
}

/// The clock as the sandbox reads it: the given one, ahead by as much as a test moved it.
pub(crate) struct Time {
    clock: SharedClock,
    ahead: Mutex<Duration>,
}

impl Time {
    /// Reads `clock` as it is.
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, ahead: Mutex::new(Duration::ZERO) }
    }

    /// The present.
    pub(crate) fn moment(&self) -> Moment {
        let ahead = *self.ahead();
        Moment { now: self.clock.now() + ahead, wall: (self.clock.wall() + ahead).into() }
    }

    /// Moves the sandbox's time ahead of the clock.
    pub(crate) fn advance(&self, by: Duration) {
        let mut ahead = self.ahead();
        *ahead = ahead.saturating_add(by).min(FURTHEST);
    }

    /// Returns to the clock's own time.
    pub(crate) fn reset(&self) {
        *self.ahead() = Duration::ZERO;
    }

    fn ahead(&self) -> std::sync::MutexGuard<'_, Duration> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps every timestamp within the four-digit years of RFC 3339.
pub(crate) const FURTHEST: Duration = Duration::from_hours(24 * 365 * 1000);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_timestamp_is_written_in_utc_with_milliseconds() {
        let timestamp = Timestamp::from(UNIX_EPOCH + Duration::from_nanos(1_760_006_427_446_999_999));
        assert_eq!(timestamp.to_string(), "2025-10-09T10:40:27.446Z");
    }

    #[test]
    fn the_documented_range_of_years_can_be_written() {
        assert_eq!(Timestamp::from_parts(-62_135_596_800, 0).to_string(), "0001-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_parts(253_402_300_799, 999_999_999).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn the_first_request_timestamp_has_two_or_three_fractional_digits() {
        assert_eq!(Timestamp::from_parts(0, 100_000_000).as_first_request(), "1970-01-01T00:00:00.10Z");
        assert_eq!(Timestamp::from_parts(0, 864_000_000).as_first_request(), "1970-01-01T00:00:00.864Z");
    }

    #[test]
    fn time_moves_ahead_of_its_clock_and_back() {
        let clock = ManualClock::starting_at(UNIX_EPOCH);
        let time = Time::new(Arc::new(clock.clone()));

        time.advance(Duration::from_mins(1));
        clock.advance(Duration::from_secs(1));

        assert_eq!(time.moment().wall.to_string(), "1970-01-01T00:01:01.000Z");
        assert_eq!(time.moment().now, crate::clock::Clock::now(&clock) + Duration::from_mins(1));

        time.reset();

        assert_eq!(time.moment().wall.to_string(), "1970-01-01T00:00:01.000Z");
    }
}
