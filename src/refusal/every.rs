//! One refusal of each kind, for whatever tells them all: documents and tests.

use std::time::Duration;

use http::HeaderValue;

use super::{Refusal, Sent, UnknownOutcome};

impl Refusal {
    /// One refusal of each kind. What varies within a kind is an example.
    #[must_use]
    pub fn every() -> Vec<Self> {
        let wait = Duration::from_millis(1500);
        let scope: crate::scope::Scope = "paas.core.accounts.get".parse().expect("this is a scope");
        vec![
            Self::MissingCredential,
            Self::InvalidCredential("The token has expired."),
            Self::AmbiguousCredential,
            Self::UnknownTenant,
            Self::InsufficientScope(scope.clone()),
            Self::TooManyFailures(wait),
            Self::UnknownOperation,
            Self::OperationUnavailable,
            Self::MethodNotAllowed(HeaderValue::from_static("GET, HEAD")),
            Self::MalformedRequest("The request has two hosts."),
            Self::InvalidRequest(Vec::new()),
            Self::BodyTooLarge,
            Self::TargetTooLong,
            Self::HeadersTooLarge,
            Self::UnsupportedMediaType,
            Self::NotCached,
            Self::RequestTimeout,
            Self::RateLimited(wait),
            Self::UpstreamQuotaExhausted(wait),
            Self::Overloaded,
            Self::IdempotencyKeyMissing,
            Self::IdempotencyInFlight,
            Self::IdempotencyMismatch,
            Self::IdempotencyUnavailable,
            Self::AuditUnavailable,
            Self::OutcomeUnknown(Box::new(UnknownOutcome {
                operation: "create_breb_payment".to_owned(),
                since: "2027-01-15T08:00:00Z".to_owned(),
                request_id: "1".to_owned(),
                look_up: None,
                status: None,
                happened: false,
            })),
            Self::UpstreamTokenUnavailable(wait),
            Self::JwksUnavailable,
            Self::UpstreamCredentialRejected,
            Self::UpstreamScopeMissing(scope),
            Self::UpstreamUnreachable(Sent::Nothing),
            Self::UpstreamInvalidResponse,
            Self::UpstreamUnavailable(wait),
            Self::DeadlineExceeded(Sent::Something),
            Self::Internal,
        ]
    }
}
