//! A text as a tree: what is no TOML is a fault, but keeps nobody from checking the rest where what belongs where is plain.

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::Place;
use crate::fault::Fault;

/// A text whose structure could be made out.
pub(in crate::config) struct Parsed<'t> {
    pub(in crate::config) entries: DeTable<'t>,
    /// What is no TOML.
    pub(in crate::config) faults: Vec<Fault>,
    /// Where the values start that were guessed: what they mean is nobody's fault.
    guessed: Vec<usize>,
}

impl<'t> Parsed<'t> {
    /// Parses a text; fails with every fault of its syntax if one of them may have moved keys out of their sections.
    pub(in crate::config) fn new(text: &'t str) -> Result<Self, Vec<Fault>> {
        let (tree, errors) = DeTable::parse_recoverable(text);
        let mut values = Vec::new();
        scalars("", tree.get_ref(), &mut values);
        let local: Option<Vec<(Fault, Option<usize>)>> = errors.iter().map(|error| local(error, text, &values)).collect();
        let Some(faults) = local else {
            return Err(errors.iter().map(structural).collect());
        };
        let (faults, guessed): (Vec<Fault>, Vec<Option<usize>>) = faults.into_iter().unzip();
        Ok(Self { entries: tree.into_inner(), faults, guessed: guessed.into_iter().flatten().collect() })
    }

    /// The syntax's faults together with those found in the tree, but for what is wrong with guessed values.
    pub(in crate::config) fn with(self, found: Vec<Fault>) -> Vec<Fault> {
        let guessed = |fault: &Fault| fault.span.as_ref().is_some_and(|span| self.guessed.contains(&span.start));
        self.faults.into_iter().chain(found.into_iter().filter(|fault| !guessed(fault))).collect()
    }
}

/// The fault of an error that concerns one value or one repeated key, and where a guessed value starts.
fn local(error: &Error, text: &str, values: &[Place]) -> Option<(Fault, Option<usize>)> {
    let span = error.span()?;
    if error.message() == "duplicate key" {
        let fault = Fault::error("", format!("`{}` stands here a second time", text.get(span.clone())?), "keep one of the two");
        return Some((fault.at(span), None));
    }
    // An error at a value's end may as well be about what should have followed.
    let within = |value: &&Place| value.span.start == span.start || value.span.contains(&span.start);
    let value = values.iter().find(within)?;
    let unquoted = error.message().starts_with("string values must be quoted");
    let (message, remedy) = match (value.span.is_empty(), unquoted) {
        (true, _) => ("has no value".to_owned(), "write one, or remove the key"),
        (_, true) => (format!("is no TOML: {}", error.message()), "put it in quotes"),
        (_, false) => (format!("is no TOML: {}", error.message()), "correct the value (https://toml.io)"),
    };
    Some((value.error(message, remedy), Some(value.span.start)))
}

fn structural(error: &Error) -> Fault {
    let remedy = "correct the syntax (https://toml.io), so that the rest can be checked";
    Fault::error("", format!("this is not TOML: {}", error.message()), remedy).at(error.span().unwrap_or_default())
}

/// Every value that is neither a table nor a list.
fn scalars(path: &str, table: &DeTable<'_>, found: &mut Vec<Place>) {
    for (key, value) in table {
        let key = key.get_ref();
        scalars_below(if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }, value, found);
    }
}

fn scalars_below(path: String, value: &Spanned<DeValue<'_>>, found: &mut Vec<Place>) {
    match value.get_ref() {
        DeValue::Table(table) => scalars(&path, table, found),
        DeValue::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                scalars_below(format!("{path}[{at}]"), item, found);
            }
        }
        _ => found.push(Place { key: path, span: value.span() }),
    }
}
