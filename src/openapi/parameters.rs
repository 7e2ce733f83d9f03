//! Parameters of paths, queries and header fields, with the rules their values must keep.

use serde_json::{Value, json};

use super::Object;
use crate::catalogue::{Mode, Modes, Operation, Relation, SEGMENT_PATTERN, Strictness, ValueRule, ValueRules};
use crate::config::RequiredFor;

/// The component for a key without which the request is refused.
const REQUIRED_KEY: &str = "RequiredIdempotencyKey";
/// Header fields that callers may send, by the component's name: field, and what it is.
const FIELDS: [(&str, &str, &str); 6] = [
    (
        "RequestId",
        "X-Request-Id",
        "Names the request in logs and goes up to Passport; made if absent or unusable. Every answer has it.",
    ),
    ("TraceParent", "traceparent", "The caller's trace (W3C Trace Context), which goes up to Passport."),
    (
        "IdempotencyKey",
        "Idempotency-Key",
        "At most one request with this key of this tenant is sent to Passport; a repetition gets the first answer.",
    ),
    (
        REQUIRED_KEY,
        "Idempotency-Key",
        "Without a key the request is refused. At most one with this key of this tenant is sent to Passport; a repetition gets the \
         first answer.",
    ),
    ("IfNoneMatch", "If-None-Match", "Entity tags the caller has: a 304 if the answer would be one of them."),
    ("CacheControl", "Cache-Control", "`no-cache`, `no-store` and `max-age` of the request are honoured."),
];

/// The header fields as components.
pub(super) fn components() -> Object {
    let component = |(name, field, description): (&str, &str, &str)| {
        let mut parameter = json!({
            "name": field, "in": "header", "description": description, "required": name == REQUIRED_KEY,
            "schema": { "type": "string" },
        });
        if field == "Idempotency-Key" {
            // Quoted it may be two longer, and more where it escapes; bare is what clients should send.
            parameter["schema"] = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
        }
        (name.to_owned(), parameter)
    };
    FIELDS.into_iter().map(component).collect()
}

/// The parameters of one operation.
pub(super) struct Parameters<'a> {
    pub(super) operation: &'a Operation,
    pub(super) modes: Modes,
    pub(super) keys_for: RequiredFor,
}

impl Parameters<'_> {
    pub(super) fn describe(&self) -> Vec<Value> {
        let path = self.operation.parameters.iter().map(|parameter| self.of_path(&parameter.name, &parameter.rules));
        let query = self.operation.query.parameters().iter().map(|parameter| self.of_query(&parameter.name, &parameter.rules));
        path.chain(query).chain(self.fields()).collect()
    }

    fn of_path(&self, name: &str, rules: &ValueRules) -> Value {
        let segment = json!({ "type": "string", "pattern": SEGMENT_PATTERN });
        let schema = match self.enforced(rules) {
            Some(schema) => json!({ "allOf": [segment, schema] }),
            None => segment,
        };
        self.told(json!({ "name": name, "in": "path", "required": true, "schema": schema }), name, rules)
    }

    fn of_query(&self, name: &str, rules: &ValueRules) -> Value {
        let schema = self.enforced(rules).unwrap_or_else(|| json!({ "type": "string" }));
        self.told(json!({ "name": name, "in": "query", "required": false, "schema": schema }), name, rules)
    }

    fn fields(&self) -> impl Iterator<Item = Value> {
        let cached = self.operation.cache.is_some();
        let sent = [
            ("RequestId", true),
            ("TraceParent", true),
            (
                if self.keys_for.covers(self.operation.effect) { REQUIRED_KEY } else { "IdempotencyKey" },
                self.operation.is_write(),
            ),
            ("IfNoneMatch", cached),
            ("CacheControl", cached),
        ];
        sent.into_iter().filter(|(_, sent)| *sent).map(|(name, _)| json!({ "$ref": format!("#/components/parameters/{name}") }))
    }

    /// What every value must be, or the request is refused.
    fn enforced(&self, rules: &ValueRules) -> Option<Value> {
        let enforced = rules.iter().filter(|(strictness, _)| self.enforces(*strictness));
        let mut schemas: Vec<Value> = enforced.map(|(_, rule)| schema(rule)).collect();
        if schemas.len() > 1 { Some(json!({ "allOf": schemas })) } else { schemas.pop() }
    }

    /// The parameter with a description of what its schema does not say.
    fn told(&self, mut parameter: Value, name: &str, rules: &ValueRules) -> Value {
        let expected = rules.iter().filter(|(strictness, rule)| !self.enforces(*strictness) && !matches!(rule, ValueRule::Any));
        let mut told: Vec<String> =
            expected.map(|(_, rule)| format!("Expected, but not enforced: {}.", rule.expectation())).collect();
        for (strictness, relation) in self.operation.query.relations() {
            if about(relation) == name {
                let enforced = if self.enforces(strictness) { "Enforced" } else { "Expected, but not enforced" };
                told.push(format!("{enforced}: {}.", relation.expectation()));
            }
        }
        if !told.is_empty() {
            parameter["description"] = json!(told.join(" "));
        }
        parameter
    }

    fn enforces(&self, strictness: Strictness) -> bool {
        self.modes.of(strictness) == Mode::Enforce
    }
}

/// The parameter that a relation is told at.
fn about(relation: &Relation) -> String {
    match relation {
        Relation::Requires { name, .. } => name.to_string(),
        Relation::NotAfter { name, .. } => format!("{name}.seconds"),
    }
}

/// A rule as JSON Schema.
fn schema(rule: &ValueRule) -> Value {
    match rule {
        ValueRule::Any => json!({ "type": "string" }),
        ValueRule::Integer { min, max } => integer(*min, *max),
        ValueRule::OneOf(values) => json!({ "type": "string", "enum": values }),
        ValueRule::Pattern(pattern) => json!({ "type": "string", "pattern": pattern.as_str() }),
        ValueRule::Uuid => json!({ "type": "string", "format": "uuid" }),
        ValueRule::Text { max } => json!({ "type": "string", "minLength": 1, "maxLength": max }),
    }
}

fn integer(min: i64, max: i64) -> Value {
    let mut schema = json!({ "type": "integer", "format": "int64" });
    if min > i64::MIN {
        schema["minimum"] = json!(min);
    }
    if max < i64::MAX {
        schema["maximum"] = json!(max);
    }
    schema
}
