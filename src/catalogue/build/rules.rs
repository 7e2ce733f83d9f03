//! Rules for parameters, from what is written to the closed set that there is.

use std::collections::BTreeMap;

use regex::RegexBuilder;
use toml::Spanned;

use super::layers::{Faults, Place, Written};
use crate::catalogue::query::{QueryRules, Relation};
use crate::catalogue::raw::{RawRule, RawRules};
use crate::catalogue::rule::{ValueRule, ValueRules};
use crate::catalogue::violation::Strictness;
use crate::fault::SourceId;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// The memory a compiled pattern may take.
const PATTERN_LIMIT: usize = 1 << 20;

/// Checked rules, by how each is known and what it is about; a later rule takes the place of an earlier one.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleGroup(BTreeMap<(Strictness, String), (Rule, Place)>);

/// A rule of any kind.
#[derive(Clone, Debug)]
enum Rule {
    Value(ValueRule),
    Timestamp { min: i64, max: i64 },
    Requires(Box<str>),
    NotAfter(Box<str>),
}

impl RuleGroup {
    /// The rules of a table in the catalogue's file.
    pub(super) fn of_catalogue(key: &str, raw: &RawRules, faults: &mut Faults) -> Self {
        let mut group = Self::default();
        group.read(SourceId::Catalogue, key, raw, faults);
        group
    }

    /// Adds the rules of a table, whichever file it stands in.
    pub(super) fn read(&mut self, source: SourceId, key: &str, raw: &RawRules, faults: &mut Faults) {
        for (strictness, word, rules) in
            [(Strictness::Documented, "documented", &raw.documented), (Strictness::Inferred, "inferred", &raw.inferred)]
        {
            for (name, written) in rules {
                let place = Place::new(source, written.span(), format!("{key}.{word}.{name}"));
                if let Some(rule) = (Reader { raw: written.get_ref(), place: &place, faults }).rule() {
                    self.0.insert((strictness, name.clone()), (rule, place));
                }
            }
        }
    }

    /// Adds another group's rules.
    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.clone());
    }

    /// These rules as those of a query.
    pub(super) fn into_query(self, faults: &mut Faults) -> QueryRules {
        let mut parameters: BTreeMap<Box<str>, ValueRules> = BTreeMap::new();
        let mut add = |name: String, strictness, rule| parameters.entry(name.into()).or_default().push(strictness, rule);
        let mut relations = Vec::new();
        for ((strictness, name), (rule, place)) in self.0 {
            match rule {
                Rule::Value(rule) => add(name, strictness, rule),
                Rule::Timestamp { min, max } => {
                    add(format!("{name}.seconds"), strictness, ValueRule::Integer { min, max });
                    let nanos = ValueRule::Integer { min: 0, max: NANOS_PER_SECOND - 1 };
                    add(format!("{name}.nanos"), strictness, nanos);
                }
                Rule::Requires(other) => relations.push((strictness, Relation::Requires { name: name.into(), other }, place)),
                Rule::NotAfter(other) => relations.push((strictness, Relation::NotAfter { name: name.into(), other }, place)),
            }
        }
        for (_, relation, place) in &relations {
            if let Some(stranger) = stranger(relation, &parameters) {
                faults.add(
                    place,
                    format!("`{stranger}` is no parameter of this operation"),
                    "give it a rule, or correct the name",
                );
            }
        }
        let relations = relations.into_iter().map(|(strictness, relation, _)| (strictness, relation));
        QueryRules::new(parameters, relations.collect())
    }

    /// The rules for one path parameter.
    pub(super) fn for_path_parameter(&self, name: &str) -> ValueRules {
        let mut rules = ValueRules::default();
        for ((strictness, own), (rule, _)) in &self.0 {
            if let Rule::Value(rule) = rule
                && own == name
            {
                rules.push(*strictness, rule.clone());
            }
        }
        rules
    }

    /// What is written about a path parameter but can never apply: kinds that are for queries, and names that the path lacks.
    pub(super) fn inapplicable(&self, names: &[&str]) -> impl Iterator<Item = (&Place, &str)> {
        self.0.iter().filter_map(|((_, name), (rule, place))| match rule {
            Rule::Value(_) if names.contains(&name.as_str()) => None,
            Rule::Value(_) => Some((place, "no path of this operation has such a parameter")),
            _ => Some((place, "this kind of rule is for query parameters")),
        })
    }
}

fn stranger(relation: &Relation, parameters: &BTreeMap<Box<str>, ValueRules>) -> Option<String> {
    let names = match relation {
        Relation::Requires { name, other } => [name.to_string(), other.to_string()],
        Relation::NotAfter { name, other } => [format!("{name}.seconds"), format!("{other}.seconds")],
    };
    names.into_iter().find(|name| !parameters.contains_key(name.as_str()))
}

