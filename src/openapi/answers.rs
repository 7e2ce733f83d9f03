//! Answers: Passport's, which are open, and the gateway's own, from the closed table of refusals.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::Object;
use super::schemas::PROBLEM;
use crate::catalogue::Operation;
use crate::refusal::Refusal;

/// Header fields of answers, by the component's name, and what each tells.
const FIELDS: [(&str, &str); 10] = [
    ("X-Request-Id", "The request's id, as it went up to Passport and into the logs."),
    ("Cache-Status", "How the answer was come by (RFC 9211), such as `passport-gateway; hit; ttl=12`."),
    ("Age", "Seconds since Passport gave the answer (RFC 9111, section 5.1)."),
    ("ETag", "The answer's entity tag (RFC 9110, section 8.8.3)."),
    ("RateLimit", "What is left of the tenant's limit."),
    ("RateLimit-Policy", "The tenant's limit."),
    ("Retry-After", "Seconds after which to come again."),
    ("WWW-Authenticate", "The challenge (RFC 6750, section 3)."),
    ("Idempotent-Replayed", "`true` on the recorded answer to an earlier request with the same `Idempotency-Key`."),
    ("Allow", "The methods that the path takes."),
];

/// The header fields as components.
pub(super) fn header_components() -> Object {
    let component = |(name, description): (&str, &str)| {
        let kind = if matches!(name, "Age" | "Retry-After") { "integer" } else { "string" };
        (name.to_owned(), json!({ "description": description, "schema": { "type": kind } }))
    };
    FIELDS.into_iter().map(component).collect()
}

/// The gateway's own answers as components, one for each status.
pub(super) fn response_components() -> Object {
    by_status().into_iter().map(|(status, refusals)| (component(status), problem(status, &refusals))).collect()
}

fn by_status() -> BTreeMap<u16, Vec<Refusal>> {
    let mut by_status: BTreeMap<u16, Vec<Refusal>> = BTreeMap::new();
    for refusal in Refusal::every() {
        by_status.entry(refusal.kind().status.as_u16()).or_default().push(refusal);
    }
    by_status
}

fn component(status: u16) -> String {
    format!("Problem{status}")
}

fn problem(status: u16, refusals: &[Refusal]) -> Value {
    let names: Vec<String> = refusals.iter().map(|refusal| format!("`{}`", refusal.kind().name)).collect();
    let told = |holds: fn(&Refusal) -> bool| refusals.iter().any(holds);
    let mut fields = vec!["X-Request-Id"];
    fields.extend((status == StatusCode::UNAUTHORIZED.as_u16()).then_some("WWW-Authenticate"));
    fields.extend((status == StatusCode::METHOD_NOT_ALLOWED.as_u16()).then_some("Allow"));
    fields.extend(told(|refusal| refusal.retry_after().is_some()).then_some("Retry-After"));
    fields.extend(
        told(|refusal| matches!(refusal, Refusal::RateLimited(_)))
            .then_some(["RateLimit", "RateLimit-Policy"])
            .into_iter()
            .flatten(),
    );
    json!({
        "description": format!("Refused by the gateway: {}.", names.join(", ")),
        "headers": references(&fields),
        "content": { "application/problem+json": { "schema": { "$ref": PROBLEM } } },
    })
}

fn references(fields: &[&str]) -> Object {
    fields.iter().map(|field| ((*field).to_owned(), json!({ "$ref": format!("#/components/headers/{field}") }))).collect()
}

/// The answers of one operation.
pub(super) struct Answers<'a>(pub(super) &'a Operation);

impl Answers<'_> {
    pub(super) fn describe(&self) -> Object {
        let mut answers = Object::new();
        answers.insert("2XX".to_owned(), self.success());
        if self.0.cache.is_some() {
            let fields = references(&["X-Request-Id", "ETag", "Cache-Status", "Age"]);
            answers.insert("304".to_owned(), json!({ "description": "The caller has it already.", "headers": fields }));
        }
        for status in by_status().into_keys().filter(|status| self.arises(*status)) {
            let reference = format!("#/components/responses/{}", component(status));
            answers.insert(status.to_string(), json!({ "$ref": reference }));
        }
        answers.insert(
            "default".to_owned(),
            json!({
                "description": "Passport's own answer, unchanged.",
                "headers": references(&["X-Request-Id"]),
                "content": { "*/*": { "schema": {} } },
            }),
        );
        answers
    }

    fn success(&self) -> Value {
        let mut fields = vec!["X-Request-Id", "RateLimit", "RateLimit-Policy"];
        if self.0.cache.is_some() {
            fields.extend(["Cache-Status", "Age", "ETag"]);
        }
        if self.0.is_write() {
            fields.push("Idempotent-Replayed");
        }
        json!({
            "description": "Passport's answer, unchanged.",
            "headers": references(&fields),
            "content": { "application/json": { "schema": {} } },
        })
    }

    /// Whether the gateway may answer the operation with this status. It is there, and so is its method.
    fn arises(&self, status: u16) -> bool {
        match status {
            404 | 405 => false,
            408 | 413 | 415 => self.0.body.is_some(),
            409 | 422 => self.0.is_write(),
            _ => true,
        }
    }
}
