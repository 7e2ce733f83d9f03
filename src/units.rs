//! Durations and sizes as people write them: `"250ms"`, `"5s"`, `"2m"`, `"24h"` and `"64KiB"`.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};

/// Why a text is no duration or size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a whole number followed by one of the units of time.
    #[error("a duration is a whole number and a unit, such as \"250ms\", \"5s\", \"2m\" or \"24h\"")]
    Duration,
    /// Not a whole number followed by one of the units of size.
    #[error("a size is a whole number and a unit, such as \"512B\", \"64KiB\" or \"16MiB\"")]
    Size,
    /// The number is beyond what 64 bits hold in the smallest unit.
    #[error("the number is too large")]
    TooLarge,
}

/// Reads a duration: a whole number directly followed by `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// Any other shape, or more milliseconds than 64 bits hold.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let (number, unit) = split(text).ok_or(UnitError::Duration)?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => 24 * 3600 * 1000,
        _ => return Err(UnitError::Duration),
    };
    scale(number, milliseconds).map(Duration::from_millis)
}

/// Reads a size in bytes: a whole number directly followed by `B`, `KiB`, `MiB` or `GiB`.
///
/// # Errors
/// Any other shape, or more bytes than 64 bits hold.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split(text).ok_or(UnitError::Size)?;
    let bytes = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(UnitError::Size),
    };
    scale(number, bytes)
}

/// A duration in a file, written with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    /// Writes the largest unit that needs no fraction; whatever was read as a [`Span`] is written so that it reads back the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u128, &str); 4] = [(3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
        let milliseconds = self.0.as_millis();
        let (size, unit) = match milliseconds {
            0 => (1000, "s"),
            _ => UNITS.into_iter().find(|(size, _)| milliseconds.is_multiple_of(*size)).unwrap_or((1, "ms")),
        };
        write!(f, "{}{unit}", milliseconds / size)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_duration(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

/// A number of bytes in a file, written with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    /// Writes the largest unit that needs no fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let (size, unit) = match self.0 {
            0 => (1, "B"),
            bytes => UNITS.into_iter().find(|(size, _)| bytes.is_multiple_of(*size)).unwrap_or((1, "B")),
        };
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_size(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

/// Parts digits from the unit behind them; neither may be missing.
fn split(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    (end > 0).then(|| text.split_at(end))
}

fn scale(number: &str, unit: u64) -> Result<u64, UnitError> {
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or(UnitError::TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_in_every_unit() {
        for (text, milliseconds) in
            [("0s", 0), ("250ms", 250), ("5s", 5_000), ("2m", 120_000), ("24h", 86_400_000), ("7d", 604_800_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_in_every_unit() {
        for (text, bytes) in [("0B", 0), ("512B", 512), ("64KiB", 65_536), ("16MiB", 16 << 20), ("2GiB", 2 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in ["", "5", "s", "-5s", "5 s", "1.5s", "5S", "5sec", "+5s", " 5s", "5s "] {
            assert_eq!(parse_duration(text), Err(UnitError::Duration), "{text}");
        }
        for text in ["", "64", "KiB", "64KB", "64kib", "64 KiB", "-1B"] {
            assert_eq!(parse_size(text), Err(UnitError::Size), "{text}");
        }
        assert_eq!(parse_duration("18446744073709551616ms"), Err(UnitError::TooLarge));
        assert_eq!(parse_duration("18446744073709551615h"), Err(UnitError::TooLarge));
        assert_eq!(parse_size("18446744073709551615KiB"), Err(UnitError::TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(number: u64) {
            prop_assert_eq!(parse_size(&Size(number).to_string()), Ok(number));
            let duration = Duration::from_millis(number);
            prop_assert_eq!(parse_duration(&Span(duration).to_string()), Ok(duration));
        }
    }
}
