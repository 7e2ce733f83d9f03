//! How callers prove who they are, as far as the configuration lets them, and the scope that each operation needs.

use serde_json::{Value, json};

use super::Object;
use crate::catalogue::Operation;
use crate::config::CallerKinds;

const TOKEN: &str = "bearerToken";
const API_KEY: &str = "apiKey";
const CERTIFICATE: &str = "clientCertificate";

/// The schemes of those who may call.
pub(super) fn schemes(callers: CallerKinds) -> Object {
    let all = [
        (
            TOKEN,
            callers.tokens,
            json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A token of a configured issuer." }),
        ),
        (
            API_KEY,
            callers.api_keys,
            json!({
                "type": "apiKey", "in": "header", "name": "X-Api-Key",
                "description": "A key that begins with `pgk_`; `Authorization: Bearer` takes it, too.",
            }),
        ),
        (
            CERTIFICATE,
            callers.certificates,
            json!({ "type": "mutualTLS", "description": "A certificate of a configured client." }),
        ),
    ];
    all.into_iter().filter(|(_, offered, _)| *offered).map(|(name, _, scheme)| (name.to_owned(), scheme)).collect()
}

/// Exactly one of these, with the operation's scope.
pub(super) fn requirements(operation: &Operation, callers: CallerKinds) -> Vec<Value> {
    let scope = operation.scope.as_str();
    let mut requirements = Vec::new();
    requirements.extend(callers.tokens.then(|| json!({ TOKEN: [scope] })));
    requirements.extend(callers.api_keys.then(|| json!({ API_KEY: [scope] })));
    requirements.extend(callers.certificates.then(|| json!({ CERTIFICATE: [scope] })));
    requirements.extend(callers.local.then(|| json!({})));
    requirements
}
