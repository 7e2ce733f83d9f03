//! Why a call to the control listener changed nothing, as problem details (RFC 9457).

use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::problem::TYPE_PREFIX;
use crate::service::Response;

use super::response;

/// Why nothing was changed. It may name what the caller sent: whoever may call here may see it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    status: StatusCode,
    name: &'static str,
    detail: String,
    errors: Vec<String>,
}

impl Fault {
    /// A problem of this type.
    pub(super) fn new(status: StatusCode, name: &'static str, detail: impl Into<String>) -> Self {
        Self { status, name, detail: detail.into(), errors: Vec::new() }
    }

    /// The body is not what the route takes.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", detail)
    }

    /// The configuration has faults; nothing of it was applied.
    pub(super) fn invalid_configuration(errors: Vec<String>) -> Self {
        let detail = "The configuration has faults, which `errors` lists; the one in force stays so.";
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-configuration", detail) }
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Every change is a POST.")
    }

    /// The status of the answer that tells it.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The problem's name, without its prefix.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The answer that tells it.
    pub(super) fn response(self, request_id: &HeaderValue) -> Response {
        let Self { status, name, detail, errors } = self;
        let mut problem = json!({
            "type": format!("{TYPE_PREFIX}{name}"),
            "title": status.canonical_reason().unwrap_or("Refused"),
            "status": status.as_u16(),
            "detail": detail,
            "request_id": request_id.to_str().unwrap_or_default(),
        });
        if !errors.is_empty() {
            problem["errors"] = errors.into();
        }
        let mut response = response(status, "application/problem+json", problem.to_string());
        let field = match status {
            StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "POST")),
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer realm=\"passport-gateway control\"")),
            _ => None,
        };
        if let Some((name, value)) = field {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
