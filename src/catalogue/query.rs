//! What an operation's query may hold, and the one form in which it is forwarded and cached.

use super::rule::{ValueRules, integer};
use super::violation::{Location, Report, Strictness, Violation};

pub use self::canonical::CanonicalQuery;
use self::canonical::Pairs;

mod canonical;
#[cfg(test)]
mod tests;

/// The closed list of parameters of one operation, and the rules between them.
#[derive(Clone, Debug, Default)]
pub struct QueryRules {
    /// Ordered by name.
    parameters: Vec<QueryParameter>,
    relations: Vec<(Strictness, Relation)>,
}

/// A parameter that the operation knows.
#[derive(Clone, Debug)]
pub struct QueryParameter {
    /// Its whole name, such as `page_params.page_size`.
    pub name: Box<str>,
    /// What its value must be.
    pub rules: ValueRules,
}

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

impl QueryRules {
    /// The parameters the operation knows, ordered by name.
    #[must_use]
    pub fn parameters(&self) -> &[QueryParameter] {
        &self.parameters
    }

    /// The rules between parameters, with how each is known.
    #[must_use]
    pub fn relations(&self) -> &[(Strictness, Relation)] {
        &self.relations
    }

    /// Checks a query as it stands in the request target, without its `?`, and files every violation.
    ///
    /// `None` exactly when the query cannot be read safely; the report then refuses.
    #[must_use]
    pub fn check(&self, raw: Option<&str>, report: &mut Report) -> Option<CanonicalQuery> {
        let pairs = Pairs::parse(raw.unwrap_or_default(), report);
        for (name, value) in pairs.iter() {
            match self.parameter(name) {
                Some(parameter) => parameter.rules.check(Location::Query, name, value, report),
                None => report.add(violation(Strictness::Unknown, name, "is not a parameter of this operation")),
            }
        }
        if !pairs.is_unambiguous() {
            return None;
        }
        for (strictness, relation) in &self.relations {
            if let Some(broken) = relation.broken_by(&pairs, *strictness) {
                report.add(broken);
            }
        }
        Some(pairs.canonical())
    }

    fn parameter(&self, name: &str) -> Option<&QueryParameter> {
        self.parameters.binary_search_by(|parameter| (*parameter.name).cmp(name)).ok().map(|at| &self.parameters[at])
    }

    /// The rules of the parameter of this name, which is known from now on.
    pub(super) fn rules_of(&mut self, name: &str) -> &mut ValueRules {
        let at = self.parameters.binary_search_by(|parameter| (*parameter.name).cmp(name)).unwrap_or_else(|at| {
            self.parameters.insert(at, QueryParameter { name: name.into(), rules: ValueRules::default() });
            at
        });
        &mut self.parameters[at].rules
    }

    pub(super) fn relate(&mut self, strictness: Strictness, relation: Relation) {
        self.relations.push((strictness, relation));
    }
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

    fn broken_by(&self, pairs: &Pairs<'_>, strictness: Strictness) -> Option<Violation> {
        match self {
            Self::Requires { name, other } => {
                let broken = pairs.value(name).is_some() && pairs.value(other).is_none();
                broken.then(|| violation(strictness, name, self.expectation()))
            }
            Self::NotAfter { name, other } => {
                let broken = timestamp(pairs, name)? > timestamp(pairs, other)?;
                broken.then(|| violation(strictness, name, self.expectation()))
            }
        }
    }
}

/// The timestamp with this stem, if both its parts can be read; whether they are in range is for other rules.
fn timestamp(pairs: &Pairs<'_>, stem: &str) -> Option<(i64, i64)> {
    let seconds = integer(pairs.value_of(stem, ".seconds")?)?;
    let nanos = pairs.value_of(stem, ".nanos").map_or(Some(0), integer)?;
    Some((seconds, nanos))
}

fn violation(strictness: Strictness, name: &str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Violation {
    Violation::new(strictness, Location::Query, name, detail)
}
