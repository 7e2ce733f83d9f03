//! Every reason for which the gateway itself answers, in one closed set.
//!
//! A refusal says its status, problem type, header fields, log level and whose fault it is; its name is the metric label.
//! It ends where streaming begins: once an answer's head is out, only [`crate::body::Cut`] can happen.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use tracing::Level;

use crate::catalogue::Violation;
use crate::scope::Scope;

mod every;
#[cfg(test)]
mod tests;

/// Why a request is answered by the gateway instead of Passport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No credential was sent, or none of a scheme that is understood here.
    MissingCredential,
    /// The credential is not valid; says what about it, never its value.
    InvalidCredential(&'static str),
    /// More than one identity was sent.
    AmbiguousCredential,
    /// The credential names a tenant that is not configured.
    UnknownTenant,
    /// Neither caller nor tenant holds the operation's scope.
    InsufficientScope(Scope),
    /// Too many failed attempts from this peer.
    TooManyFailures(Duration),
    /// No operation has this path.
    UnknownOperation,
    /// The operation is disabled, or its upstream has no URL in this environment.
    OperationUnavailable,
    /// The path has operations, but none with this method.
    MethodNotAllowed(HeaderValue),
    /// The head or its framing is ambiguous or malformed.
    MalformedRequest(&'static str),
    /// Query, path or body break the operation's rules; all of them.
    InvalidRequest(Vec<Violation>),
    /// The body is larger than `max_body_bytes`.
    BodyTooLarge,
    /// The request target is too long.
    TargetTooLong,
    /// The head is larger than `max_header_bytes`.
    HeadersTooLarge,
    /// The caller takes nothing but what is stored, and nothing that fits is.
    NotCached,
    /// The body's media type is not the operation's.
    UnsupportedMediaType,
    /// The caller's body did not arrive in time.
    RequestTimeout,
    /// The tenant's limit is used up for so long.
    RateLimited(Duration),
    /// The budget toward Passport is used up for so long.
    UpstreamQuotaExhausted(Duration),
    /// Too many requests are in flight.
    Overloaded,
    /// A money-moving request came without a key.
    IdempotencyKeyMissing,
    /// A request with this key is under way.
    IdempotencyInFlight,
    /// The key was used for another request.
    IdempotencyMismatch,
    /// No idempotency record can be kept.
    IdempotencyUnavailable,
    /// The write cannot be recorded in the audit trail, and is not to go on without.
    AuditUnavailable,
    /// An earlier write with this key was sent, and its answer is not there to be repeated.
    OutcomeUnknown(Box<UnknownOutcome>),
    /// There is no upstream token to send; a next try may have one.
    UpstreamTokenUnavailable(Duration),
    /// The issuer's keys were never fetched.
    JwksUnavailable,
    /// Passport rejects the tenant's credential.
    UpstreamCredentialRejected,
    /// Passport did not grant the tenant's credential the operation's scope.
    UpstreamScopeMissing(Scope),
    /// Passport could not be reached, or went away.
    UpstreamUnreachable(Sent),
    /// Passport's answer is not a valid HTTP response.
    UpstreamInvalidResponse,
    /// The upstream's breaker is open for so long.
    UpstreamUnavailable(Duration),
    /// The time budget ran out.
    DeadlineExceeded(Sent),
    /// A defect of the gateway.
    Internal,
}

/// What is known of an earlier write whose answer is not there to be repeated. Nothing of it is personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownOutcome {
    /// The operation's name.
    pub operation: String,
    /// When the write began (RFC 3339).
    pub since: String,
    /// The id of the request that was forwarded.
    pub request_id: String,
    /// A request that lists what the write would have made.
    pub look_up: Option<String>,
    /// The status of its answer, which was too long to keep.
    pub status: Option<u16>,
    /// Whether it is known to have happened: it was answered, or an operator found it.
    pub happened: bool,
}

/// Whether any byte of a request may have left for the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// None did: the request may be sent again, whatever its method.
    Nothing,
    /// Some may have: a write's outcome is unknown.
    Something,
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The request or its sender.
    Caller,
    /// The gateway, or who runs it.
    Gateway,
    /// Passport, or the way to it.
    Upstream,
}

/// What never differs between two refusals of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The last part of the problem type, and the metric label.
    pub name: &'static str,
    /// The answer's status.
    pub status: StatusCode,
    /// The problem's title.
    pub title: &'static str,
    /// Whose fault it is.
    pub blame: Blame,
}

