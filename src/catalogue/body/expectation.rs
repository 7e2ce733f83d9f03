//! A schema's error told to the caller: which member, and what was expected, never what was sent.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

/// The members an error is about, each with what was expected of it.
pub(super) fn of(error: &ValidationError<'_>, schema: &Value) -> Vec<(String, String)> {
    let path = dotted(error.instance_path());
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            vec![(below(&path, property.as_str().unwrap_or_default()), "is required".to_owned())]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| (below(&path, name), "is not allowed here".to_owned())).collect()
        }
        kind => vec![(path, detail(kind, description(error.schema_path(), schema)))],
    }
}

fn detail(kind: &ValidationErrorKind, description: Option<&str>) -> String {
    match kind {
        ValidationErrorKind::Type { kind } => format!("must be {}", types(kind)),
        ValidationErrorKind::Constant { expected_value } => format!("must be {expected_value}"),
        ValidationErrorKind::Enum { options } => match options.as_array() {
            Some(options) => format!("must be one of {}", options.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")),
            None => format!("must be one of {options}"),
        },
        ValidationErrorKind::MinLength { limit: 1 } => "must not be empty".to_owned(),
        ValidationErrorKind::MinLength { limit } => format!("must have at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be greater than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {limit} items"),
        ValidationErrorKind::FalseSchema => "is not allowed here".to_owned(),
        // The other kinds have no words of their own that people would understand: the schema's author describes the value.
        kind => match description {
            Some(description) => format!("must be {description}"),
            None => format!("does not satisfy `{}`", kind.keyword()),
        },
    }
}

fn types(kind: &TypeKind) -> String {
    let name = |kind: JsonType| match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    };
    match kind {
        TypeKind::Single(kind) => name(*kind).to_owned(),
        TypeKind::Multiple(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" or "),
    }
}

/// The `description` beside the keyword that was broken.
fn description<'s>(keyword: &Location, schema: &'s Value) -> Option<&'s str> {
    let (parent, _) = keyword.as_str().rsplit_once('/')?;
    schema.pointer(parent)?.get("description")?.as_str()
}

/// `/amount/value` and `/items/0` as `amount.value` and `items[0]`.
fn dotted(location: &Location) -> String {
    location.segments().fold(String::new(), |path, segment| match segment {
        LocationSegment::Property(name) => below(&path, &name),
        LocationSegment::Index(at) => format!("{path}[{at}]"),
    })
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
