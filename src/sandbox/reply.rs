//! Answers on their way out, and what a fault makes of them.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::call::Answer;
use super::error::ApiError;
use super::fault::Kind;
use super::payload::Payload;

/// An answer, all of it in memory.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Bytes,
}

/// Why a connection ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Severed {
    /// It is reset.
    #[error("the connection is to be reset")]
    Reset,
    /// It gets bytes that are no HTTP.
    #[error("the connection is to get bytes that are no HTTP")]
    Garbage,
}

/// What becomes of an answer in the end.
pub(crate) enum Outcome {
    Answered(Response<Payload>),
    Severed(Severed),
    Never,
}

impl Reply {
    /// A JSON answer.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// What an operation answered; errors in Passport's shape.
    pub(crate) fn from_result(result: Result<Answer, ApiError>, url: &str, trace_id: &str) -> Self {
        match result {
            Ok(Answer { status, body: Some(body) }) => Self::json(status, &body),
            Ok(Answer { status, body: None }) => Self { status, headers: HeaderMap::new(), body: Bytes::new() },
            Err(error) => Self::json(error.status, &error.body(url, trace_id)),
        }
    }

    /// The reply after `kind` happened to it.
    pub(crate) fn after(self, kind: &Kind, url: &str, trace_id: &str) -> Outcome {
        let error = |status, message: &str| Self::from_result(Err(ApiError::new(status, "", message)), url, trace_id);
        let reply = match kind {
            Kind::ServerError => error(StatusCode::INTERNAL_SERVER_ERROR, "Unexpected error; retry or contact support"),
            Kind::RateLimited { retry_after } => {
                error(StatusCode::TOO_MANY_REQUESTS, "Too many requests").retry_after(*retry_after)
            }
            Kind::BadGateway { retry_after } => error(StatusCode::BAD_GATEWAY, "Bad gateway").retry_after(*retry_after),
            Kind::Unavailable { retry_after } => error(StatusCode::SERVICE_UNAVAILABLE, "Unavailable").retry_after(*retry_after),
            Kind::Forbidden => Self::from_result(Err(ApiError::forbidden()), url, trace_id),
            Kind::TokenRefused => Self::from_result(Err(ApiError::unauthorized()), url, trace_id),
            Kind::ResetBeforeBody | Kind::ResetAfterBody => return Outcome::Severed(Severed::Reset),
            Kind::Garbage => return Outcome::Severed(Severed::Garbage),
            Kind::Truncated => return Outcome::Answered(self.half(Payload::cut)),
            Kind::Stalled => return Outcome::Answered(self.half(Payload::stalled)),
            Kind::Hang => return Outcome::Never,
            Kind::Html => {
                Self::new(StatusCode::OK, "text/html", "<!doctype html><title>Passport</title><p>Maintenance".to_owned())
            }
            Kind::Empty => Self { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::new() },
            Kind::MissingAccessToken => self.with_member("access_token", &Value::Null),
            Kind::ExpiresIn { value } => self.with_member("expires_in", value),
            Kind::Latency { .. } | Kind::Header { .. } | Kind::PaymentRejected { .. } => self,
        };
        Outcome::Answered(reply.whole())
    }

    /// The reply as it is.
    pub(crate) fn whole(self) -> Response<Payload> {
        let body = self.body.clone();
        self.with_body(Payload::whole(body))
    }

    fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body: body.into() }
    }

    fn retry_after(mut self, seconds: Option<u64>) -> Self {
        self.headers.extend(seconds.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        self
    }

    /// A reply that announces more than it sends; one without a body announces one.
    fn half(mut self, end: fn(Bytes) -> Payload) -> Response<Payload> {
        let body = self.body.slice(..self.body.len() / 2);
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len().max(1)));
        self.with_body(end(body))
    }

    /// Replaces a member of a JSON object; null takes it out.
    fn with_member(mut self, name: &str, value: &Value) -> Self {
        if let Ok(Value::Object(mut members)) = serde_json::from_slice(&self.body) {
            members.remove(name);
            if !value.is_null() {
                members.insert(name.to_owned(), value.clone());
            }
            self.body = json!(members).to_string().into();
        }
        self
    }

    fn with_body(self, body: Payload) -> Response<Payload> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
