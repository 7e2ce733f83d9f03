//! The kinds of faults: everything that can go wrong between a client and Passport.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FaultError;

/// Every kind of fault with one line about it, for `--help` and the documentation.
pub const FAULTS: &[(&str, &str)] = &[
    ("latency", "answers `delay_ms` later; adds up with other faults"),
    ("header", "adds the header `name: value` to the answer; adds up with other faults"),
    ("server_error", "500 with Passport's error body"),
    ("rate_limited", "429, with `Retry-After: <retry_after>` if given"),
    ("bad_gateway", "502, with `Retry-After: <retry_after>` if given"),
    ("unavailable", "503, with `Retry-After: <retry_after>` if given"),
    ("forbidden", "403, as if the caller lacked the permission"),
    ("token_refused", "401 though the token is good"),
    ("payment_rejected", "the payment is rejected with `code`: HTTP 200 and status REJECTED"),
    ("reset_before_body", "resets the connection before the request's body was read"),
    ("reset_after_body", "reads the body, carries the operation out, then resets the connection"),
    ("truncated", "announces the whole answer, sends half of it, then closes"),
    ("stalled", "sends half of the answer, then nothing more"),
    ("hang", "never answers"),
    ("garbage", "answers with bytes that are no HTTP"),
    ("html", "200 with an HTML page in place of JSON"),
    ("empty", "200 without a body"),
    ("missing_access_token", "token endpoint: an answer without `access_token`"),
    ("expires_in", "token endpoint: `expires_in` is `value`, whatever JSON that is; null leaves it out"),
];

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Kind {
    /// The answer comes later.
    Latency {
        /// By this many milliseconds.
        delay_ms: u64,
    },
    /// The answer has one more header.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// 500.
    ServerError,
    /// 429.
    RateLimited {
        /// `Retry-After` in seconds.
        retry_after: Option<u64>,
    },
    /// 502.
    BadGateway {
        /// `Retry-After` in seconds.
        retry_after: Option<u64>,
    },
    /// 503.
    Unavailable {
        /// `Retry-After` in seconds.
        retry_after: Option<u64>,
    },
    /// 403.
    Forbidden,
    /// 401, whatever the token.
    TokenRefused,
    /// A payment is rejected by the other side.
    PaymentRejected {
        /// The `error_code` it is rejected with.
        code: String,
    },
    /// The connection is reset, the request's body unread.
    ResetBeforeBody,
    /// The connection is reset once the request's body was read.
    ResetAfterBody,
    /// Half of the answer, then the end of the connection.
    Truncated,
    /// Half of the answer, then nothing.
    Stalled,
    /// No answer, ever.
    Hang,
    /// An answer that is no HTTP.
    Garbage,
    /// An HTML page.
    Html,
    /// 200 and nothing else.
    Empty,
    /// A token answer without its token.
    MissingAccessToken,
    /// A token answer with another `expires_in`.
    ExpiresIn {
        /// In place of the number; null leaves it out.
        value: Value,
    },
}

impl Kind {
    /// Its name in [`FAULTS`].
    pub(crate) fn name(&self) -> String {
        self.to_json()["fault"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether the operation is carried out unless the fault says otherwise.
    pub(super) fn performed(&self) -> bool {
        !matches!(
            self,
            Self::ServerError
                | Self::RateLimited { .. }
                | Self::BadGateway { .. }
                | Self::Unavailable { .. }
                | Self::Forbidden
                | Self::TokenRefused
                | Self::ResetBeforeBody
                | Self::Hang
                | Self::Garbage
                | Self::Html
                | Self::Empty
        )
    }

    /// Reads `{"fault": name, …}` and refuses what the fault does not know.
    pub(super) fn from_members(members: &Map<String, Value>) -> Result<Self, FaultError> {
        let kind: Self =
            serde_json::from_value(Value::Object(members.clone())).map_err(|error| FaultError::Malformed(error.to_string()))?;
        let known = kind.to_json();
        match members.keys().find(|name| known.get(name).is_none()) {
            Some(unknown) => Err(FaultError::Malformed(format!("unknown field `{unknown}`"))),
            None => Ok(kind),
        }
    }

    /// The form that [`from_members`](Self::from_members) reads.
    pub(super) fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a kind is a plain object")
    }
}
