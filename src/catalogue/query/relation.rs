//! Rules between parameters.

use super::names::{Name, Names};
use super::pairs::Pairs;
use super::violation;
use crate::catalogue::rule::integer;
use crate::catalogue::violation::{Strictness, Violation};

/// A rule between parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// A parameter means nothing without another.
    Requires {
        /// The parameter that may not stand alone.
        name: Box<str>,
        /// The one it needs.
        other: Box<str>,
    },
    /// Of two timestamps, each `.seconds` and perhaps `.nanos`, one is not later than the other.
    NotAfter {
        /// The stem of the earlier.
        name: Box<str>,
        /// The stem of the later.
        other: Box<str>,
    },
}

impl Relation {
    /// What it expects, for the caller to read.
    #[must_use]
    pub fn expectation(&self) -> String {
        match self {
            Self::Requires { other, .. } => format!("needs `{other}` beside it"),
            Self::NotAfter { other, .. } => format!("must not be later than `{other}`"),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Requires { name, .. } | Self::NotAfter { name, .. } => name,
        }
    }
}

/// A relation whose names have been looked up.
#[derive(Clone, Debug)]
pub(super) struct Related {
    pub(super) strictness: Strictness,
    pub(super) relation: Relation,
    condition: Condition,
}

#[derive(Clone, Debug)]
enum Condition {
    Requires { name: Name, other: Name },
    NotAfter { earlier: Timestamp, later: Timestamp },
}

/// The two parameters that are a timestamp.
#[derive(Clone, Debug)]
struct Timestamp {
    seconds: Name,
    nanos: Name,
}

impl Related {
    pub(super) fn new(strictness: Strictness, relation: Relation, names: &Names) -> Self {
        let condition = match &relation {
            Relation::Requires { name, other } => {
                Condition::Requires { name: names.name(name.to_string()), other: names.name(other.to_string()) }
            }
            Relation::NotAfter { name, other } => {
                Condition::NotAfter { earlier: Timestamp::of(name, names), later: Timestamp::of(other, names) }
            }
        };
        Self { strictness, relation, condition }
    }

    pub(super) fn broken_by(&self, pairs: &Pairs<'_>) -> Option<Violation> {
        let is_broken = match &self.condition {
            Condition::Requires { name, other } => pairs.value(name).is_some() && pairs.value(other).is_none(),
            Condition::NotAfter { earlier, later } => earlier.read(pairs)? > later.read(pairs)?,
        };
        is_broken.then(|| violation(self.strictness, self.relation.name(), self.relation.expectation()))
    }
}

impl Timestamp {
    fn of(stem: &str, names: &Names) -> Self {
        Self { seconds: names.name(format!("{stem}.seconds")), nanos: names.name(format!("{stem}.nanos")) }
    }

    /// The timestamp, if both its parts can be read; whether they are in range is for other rules.
    fn read(&self, pairs: &Pairs<'_>) -> Option<(i64, i64)> {
        let seconds = integer(pairs.value(&self.seconds)?)?;
        let nanos = pairs.value(&self.nanos).map_or(Some(0), integer)?;
        Some((seconds, nanos))
    }
}
