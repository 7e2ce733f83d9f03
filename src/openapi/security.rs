//! How callers prove who they are, as far as the configuration lets them, and the scope that each operation needs.

use serde_json::{Value, json};

use super::Object;
use crate::catalogue::Operation;
use crate::config::CallerKind;

/// The schemes of those who may call.
pub(super) fn schemes(callers: &[CallerKind]) -> Object {
    let scheme = |kind: &CallerKind| Some((name(*kind)?.to_owned(), scheme(*kind)));
    callers.iter().filter_map(scheme).collect()
}

/// Exactly one of these, with the operation's scope.
pub(super) fn requirements(operation: &Operation, callers: &[CallerKind]) -> Vec<Value> {
    let requirement = |kind: &CallerKind| match name(*kind) {
        Some(name) => json!({ name: [operation.scope.as_str()] }),
        None => json!({}),
    };
    callers.iter().map(requirement).collect()
}

/// The name of the scheme; none for who needs no credential.
fn name(kind: CallerKind) -> Option<&'static str> {
    match kind {
        CallerKind::Token => Some("bearerToken"),
        CallerKind::ApiKey => Some("apiKey"),
        CallerKind::Certificate => Some("clientCertificate"),
        CallerKind::Local => None,
    }
}

fn scheme(kind: CallerKind) -> Value {
    match kind {
        CallerKind::Token => json!({
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A token of a configured issuer.",
        }),
        CallerKind::ApiKey => json!({
            "type": "apiKey", "in": "header", "name": "X-Api-Key",
            "description": "A key that begins with `pgk_`; `Authorization: Bearer` takes it, too.",
        }),
        CallerKind::Certificate => json!({ "type": "mutualTLS", "description": "A certificate of a configured client." }),
        CallerKind::Local => json!({}),
    }
}
