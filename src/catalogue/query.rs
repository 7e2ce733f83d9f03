//! What an operation's query may hold, and the one form in which it is forwarded and cached.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::rule::ValueRules;
use super::violation::{Location, Report, Strictness, Violation};

use self::names::Names;
use self::pairs::Pairs;
use self::relation::Related;

pub use self::canonical::CanonicalQuery;
pub use self::relation::Relation;

mod bytes;
mod canonical;
mod names;
mod pairs;
mod relation;
#[cfg(test)]
mod tests;

/// The closed list of parameters of one operation, and the rules between them.
#[derive(Clone, Debug, Default)]
pub struct QueryRules {
    /// Ordered by name.
    parameters: Box<[QueryParameter]>,
    names: Names,
    relations: Box<[Related]>,
}

/// A parameter that the operation knows.
#[derive(Clone, Debug)]
pub struct QueryParameter {
    /// Its whole name, such as `page_params.page_size`.
    pub name: Box<str>,
    /// What its value must be.
    pub rules: ValueRules,
}

impl QueryRules {
    /// The parameters that are known, each with its rules, and the rules between them.
    pub(super) fn new(parameters: BTreeMap<Box<str>, ValueRules>, relations: Vec<(Strictness, Relation)>) -> Self {
        let names = Names::ordered(parameters.keys().map(|name| &**name));
        let related = |(strictness, relation)| Related::new(strictness, relation, &names);
        let relations = relations.into_iter().map(related).collect();
        let parameters = parameters.into_iter().map(|(name, rules)| QueryParameter { name, rules }).collect();
        Self { parameters, names, relations }
    }

    /// The parameters the operation knows, ordered by name.
    #[must_use]
    pub fn parameters(&self) -> &[QueryParameter] {
        &self.parameters
    }

    /// The rules between parameters, with how each is known.
    pub fn relations(&self) -> impl Iterator<Item = (Strictness, &Relation)> {
        self.relations.iter().map(|related| (related.strictness, &related.relation))
    }

    /// Checks a query as it stands in the request target, without its `?`, and files every violation.
    ///
    /// `None` exactly when the query cannot be read safely; the report then refuses.
    #[must_use]
    pub fn check<'q>(&self, raw: Option<&'q str>, report: &mut Report) -> Option<CanonicalQuery<'q>> {
        let pairs = Pairs::parse(raw.unwrap_or_default(), &self.names, report);
        for pair in pairs.iter() {
            match pair.place.known() {
                Some(at) => self.parameters[at].rules.check(Location::Query, &pair.name, &pair.value, report),
                None => report.add(violation(Strictness::Unknown, &pair.name, "is not a parameter of this operation")),
            }
        }
        if !pairs.is_unambiguous() {
            return None;
        }
        for broken in self.relations.iter().filter_map(|related| related.broken_by(&pairs)) {
            report.add(broken);
        }
        Some(CanonicalQuery::of(pairs))
    }
}

fn violation(strictness: Strictness, name: &str, detail: impl Into<Cow<'static, str>>) -> Violation {
    Violation::new(strictness, Location::Query, name, detail)
}
