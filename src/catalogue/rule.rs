//! The closed set of rules that a parameter's value may have.

use std::borrow::Cow;

use regex::Regex;
use smallvec::SmallVec;

use super::violation::{Location, Report, Strictness, Violation};

/// What one value must be.
#[derive(Clone, Debug)]
pub enum ValueRule {
    /// Anything at all: the parameter is known, and no more.
    Any,
    /// A decimal integer within bounds, both inclusive.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// Exactly one of these, case and all.
    OneOf(Box<[Box<str>]>),
    /// A text that this linear-time expression finds a match in.
    Pattern(Regex),
    /// A UUID in its hyphenated form (RFC 9562 §4).
    Uuid,
    /// A text of one to so many characters.
    Text {
        /// The most Unicode scalar values.
        max: usize,
    },
}

impl ValueRule {
    /// Whether the value is as it must be.
    #[must_use]
    pub fn admits(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Integer { min, max } => integer(value).is_some_and(|number| (*min..=*max).contains(&number)),
            Self::OneOf(values) => values.iter().any(|allowed| **allowed == *value),
            Self::Pattern(pattern) => pattern.is_match(value),
            Self::Uuid => is_uuid(value),
            Self::Text { max } => !value.is_empty() && (value.len() <= *max || value.chars().nth(*max).is_none()),
        }
    }

    /// What is expected, for the caller to read.
    #[must_use]
    pub fn expectation(&self) -> Cow<'static, str> {
        match self {
            Self::Any => "may be anything".into(),
            Self::Integer { min, max: i64::MAX } => format!("must be an integer, at least {min}").into(),
            Self::Integer { min: i64::MIN, max } => format!("must be an integer, at most {max}").into(),
            Self::Integer { min, max } => format!("must be an integer from {min} to {max}").into(),
            Self::OneOf(values) => format!("must be one of {}", values.join(", ")).into(),
            Self::Pattern(pattern) => format!("must match {pattern}").into(),
            Self::Uuid => "must be a UUID".into(),
            Self::Text { max } => format!("must have 1 to {max} characters").into(),
        }
    }
}

/// The rules of one parameter, each known in its own way.
#[derive(Clone, Debug, Default)]
pub struct ValueRules(SmallVec<[(Strictness, ValueRule); 1]>);

impl ValueRules {
    /// The rules, with how each is known.
    pub fn iter(&self) -> impl Iterator<Item = (Strictness, &ValueRule)> {
        self.0.iter().map(|(strictness, rule)| (*strictness, rule))
    }

    /// Files a violation for each rule that the value breaks.
    pub fn check(&self, location: Location, name: &str, value: &str, report: &mut Report) {
        for (strictness, rule) in self.iter() {
            if report.wants(strictness) && !rule.admits(value) {
                report.add(Violation::new(strictness, location, name, rule.expectation()));
            }
        }
    }

    pub(super) fn push(&mut self, strictness: Strictness, rule: ValueRule) {
        self.0.push((strictness, rule));
    }
}

/// Digits, perhaps after a minus sign; nothing that other parsers read differently, such as a plus sign or spaces.
pub(super) fn integer(value: &str) -> Option<i64> {
    if value.starts_with('+') { None } else { value.parse().ok() }
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_digits_within_bounds() {
        let rule = ValueRule::Integer { min: -1, max: 999_999_999 };

        for value in ["-1", "0", "999999999"] {
            assert!(rule.admits(value), "{value}");
        }
        for value in ["", "-2", "1000000000", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "١", "99999999999999999999"] {
            assert!(!rule.admits(value), "{value}");
        }
    }

    #[test]
    fn a_uuid_is_hyphenated_hex_in_either_case() {
        for value in ["db7e89e7-59d8-4ab1-b675-a2ae52c3339e", "DB7E89E7-59D8-4AB1-B675-A2AE52C3339E"] {
            assert!(ValueRule::Uuid.admits(value), "{value}");
        }
        for value in [
            "",
            "db7e89e759d84ab1b675a2ae52c3339e",
            "{db7e89e7-59d8-4ab1-b675-a2ae52c3339e}",
            "db7e89e7-59d8-4ab1-b675-a2ae52c3339g",
        ] {
            assert!(!ValueRule::Uuid.admits(value), "{value}");
        }
    }

    #[test]
    fn a_text_is_counted_in_characters_not_bytes() {
        let rule = ValueRule::Text { max: 3 };

        assert!(rule.admits("ñññ"));
        assert!(!rule.admits("ññññ"));
        assert!(!rule.admits(""));
    }

    #[test]
    fn one_of_is_exact() {
        let rule = ValueRule::OneOf(["ASC".into(), "DESC".into()].into());

        assert!(rule.admits("ASC"));
        assert!(!rule.admits("asc"));
        assert_eq!(rule.expectation(), "must be one of ASC, DESC");
    }
}
