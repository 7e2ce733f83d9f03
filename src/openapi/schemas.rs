//! The schemas of bodies, moved from the catalogue to where OpenAPI looks for them, with every reference turned to the new place.

use serde_json::{Value, json};

use super::Object;
use crate::catalogue::{BodyRules, Location, Mode, Modes, Operation, Schema};
use crate::problem::TYPE_PREFIX;
use crate::refusal::Refusal;

const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";
/// The component that every problem refers to.
pub(super) const PROBLEM: &str = "#/components/schemas/Problem";

/// Schemas under way: those of the document, and of which definitions some of them were made.
#[derive(Default)]
pub(super) struct Schemas {
    components: Object,
    /// The definitions that operations share; one that brings its own has components of its own name.
    shared: Option<Object>,
}

impl Schemas {
    /// What must be sent with an operation, if anything.
    pub(super) fn body(&mut self, operation: &Operation, modes: Modes) -> Option<Value> {
        let rules = operation.body.as_ref()?;
        let enforced: Vec<&Schema> =
            rules.schemas().iter().filter(|schema| modes.of(schema.strictness()) == Mode::Enforce).collect();
        let mut parts: Vec<Value> = enforced.iter().map(|schema| self.adopt(operation, schema)).collect();
        let schema = if parts.len() > 1 { json!({ "allOf": parts }) } else { parts.pop().unwrap_or_else(|| json!({})) };
        Some(json!({
            "required": rules.required(),
            "description": description(rules, enforced.len()),
            "content": { "application/json": { "schema": schema } },
        }))
    }

    /// The components, the problem's among them.
    pub(super) fn into_components(mut self) -> Object {
        self.components.insert("Problem".to_owned(), problem());
        self.components
    }

    /// Makes a schema a component; gives a reference to it.
    fn adopt(&mut self, operation: &Operation, schema: &Schema) -> Value {
        let mut document = schema.document().clone();
        let taken = document.as_object_mut().and_then(|document| document.remove("$defs"));
        let definitions = taken.and_then(|taken| taken.as_object().cloned()).unwrap_or_default();
        let prefix = match &self.shared {
            Some(shared) if *shared != definitions => format!("{}_", operation.name),
            _ => String::new(),
        };
        self.shared.get_or_insert_with(|| definitions.clone());
        let name = format!("{}_body_{}", operation.name, schema.strictness().as_str());
        if !self.components.contains_key(&name) {
            let mut moving = Moving { definitions: &definitions, prefix: &prefix, root: &name, components: &mut self.components };
            let moved = moving.moved(document);
            self.components.insert(name.clone(), moved);
        }
        json!({ "$ref": format!("{COMPONENTS}{name}") })
    }
}

/// A schema on its way to the components.
struct Moving<'a> {
    definitions: &'a Object,
    prefix: &'a str,
    root: &'a str,
    components: &'a mut Object,
}

impl Moving<'_> {
    fn moved(&mut self, value: Value) -> Value {
        match value {
            Value::Object(members) => members.into_iter().map(|(name, value)| self.member(name, value)).collect(),
            Value::Array(items) => items.into_iter().map(|item| self.moved(item)).collect(),
            scalar => scalar,
        }
    }

    fn member(&mut self, name: String, value: Value) -> (String, Value) {
        let moved = match (name.as_str(), &value) {
            ("$ref", Value::String(reference)) => Value::String(self.reference(reference)),
            // What these hold are values, in which a `$ref` would mean nothing.
            ("const" | "enum" | "default" | "examples", _) => value,
            _ => self.moved(value),
        };
        (name, moved)
    }

    fn reference(&mut self, reference: &str) -> String {
        let Some(rest) = reference.strip_prefix(DEFINITIONS) else {
            let own = reference.strip_prefix('#').map(|rest| format!("{COMPONENTS}{}{rest}", self.root));
            return own.unwrap_or_else(|| reference.to_owned());
        };
        let (name, below) = rest.split_once('/').map_or((rest, String::new()), |(name, below)| (name, format!("/{below}")));
        let component = format!("{}{name}", self.prefix);
        if !self.components.contains_key(&component)
            && let Some(definition) = self.definitions.get(name).cloned()
        {
            // A definition may refer to itself: its place is taken before it is moved.
            self.components.insert(component.clone(), Value::Null);
            let moved = self.moved(definition);
            self.components.insert(component.clone(), moved);
        }
        format!("{COMPONENTS}{component}{below}")
    }
}

fn description(rules: &BodyRules, enforced: usize) -> String {
    let bytes =
        "JSON in UTF-8 that can be read in one way only: no member twice, no byte order mark. The very bytes go to Passport.";
    if rules.schemas().len() > enforced {
        format!("{bytes} More is expected of it than the schema says, but not enforced.")
    } else {
        bytes.to_owned()
    }
}

/// The gateway's own answers (RFC 9457).
fn problem() -> Value {
    let types: Vec<String> = Refusal::every().iter().map(|refusal| format!("{TYPE_PREFIX}{}", refusal.kind().name)).collect();
    let places = [Location::Path, Location::Query, Location::Body, Location::Header].map(Location::as_str);
    json!({
        "type": "object",
        "description": "An answer of the gateway itself (RFC 9457).",
        "required": ["type", "title", "status", "detail", "request_id"],
        "properties": {
            "type": { "type": "string", "enum": types },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string" },
            "request_id": { "type": "string" },
            "required_scope": { "type": "string", "description": "The scope that was missing." },
            "errors": {
                "type": "array",
                "description": "Every violation of an invalid request, never with the value.",
                "items": {
                    "type": "object",
                    "required": ["in", "name", "detail"],
                    "properties": {
                        "in": { "type": "string", "enum": places },
                        "name": { "type": "string" },
                        "detail": { "type": "string" },
                    },
                },
            },
        },
    })
}
