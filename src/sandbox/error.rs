//! Passport's errors: status and body.
//!
//! The body's shape is undocumented; this is the one its public clients read: `message, http_code, type, trace_id, code,
//! resource, url`.

use http::StatusCode;
use serde_json::{Value, json};

/// An answer other than success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// The status it is answered with.
    pub(crate) status: StatusCode,
    /// What is wrong, in words; names fields, never repeats their values.
    pub(crate) message: String,
    /// The kind of resource it is about.
    pub(crate) resource: &'static str,
}

impl ApiError {
    /// The request is malformed or has invalid values.
    pub(crate) fn bad_request(resource: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, resource, message)
    }

    /// The token is missing, expired, revoked, or lacks the scope: Passport does not say which (S0, S3).
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token", "Unauthorized")
    }

    /// The caller may not do this at all.
    pub(crate) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "token", "Forbidden")
    }

    /// There is no such resource, or the list is empty.
    pub(crate) fn not_found(resource: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, resource, "Not found")
    }

    /// The resource's state does not allow this.
    pub(crate) fn conflict(resource: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, resource, message)
    }

    /// An error of any status.
    pub(crate) fn new(status: StatusCode, resource: &'static str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), resource }
    }

    /// The body, for the request to `url`.
    pub(crate) fn body(&self, url: &str, trace_id: &str) -> Value {
        let reason = self.status.canonical_reason().unwrap_or("Error");
        json!({
            "message": self.message,
            "http_code": self.status.as_u16(),
            "type": if self.status.is_server_error() { "SERVER_ERROR" } else { "CLIENT_ERROR" },
            "trace_id": trace_id,
            "code": reason.to_ascii_uppercase().replace([' ', '-'], "_"),
            "resource": self.resource,
            "url": url,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_members_clients_read() {
        let body = ApiError::not_found("customer").body("/v1/customers/1", "t-1");

        assert_eq!(
            body,
            json!({
                "message": "Not found", "http_code": 404, "type": "CLIENT_ERROR", "trace_id": "t-1",
                "code": "NOT_FOUND", "resource": "customer", "url": "/v1/customers/1",
            })
        );
    }
}
