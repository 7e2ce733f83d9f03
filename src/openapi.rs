//! The gateway's own face as OpenAPI 3.1: made from the catalogue and the closed table of refusals, so that it cannot say anything else.
//!
//! A rule that is enforced is a constraint; one that is only reported, or off, is told in words and constrains nobody.

use serde_json::{Map, Value, json};

use self::answers::Answers;
use self::parameters::Parameters;
use self::schemas::Schemas;
use crate::catalogue::Operation;
use crate::config::Offer;

mod answers;
mod parameters;
mod schemas;
mod security;
#[cfg(test)]
mod tests;

/// A JSON object under way.
type Object = Map<String, Value>;

/// The description of what this offer lets callers do. The same offer is always described in the same words and order.
#[must_use]
pub fn document(offer: &Offer) -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Object::new();
    for operation in offered(offer) {
        for (place, path) in operation.paths.iter().enumerate() {
            let entry = paths.entry(path.as_str()).or_insert_with(|| json!({}));
            let described = describe(operation, place, offer, &mut schemas);
            if operation.method == http::Method::GET {
                entry["head"] = head_of(&described);
            }
            entry[operation.method.as_str().to_ascii_lowercase()] = described;
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "passport-gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What internal applications may ask of the Passport payments API, and how the gateway itself answers. \
                            An answer without a problem document is Passport's, unchanged.",
        },
        "tags": tags(offer),
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "parameters": parameters::components(),
            "headers": answers::header_components(),
            "responses": answers::response_components(),
            "securitySchemes": security::schemes(&offer.callers),
        },
    })
}

/// The operations that a caller may get an answer of, in the order of the catalogue.
fn offered(offer: &Offer) -> impl Iterator<Item = &Operation> {
    let has_upstream = |operation: &Operation| offer.upstreams[operation.upstream.index()].base.is_some();
    offer
        .catalogue
        .operations()
        .map(|(_, operation)| operation)
        .filter(move |operation| operation.enabled && has_upstream(operation))
}

fn tags(offer: &Offer) -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for resource in offered(offer).filter_map(|operation| operation.resource.as_deref()) {
        if !names.contains(&resource) {
            names.push(resource);
        }
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

/// The operation at one of its paths.
fn describe(operation: &Operation, place: usize, offer: &Offer, schemas: &mut Schemas) -> Value {
    let mut described = json!({
        "operationId": operation_id(operation, place),
        "summary": summary(operation, place),
        "description": description(operation),
        "parameters": Parameters { operation, modes: offer.validation, keys_for: offer.keys_for }.describe(),
        "responses": Answers(operation).describe(),
        "security": security::requirements(operation, &offer.callers),
        "x-required-scope": operation.scope.as_str(),
        "x-effect": operation.effect.as_str(),
    });
    if let Some(resource) = &operation.resource {
        described["tags"] = json!([&**resource]);
    }
    if let Some(body) = schemas.body(operation, offer.validation) {
        described["requestBody"] = body;
    }
    described
}

/// Unique: further paths of an operation are numbered.
fn operation_id(operation: &Operation, place: usize) -> String {
    if place == 0 { operation.name.to_string() } else { format!("{}_{}", operation.name, place + 1) }
}

fn summary(operation: &Operation, place: usize) -> String {
    let words = operation.name.replace('_', " ");
    let (first, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    let alias = if place == 0 { String::new() } else { format!(" (as at {})", operation.path()) };
    format!("{}{rest}{alias}", first.to_uppercase())
}

fn description(operation: &Operation) -> String {
    let effect = match operation.effect {
        crate::catalogue::Effect::Read => "Changes nothing.",
        crate::catalogue::Effect::Write => "Changes something.",
        crate::catalogue::Effect::Money => "Moves money.",
    };
    let known = if operation.scope_inferred { " (inferred)" } else { "" };
    let cached = operation.cache.map_or_else(String::new, |rule| format!(" Answers are fresh for {:?}.", rule.ttl));
    format!("{effect} Requires the scope `{}`{known} of the caller and of its tenant.{cached}", operation.scope)
}

/// HEAD asks for the same, and gets the fields of the answer alone.
fn head_of(get: &Value) -> Value {
    let mut head = get.clone();
    head["operationId"] = json!(format!("head_{}", get["operationId"].as_str().unwrap_or_default()));
    head["summary"] = json!(format!("{}, without the body", get["summary"].as_str().unwrap_or_default()));
    for answer in head["responses"].as_object_mut().into_iter().flat_map(|answers| answers.values_mut()) {
        if let Some(answer) = answer.as_object_mut() {
            answer.remove("content");
        }
    }
    head
}
