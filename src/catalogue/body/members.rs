//! The members that a body's schemas know, for telling callers about the ones they do not.
//!
//! Unknown members are no fault of the schemas (Passport may know more than its pages say), hence no `additionalProperties`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::element::{Element, Member};
use super::path::Path;
use crate::catalogue::violation::{Location, Report, Strictness, Violation};

/// How deep schemas are followed; a definition may refer to itself.
const MAX_DEPTH: usize = 16;

/// The known members of an object, and of the objects below it. Where none is known, anything may stand. In order, so that what is
/// the same prints the same: a reload tells by that which operations have changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(BTreeMap<String, Members>);

impl Members {
    /// Everything that one of these schemas names.
    pub(super) fn of<'s>(schemas: impl IntoIterator<Item = &'s Value>) -> Self {
        let mut members = Self::default();
        for schema in schemas {
            members.learn(schema, schema, 0);
        }
        members
    }

    /// Files each member of the document that is not known, but not what is within it.
    pub(super) fn report_unknown(&self, document: &Element<'_>, report: &mut Report) {
        self.look(document, &Path::Root, report);
    }

    fn learn(&mut self, schema: &Value, root: &Value, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.0.entry(name.clone()).or_default().learn(property, root, depth + 1);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for part in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                self.learn(part, root, depth + 1);
            }
        }
        // The members of an array's items pass for those of the array: no place holds both.
        for part in ["if", "then", "else", "items"].into_iter().filter_map(|keyword| schema.get(keyword)) {
            self.learn(part, root, depth + 1);
        }
        let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        if let Some(referred) = pointer.and_then(|pointer| root.pointer(pointer)) {
            self.learn(referred, root, depth + 1);
        }
    }

    fn look(&self, element: &Element<'_>, path: &Path<'_>, report: &mut Report) {
        if self.0.is_empty() {
            return;
        }
        match element {
            Element::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.look(item, &Path::Item(path, at), report);
                }
            }
            Element::Object(members) => {
                for Member { name, value } in members {
                    let path = Path::Member(path, name);
                    match self.0.get(&**name) {
                        Some(members) => members.look(value, &path, report),
                        None if report.wants(Strictness::Unknown) => report.add(unknown(&path)),
                        None => return,
                    }
                }
            }
            _ => {}
        }
    }
}

fn unknown(path: &Path<'_>) -> Violation {
    Violation::new(Strictness::Unknown, Location::Body, &path.to_string(), "is not a known member")
}