impl Refusal {
    /// Name, status, title and blame of this kind of refusal.
    #[must_use]
    pub fn kind(&self) -> Kind {
        use Blame::{Caller, Gateway, Upstream};
        use StatusCode as S;
        let (name, status, blame, title) = match self {
            Self::MissingCredential => ("missing-credential", S::UNAUTHORIZED, Caller, "A credential is required"),
            Self::InvalidCredential(_) => ("invalid-credential", S::UNAUTHORIZED, Caller, "The credential is not valid"),
            Self::AmbiguousCredential => ("ambiguous-credential", S::BAD_REQUEST, Caller, "More than one identity was sent"),
            Self::UnknownTenant => ("unknown-tenant", S::FORBIDDEN, Caller, "The tenant is not known"),
            Self::InsufficientScope(_) => ("insufficient-scope", S::FORBIDDEN, Caller, "A scope is missing"),
            Self::TooManyFailures(_) => ("too-many-failures", S::TOO_MANY_REQUESTS, Caller, "Too many failed attempts"),
            Self::UnknownOperation => ("unknown-operation", S::NOT_FOUND, Caller, "No such operation"),
            Self::OperationUnavailable => {
                ("operation-unavailable", S::SERVICE_UNAVAILABLE, Gateway, "The operation is not available here")
            }
            Self::MethodNotAllowed(_) => {
                ("method-not-allowed", S::METHOD_NOT_ALLOWED, Caller, "The path does not take this method")
            }
            Self::MalformedRequest(_) => ("malformed-request", S::BAD_REQUEST, Caller, "The request is malformed"),
            Self::InvalidRequest(_) => ("invalid-request", S::BAD_REQUEST, Caller, "The request is not valid"),
            Self::BodyTooLarge => ("body-too-large", S::PAYLOAD_TOO_LARGE, Caller, "The body is too large"),
            Self::TargetTooLong => ("target-too-long", S::URI_TOO_LONG, Caller, "The request target is too long"),
            Self::HeadersTooLarge => {
                ("headers-too-large", S::REQUEST_HEADER_FIELDS_TOO_LARGE, Caller, "The header fields are too large")
            }
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", S::UNSUPPORTED_MEDIA_TYPE, Caller, "The media type is not supported")
            }
            Self::NotCached => ("not-cached", S::GATEWAY_TIMEOUT, Caller, "No stored answer fits the request"),
            Self::RequestTimeout => ("request-timeout", S::REQUEST_TIMEOUT, Caller, "The body did not arrive in time"),
            Self::RateLimited(_) => ("rate-limited", S::TOO_MANY_REQUESTS, Caller, "The rate limit is reached"),
            Self::UpstreamQuotaExhausted(_) => {
                ("upstream-quota-exhausted", S::SERVICE_UNAVAILABLE, Gateway, "The budget toward Passport is used up")
            }
            Self::Overloaded => ("overloaded", S::SERVICE_UNAVAILABLE, Gateway, "Too many requests are in flight"),
            Self::IdempotencyKeyMissing => ("idempotency-key-missing", S::BAD_REQUEST, Caller, "An idempotency key is required"),
            Self::IdempotencyInFlight => ("idempotency-in-flight", S::CONFLICT, Caller, "A request with this key is under way"),
            Self::IdempotencyMismatch => {
                ("idempotency-mismatch", S::UNPROCESSABLE_ENTITY, Caller, "The key was used for another request")
            }
            Self::IdempotencyUnavailable => {
                ("idempotency-unavailable", S::SERVICE_UNAVAILABLE, Gateway, "Idempotency keys cannot be honoured")
            }
            Self::AuditUnavailable => ("audit-unavailable", S::SERVICE_UNAVAILABLE, Gateway, "The write cannot be recorded"),
            Self::OutcomeUnknown(_) => ("outcome-unknown", S::CONFLICT, Upstream, "The outcome of the write is unknown"),
            Self::UpstreamTokenUnavailable(_) => {
                ("upstream-token-unavailable", S::SERVICE_UNAVAILABLE, Upstream, "No token for Passport is available")
            }
            Self::JwksUnavailable => ("jwks-unavailable", S::SERVICE_UNAVAILABLE, Gateway, "The issuer's keys are not available"),
            Self::UpstreamCredentialRejected => {
                ("upstream-credential-rejected", S::BAD_GATEWAY, Gateway, "Passport rejects the tenant's credential")
            }
            Self::UpstreamScopeMissing(_) => {
                ("upstream-scope-missing", S::BAD_GATEWAY, Gateway, "The tenant's credential lacks a scope at Passport")
            }
            Self::UpstreamUnreachable(_) => ("upstream-unreachable", S::BAD_GATEWAY, Upstream, "Passport could not be reached"),
            Self::UpstreamInvalidResponse => {
                ("upstream-invalid-response", S::BAD_GATEWAY, Upstream, "Passport's answer is not valid")
            }
            Self::UpstreamUnavailable(_) => {
                ("upstream-unavailable", S::SERVICE_UNAVAILABLE, Upstream, "Passport is failing; calls are paused")
            }
            Self::DeadlineExceeded(_) => ("deadline-exceeded", S::GATEWAY_TIMEOUT, Upstream, "Passport did not answer in time"),
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR, Gateway, "The gateway failed"),
        };
        Kind { name, status, title, blame }
    }

    /// The level at which it is logged.
    #[must_use]
    pub fn level(&self) -> Level {
        match (self, self.kind().blame) {
            (Self::Internal, _) => Level::ERROR,
            (_, Blame::Caller) => Level::INFO,
            (_, Blame::Gateway | Blame::Upstream) => Level::WARN,
        }
    }

    /// When the caller may come again, if it is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyFailures(wait)
            | Self::RateLimited(wait)
            | Self::UpstreamQuotaExhausted(wait)
            | Self::UpstreamTokenUnavailable(wait)
            | Self::UpstreamUnavailable(wait) => Some(*wait),
            Self::Overloaded
            | Self::IdempotencyInFlight
            | Self::IdempotencyUnavailable
            | Self::AuditUnavailable
            | Self::JwksUnavailable => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// Whether any byte of the request can have left for the upstream in a way that leaves its outcome open.
    ///
    /// Every variant is named: whether a payment may be sent again depends on it, so a new one must be thought about.
    #[must_use]
    pub fn sent(&self) -> Sent {
        match self {
            Self::UpstreamUnreachable(sent) | Self::DeadlineExceeded(sent) => *sent,
            Self::UpstreamInvalidResponse | Self::OutcomeUnknown(_) | Self::Internal => Sent::Something,
            // Refused before the upstream was asked.
            Self::MissingCredential
            | Self::InvalidCredential(_)
            | Self::AmbiguousCredential
            | Self::UnknownTenant
            | Self::InsufficientScope(_)
            | Self::TooManyFailures(_)
            | Self::UnknownOperation
            | Self::OperationUnavailable
            | Self::MethodNotAllowed(_)
            | Self::MalformedRequest(_)
            | Self::InvalidRequest(_)
            | Self::BodyTooLarge
            | Self::TargetTooLong
            | Self::HeadersTooLarge
            | Self::UnsupportedMediaType
            | Self::RequestTimeout
            | Self::RateLimited(_)
            | Self::UpstreamQuotaExhausted(_)
            | Self::Overloaded
            | Self::NotCached
            | Self::IdempotencyKeyMissing
            | Self::IdempotencyInFlight
            | Self::IdempotencyMismatch
            | Self::IdempotencyUnavailable
            | Self::AuditUnavailable
            | Self::JwksUnavailable
            | Self::UpstreamUnavailable(_)
            // Not asked, or refused by Passport with a 401 before it did anything.
            | Self::UpstreamTokenUnavailable(_)
            | Self::UpstreamCredentialRejected
            | Self::UpstreamScopeMissing(_) => Sent::Nothing,
        }
    }

    /// Whether the bytes that follow on the connection cannot be trusted to be a request (RFC 9112 §11.2).
    #[must_use]
    pub fn ends_connection(&self) -> bool {
        matches!(self, Self::MalformedRequest(_))
    }

    /// Writes the header fields that belong to it: the challenge (RFC 6750 §3), `Allow`, `Retry-After`.
    pub fn write_fields(&self, fields: &mut HeaderMap) {
        if let Some(challenge) = self.challenge() {
            fields.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Self::MethodNotAllowed(allow) = self {
            fields.insert(header::ALLOW, allow.clone());
        }
        if let Some(wait) = self.retry_after() {
            fields.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
    }

    fn challenge(&self) -> Option<HeaderValue> {
        const REALM: &str = r#"Bearer realm="passport-gateway""#;
        match self {
            Self::MissingCredential => Some(HeaderValue::from_static(REALM)),
            Self::InvalidCredential(_) => {
                Some(HeaderValue::from_static(r#"Bearer realm="passport-gateway", error="invalid_token""#))
            }
            Self::AmbiguousCredential => {
                Some(HeaderValue::from_static(r#"Bearer realm="passport-gateway", error="invalid_request""#))
            }
            Self::InsufficientScope(scope) => {
                HeaderValue::from_str(&format!(r#"{REALM}, error="insufficient_scope", scope="{scope}""#)).ok()
            }
            _ => None,
        }
    }
}

/// A wait in whole seconds, rounded up and never zero, as `Retry-After` and `RateLimit` tell it.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
