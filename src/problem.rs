//! Problem details (RFC 9457): how a refusal looks on the wire.

use bytes::Bytes;
use http::{HeaderValue, header};
use serde::Serialize;

use crate::body::Body;
use crate::catalogue::Violation;
use crate::refusal::{Refusal, UnknownOutcome};
use crate::service::Response;

/// The prefix of every problem type.
pub const TYPE_PREFIX: &str = "urn:passport-gateway:problem:";

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_scope: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    errors: &'a [Violation],
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    earlier: Option<Earlier<'a>>,
}

/// The write that a repetition is about, for whoever reconciles.
#[derive(Serialize)]
struct Earlier<'a> {
    operation: &'a str,
    since: &'a str,
    original_request_id: &'a str,
    happened: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    look_up: Option<&'a str>,
}

impl<'a> From<&'a UnknownOutcome> for Earlier<'a> {
    fn from(unknown: &'a UnknownOutcome) -> Self {
        Self {
            operation: &unknown.operation,
            since: &unknown.since,
            original_request_id: &unknown.request_id,
            happened: unknown.happened.then_some(true),
            original_status: unknown.status,
            look_up: unknown.look_up.as_deref(),
        }
    }
}

/// Makes the answer to a refused request.
#[must_use]
pub fn response(refusal: &Refusal, request_id: &HeaderValue) -> Response {
    let kind = refusal.kind();
    let problem = Problem {
        r#type: format!("{TYPE_PREFIX}{}", kind.name),
        title: kind.title,
        status: kind.status.as_u16(),
        detail: detail(refusal),
        request_id: request_id.to_str().unwrap_or_default(),
        required_scope: match refusal {
            Refusal::InsufficientScope(scope) | Refusal::UpstreamScopeMissing(scope) => Some(scope.as_str()),
            _ => None,
        },
        errors: match refusal {
            Refusal::InvalidRequest(violations) => violations,
            _ => &[],
        },
        earlier: match refusal {
            Refusal::OutcomeUnknown(unknown) => Some(Earlier::from(&**unknown)),
            _ => None,
        },
    };
    let text = serde_json::to_vec(&problem).expect("a struct of strings and numbers is always JSON");
    let mut response = Response::new(Body::from(Bytes::from(text)));
    *response.status_mut() = kind.status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    refusal.write_fields(fields);
    response
}

/// What is wrong and what to do about it, without any value of the request.
fn detail(refusal: &Refusal) -> String {
    match refusal {
        Refusal::MissingCredential => {
            "Send `Authorization: Bearer` with a token of a configured issuer or an API key; other schemes are not understood."
        }
        Refusal::InvalidCredential(reason) | Refusal::MalformedRequest(reason) => reason,
        Refusal::AmbiguousCredential => "Send exactly one of a bearer token and an API key, once.",
        Refusal::UnknownTenant => "The credential is valid, but its tenant is not configured at this gateway.",
        Refusal::InsufficientScope(scope) => {
            return format!("The operation needs the scope `{scope}`, which the caller or its tenant does not hold.");
        }
        Refusal::TooManyFailures(_) => "Too many credentials from this address were refused; wait, then send a valid one.",
        Refusal::UnknownOperation => "The path is none of the gateway's operations; `passport-gateway operations` lists them.",
        Refusal::OperationUnavailable => "The operation is disabled, or its upstream has no URL in this environment.",
        Refusal::MethodNotAllowed(_) => "The path exists; `Allow` lists the methods it takes.",
        Refusal::InvalidRequest(_) => "The request breaks the operation's rules; `errors` lists every violation.",
        Refusal::BodyTooLarge => "The body is larger than this gateway accepts.",
        Refusal::TargetTooLong => "The request target is longer than this gateway accepts.",
        Refusal::HeadersTooLarge => "Request line and header fields are larger than this gateway accepts.",
        Refusal::UnsupportedMediaType => {
            "The operation takes a body of type `application/json` in UTF-8, without content coding."
        }
        Refusal::RequestTimeout => "The whole body has to arrive within the gateway's body time-out.",
        Refusal::RateLimited(_) => "The tenant's limit is reached; `Retry-After` says when to come again.",
        Refusal::UpstreamQuotaExhausted(_) => {
            "The credential's budget toward Passport is used up; `Retry-After` says when to come again."
        }
        Refusal::Overloaded => "As many requests as the gateway sends to this upstream are in flight; try again shortly.",
        Refusal::IdempotencyKeyMissing => "Operations that move money need an `Idempotency-Key`.",
        Refusal::IdempotencyInFlight => "The first request with this `Idempotency-Key` has not ended; try again shortly.",
        Refusal::IdempotencyMismatch => "This `Idempotency-Key` was used for a different request; use a new one.",
        Refusal::IdempotencyUnavailable => {
            "This gateway keeps no idempotency records, or cannot at the moment, so it cannot honour `Idempotency-Key`; nothing was \
             sent to Passport."
        }
        Refusal::AuditUnavailable => {
            "This gateway records every payment and cannot at the moment; nothing was sent to Passport. `Retry-After` says when to try again."
        }
        Refusal::OutcomeUnknown(earlier) if earlier.status.is_some() => {
            "The request was sent before and answered; the answer was too long to keep: look the write up."
        }
        Refusal::OutcomeUnknown(earlier) if earlier.happened => {
            "The request was sent before, and an operator found that it happened; its answer is not known: look the write up."
        }
        Refusal::OutcomeUnknown(_) => {
            "The request was sent before and nobody knows what came of it: look the write up, and use a new key only if it never happened."
        }
        Refusal::UpstreamTokenUnavailable(_) => "The gateway has no token for Passport at the moment; nothing was sent.",
        Refusal::JwksUnavailable => "The issuer's keys could not be fetched yet, so no token of it can be verified.",
        Refusal::UpstreamCredentialRejected => "Passport refuses the credential configured for the tenant.",
        Refusal::UpstreamScopeMissing(scope) => {
            return format!("Passport did not grant `{scope}` to the credential configured for the tenant.");
        }
        Refusal::UpstreamUnreachable(_) => "The connection to Passport failed.",
        Refusal::UpstreamInvalidResponse => "Passport answered with something that is no complete HTTP response.",
        Refusal::UpstreamUnavailable(_) => "Passport has been failing; `Retry-After` says when calls are tried again.",
        Refusal::NotCached => {
            "The request says `only-if-cached`, and no stored answer fits it. Ask without, and Passport is asked."
        }
        Refusal::DeadlineExceeded(_) => "The time budget of the operation ran out before Passport answered.",
        Refusal::Internal => "The request met a defect of the gateway; `request_id` finds it in the log.",
    }
    .to_owned()
}