/// Reads one rule; whatever is wrong with it is a fault.
struct Reader<'r> {
    raw: &'r RawRule,
    place: &'r Place,
    faults: &'r mut Faults,
}

impl Reader<'_> {
    fn rule(mut self) -> Option<Rule> {
        let kind = self.given("kind", self.raw.kind.as_ref())?.as_str();
        self.refuse_what_the_kind_does_not_take(kind);
        match kind {
            "any" => Some(Rule::Value(ValueRule::Any)),
            "uuid" => Some(Rule::Value(ValueRule::Uuid)),
            "integer" => self.bounds().map(|(min, max)| Rule::Value(ValueRule::Integer { min, max })),
            "timestamp" => self.bounds().map(|(min, max)| Rule::Timestamp { min, max }),
            "text" => self.text().map(Rule::Value),
            "one_of" => self.one_of().map(Rule::Value),
            "pattern" => self.pattern().map(Rule::Value),
            "requires" => self.given("other", self.raw.other.as_ref()).map(|other| Rule::Requires(other.as_str().into())),
            "not_after" => self.given("other", self.raw.other.as_ref()).map(|other| Rule::NotAfter(other.as_str().into())),
            _ => {
                let value = self.raw.kind.as_ref()?.get_ref();
                let known = KINDS.iter().map(|(name, _)| *name);
                self.faults.unknown(&Written { value, place: self.place.clone() }, "kind of rule", known);
                None
            }
        }
    }

    fn given<'v, T>(&mut self, key: &str, written: Option<&'v Spanned<T>>) -> Option<&'v T> {
        if written.is_none() {
            self.faults.add(self.place, format!("the rule lacks `{key}`"), format!("add `{key}`"));
        }
        written.map(Spanned::get_ref)
    }

    fn bounds(&mut self) -> Option<(i64, i64)> {
        let bound = |written: &Option<Spanned<i64>>, otherwise| written.as_ref().map_or(otherwise, |bound| *bound.get_ref());
        let (min, max) = (bound(&self.raw.min, i64::MIN), bound(&self.raw.max, i64::MAX));
        if min > max {
            self.faults.add(self.place, "`min` is greater than `max`: nothing would do", "exchange them");
        }
        (min <= max).then_some((min, max))
    }

    fn text(&mut self) -> Option<ValueRule> {
        let max = usize::try_from(*self.given("max", self.raw.max.as_ref())?).unwrap_or_default();
        if max == 0 {
            self.faults.add(self.place, "`max` is less than one character", "write the most characters that the text may have");
        }
        (max > 0).then_some(ValueRule::Text { max })
    }

    fn one_of(&mut self) -> Option<ValueRule> {
        let values = self.given("values", self.raw.values.as_ref())?;
        if values.is_empty() {
            self.faults.add(self.place, "`values` is empty: nothing would do", "list what is allowed");
        }
        (!values.is_empty()).then(|| ValueRule::OneOf(values.iter().map(|value| value.as_str().into()).collect()))
    }

    fn pattern(&mut self) -> Option<ValueRule> {
        let text = self.given("pattern", self.raw.pattern.as_ref())?;
        match RegexBuilder::new(text).size_limit(PATTERN_LIMIT).build() {
            Ok(pattern) => Some(ValueRule::Pattern(pattern)),
            Err(error) => {
                self.faults.add(self.place, format!("the pattern cannot be used: {error}"), "correct the regular expression");
                None
            }
        }
    }

    fn refuse_what_the_kind_does_not_take(&mut self, kind: &str) {
        let Some((_, takes)) = KINDS.iter().find(|(name, _)| *name == kind) else { return };
        let raw = self.raw;
        let written = [
            ("min", raw.min.is_some()),
            ("max", raw.max.is_some()),
            ("values", raw.values.is_some()),
            ("pattern", raw.pattern.is_some()),
            ("other", raw.other.is_some()),
        ];
        for (key, _) in written.into_iter().filter(|(key, is_written)| *is_written && !takes.contains(key)) {
            self.faults.add(self.place, format!("a rule of kind `{kind}` takes no `{key}`"), format!("remove `{key}`"));
        }
    }
}

/// The kinds of rules, and the keys each takes.
const KINDS: [(&str, &[&str]); 9] = [
    ("any", &[]),
    ("integer", &["min", "max"]),
    ("one_of", &["values"]),
    ("pattern", &["pattern"]),
    ("uuid", &[]),
    ("text", &["max"]),
    ("timestamp", &["min", "max"]),
    ("requires", &["other"]),
    ("not_after", &["other"]),
];
