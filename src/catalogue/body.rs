//! What an operation's body must be: JSON that can be read in one way only, then JSON Schema (2020-12).

use std::collections::BTreeMap;
use std::fmt;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use super::violation::{Location, Report, Strictness, Violation};

mod element;
mod expectation;
mod json;
mod members;
mod path;
#[cfg(test)]
mod tests;

use self::element::{Element, Elements};
use self::members::Members;

/// The rules of one operation's body, compiled.
#[derive(Debug)]
pub struct BodyRules {
    required: bool,
    schemas: Vec<Schema>,
    members: Members,
}

/// A JSON Schema and how it is known.
pub struct Schema {
    strictness: Strictness,
    document: Value,
    validator: Validator<Elements>,
}

impl BodyRules {
    /// Compiles the schemas; in each, `#/$defs/…` finds the shared definitions.
    ///
    /// # Errors
    /// For each schema that is none, what is wrong with it.
    pub(super) fn compile(
        required: bool,
        schemas: impl IntoIterator<Item = (Strictness, Value)>,
        definitions: &BTreeMap<String, Value>,
    ) -> Result<Self, Vec<(Strictness, String)>> {
        let mut compiled = Vec::new();
        let mut faults = Vec::new();
        for (strictness, document) in schemas {
            match Schema::compile(strictness, document, definitions) {
                Ok(schema) => compiled.push(schema),
                Err(fault) => faults.push((strictness, fault)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let members = Members::of(compiled.iter().map(|schema| &schema.document));
        Ok(Self { required, schemas: compiled, members })
    }

    /// Whether there must be a body.
    #[must_use]
    pub fn required(&self) -> bool {
        self.required
    }

    /// Its schemas, documented before inferred.
    #[must_use]
    pub fn schemas(&self) -> &[Schema] {
        &self.schemas
    }

    /// Checks a body and files every violation. The bytes themselves are what is forwarded afterwards.
    pub fn check(&self, bytes: &[u8], report: &mut Report) {
        if bytes.is_empty() {
            if self.required {
                report.add(Violation::safety(Location::Body, "", "must be a JSON document"));
            }
            return;
        }
        json::read(bytes, report, |document, report| {
            for schema in &self.schemas {
                schema.check(document, report);
            }
            if report.wants(Strictness::Unknown) {
                self.members.report_unknown(document, report);
            }
        });
    }
}

impl Schema {
    fn compile(strictness: Strictness, mut document: Value, definitions: &BTreeMap<String, Value>) -> Result<Self, String> {
        let Some(schema) = document.as_object_mut() else { return Err("a schema is a table".to_owned()) };
        if !definitions.is_empty() {
            let shared = definitions.iter().map(|(name, definition)| (name.clone(), definition.clone())).collect();
            schema.entry("$defs").or_insert(Value::Object(shared));
        }
        let validator = jsonschema::options_for::<Elements>()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .offline()
            .build(&document)
            .map_err(|error| format!("{error} (at {})", error.instance_path()))?;
        Ok(Self { strictness, document, validator })
    }

    /// How it is known.
    #[must_use]
    pub fn strictness(&self) -> Strictness {
        self.strictness
    }

    /// The schema itself, with the shared definitions in its `$defs`.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    fn check(&self, instance: &Element<'_>, report: &mut Report) {
        if !report.wants(self.strictness) || self.validator.is_valid(instance) {
            return;
        }
        for error in self.validator.iter_errors(instance).take(Report::LIMIT) {
            for (name, detail) in expectation::of(&error, &self.document) {
                report.add(Violation::new(self.strictness, Location::Body, &name, detail));
            }
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("strictness", &self.strictness).field("document", &self.document).finish_non_exhaustive()
    }
}
