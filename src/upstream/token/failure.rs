//! Why a request for a token brought none: a closed set, each with its metric label and how soon to try again.

use std::time::Duration;

use http::StatusCode;

/// Why there is no new token. Holds nothing of the answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Client id or secret could not be read, or were empty.
    #[error("client id or secret cannot be read")]
    SecretUnreadable,
    /// There was no connection to the token endpoint.
    #[error("the token endpoint cannot be reached")]
    Unreachable,
    /// The whole answer was not there in time.
    #[error("the token endpoint did not answer in time")]
    Timeout,
    /// The connection broke, or the answer was not valid HTTP.
    #[error("the token endpoint's answer is not valid HTTP, or was cut short")]
    Invalid,
    /// The answer was longer than any token answer.
    #[error("the token endpoint's answer is too long")]
    TooLarge,
    /// The endpoint refused the credential (RFC 6749 §5.2, and 403).
    #[error("the token endpoint rejects the credential with status {0}")]
    Rejected(StatusCode),
    /// The endpoint pointed elsewhere; secrets do not follow.
    #[error("the token endpoint redirects, which is not followed")]
    Redirected,
    /// The endpoint asked for patience, for so long if it said so.
    #[error("the token endpoint is asked too often")]
    Throttled(Option<Duration>),
    /// Any other status that is no success.
    #[error("the token endpoint answered with status {0}")]
    Status(StatusCode),
    /// A success without a body.
    #[error("the token endpoint's answer is empty")]
    Empty,
    /// The body was not a JSON object.
    #[error("the token endpoint's answer is not a JSON object")]
    NotJson,
    /// There was no `access_token`, or it was no text.
    #[error("the token endpoint's answer has no access_token")]
    NoToken,
    /// The token could not stand in a header field, or was too long for one.
    #[error("the token is no legal header value, or too long")]
    IllegalToken,
    /// The token was of another type than Bearer.
    #[error("the token is not of type Bearer")]
    NotBearer,
    /// `expires_in` was no number of seconds that a token may live.
    #[error("expires_in is not a credible number of seconds")]
    IllegalLifetime,
    /// A defect of the gateway.
    #[error("the request for a token failed inside the gateway")]
    Internal,
}

impl Failure {
    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SecretUnreadable => "secret_unreadable",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::Rejected(_) => "rejected",
            Self::Redirected => "redirected",
            Self::Throttled(_) => "throttled",
            Self::Status(_) => "status",
            Self::Empty => "empty",
            Self::NotJson => "not_json",
            Self::NoToken => "no_token",
            Self::IllegalToken => "illegal_token",
            Self::NotBearer => "not_bearer",
            Self::IllegalLifetime => "illegal_lifetime",
            Self::Internal => "internal",
        }
    }

    /// Whether the credential itself was refused: asking again with the same one is of little use.
    #[must_use]
    pub const fn is_rejection(self) -> bool {
        matches!(self, Self::Rejected(_))
    }
}
