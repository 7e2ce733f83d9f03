//! A fault: what goes wrong, where, and how often.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::routes::{GRANT, OPERATIONS};

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

/// Which requests a fault is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every request but those to the token endpoint: `all`.
    All,
    /// The token endpoint: `token`.
    Token,
    /// One operation, by its label: `GET /v1/payments/{payment_id}`.
    Route(String),
    /// Every path that begins so: `/v1/payments`.
    Path(String),
}

/// A fault to be injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(crate) on: Target,
    pub(crate) kind: Kind,
    pub(crate) times: Option<u32>,
    pub(crate) every: NonZeroU32,
    pub(crate) performed: bool,
}

/// Why a fault is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// The description has an unknown, missing or mistyped member.
    #[error("not a fault: {0}")]
    Malformed(String),
    /// No operation has this label.
    #[error("`{0}` is no operation; write `all`, `token`, a path prefix, or a label such as `GET /v1/payments`")]
    UnknownOperation(String),
    /// It could only ever happen at the token endpoint.
    #[error("this fault is the token endpoint's: set `on` to `token`")]
    TokenOnly,
    /// The name or value is no HTTP header.
    #[error("the name or the value is no HTTP header")]
    NotAHeader,
    /// There are too many already.
    #[error("there are too many faults; clear some")]
    TooMany,
}

impl Fault {
    /// A fault for every matching request until it is cleared. `on` is written as in [`Target`].
    #[must_use]
    pub fn new(on: &str, kind: Kind) -> Self {
        let performed = kind.performed();
        Self { on: Target::parse(on), kind, times: None, every: NonZeroU32::MIN, performed }
    }

    /// Happens this many times, then is gone.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Happens to every n-th matching request only.
    #[must_use]
    pub fn every(self, every: NonZeroU32) -> Self {
        Self { every, ..self }
    }

    /// Says whether the operation is carried out all the same: a 500 after a payment was made, or a reset before it.
    #[must_use]
    pub fn performed(self, performed: bool) -> Self {
        Self { performed, ..self }
    }

    /// Reads `{"on": …, "fault": …, "times"?, "every"?, "performed"?, …}`.
    ///
    /// # Errors
    ///
    /// If a member is unknown, missing or mistyped.
    pub fn from_json(json: Value) -> Result<Self, FaultError> {
        let Value::Object(mut members) = json else { return Err(FaultError::Malformed("a JSON object is expected".to_owned())) };
        let on: String = member(&mut members, "on")?.ok_or_else(|| FaultError::Malformed("missing field `on`".to_owned()))?;
        let (times, every) = (member(&mut members, "times")?, member(&mut members, "every")?);
        let performed = member(&mut members, "performed")?;
        let kind = Kind::from_members(members)?;
        let fault = Self::new(&on, kind);
        Ok(Self { times, every: every.unwrap_or(fault.every), performed: performed.unwrap_or(fault.performed), ..fault })
    }

    /// The form that [`from_json`](Self::from_json) reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = self.kind.to_json();
        json["on"] = self.on.to_string().into();
        json["every"] = self.every.get().into();
        json["performed"] = self.performed.into();
        if let Some(times) = self.times {
            json["times"] = times.into();
        }
        json
    }

    /// Finds what can be known to be wrong before it happens.
    pub(crate) fn check(&self) -> Result<(), FaultError> {
        match (&self.on, &self.kind) {
            (Target::Route(label), _) if OPERATIONS.iter().all(|operation| operation.label != label) => {
                Err(FaultError::UnknownOperation(label.clone()))
            }
            (on, Kind::MissingAccessToken | Kind::ExpiresIn { .. }) if !on.matches(GRANT, grant_path()) => {
                Err(FaultError::TokenOnly)
            }
            (_, Kind::Header { name, value }) if header(name, value).is_none() => Err(FaultError::NotAHeader),
            _ => Ok(()),
        }
    }
}

impl Kind {
    /// Its name in [`FAULTS`].
    pub(crate) fn name(&self) -> String {
        self.to_json()["fault"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether the operation is carried out unless the fault says otherwise.
    fn performed(&self) -> bool {
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

    fn from_members(members: Map<String, Value>) -> Result<Self, FaultError> {
        let kind: Self = serde_json::from_value(Value::Object(members.clone())).map_err(malformed)?;
        let known = kind.to_json();
        match members.keys().find(|name| known.get(name).is_none()) {
            Some(unknown) => Err(FaultError::Malformed(format!("unknown field `{unknown}`"))),
            None => Ok(kind),
        }
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a kind is a plain object")
    }
}

impl Target {
    fn parse(text: &str) -> Self {
        match text {
            "all" => Self::All,
            "token" => Self::Token,
            path if path.starts_with('/') => Self::Path(path.to_owned()),
            label => Self::Route(label.to_owned()),
        }
    }

    /// Whether a request is meant.
    pub(crate) fn matches(&self, label: &str, path: &str) -> bool {
        match self {
            Self::All => label != GRANT,
            Self::Token => label == GRANT,
            Self::Route(wanted) => wanted == label,
            Self::Path(prefix) => path.starts_with(prefix.as_str()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Token => "token",
            Self::Route(text) | Self::Path(text) => text,
        })
    }
}

/// The header a fault adds, if it is one.
pub(crate) fn header(name: &str, value: &str) -> Option<(http::HeaderName, http::HeaderValue)> {
    Some((name.parse().ok()?, value.parse().ok()?))
}

fn grant_path() -> &'static str {
    GRANT.trim_start_matches("POST ")
}

fn member<T: for<'de> Deserialize<'de>>(members: &mut Map<String, Value>, name: &str) -> Result<Option<T>, FaultError> {
    members.remove(name).map(serde_json::from_value).transpose().map_err(malformed)
}

fn malformed(error: serde_json::Error) -> FaultError {
    FaultError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_reads_what_it_writes() {
        let written = json!({"on": "GET /v1/payments", "fault": "rate_limited", "retry_after": 7, "times": 2, "every": 3, "performed": true});

        let fault = Fault::from_json(written.clone()).unwrap();

        assert_eq!(fault.to_json(), written);
        assert_eq!(fault.check(), Ok(()));
    }

    #[test]
    fn every_fault_of_the_table_can_be_injected() {
        for (name, _) in FAULTS {
            let all = json!({"delay_ms": 1, "name": "x-a", "value": "b", "code": "C", "retry_after": 1});
            let needed = |members: &[&str]| {
                let mut json = json!({"on": "/v1", "fault": name});
                members.iter().for_each(|member| json[*member] = all[*member].clone());
                Fault::from_json(json)
            };
            let tries = [&[][..], &["delay_ms"], &["name", "value"], &["code"], &["value"]];

            let fault = tries.iter().find_map(|members| needed(members).ok());

            assert_eq!(fault.map(|fault| (fault.kind.name(), fault.check())), Some(((*name).to_owned(), Ok(()))), "{name}");
        }
    }

    #[test]
    fn what_is_unknown_missing_or_mistyped_is_refused() {
        for bad in [
            json!([]),
            json!({"fault": "hang"}),
            json!({"on": "all"}),
            json!({"on": "all", "fault": "earthquake"}),
            json!({"on": "all", "fault": "hang", "time": 3}),
            json!({"on": "all", "fault": "hang", "every": 0}),
            json!({"on": "all", "fault": "latency", "delay_ms": "long"}),
        ] {
            assert!(matches!(Fault::from_json(bad.clone()), Err(FaultError::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn a_fault_that_could_never_happen_is_refused() {
        assert!(matches!(Fault::new("GET /v1/paiments", Kind::Hang).check(), Err(FaultError::UnknownOperation(_))));
        assert_eq!(Fault::new("all", Kind::MissingAccessToken).check(), Err(FaultError::TokenOnly));
        let header = Kind::Header { name: "a b".to_owned(), value: String::new() };
        assert_eq!(Fault::new("all", header).check(), Err(FaultError::NotAHeader));
    }
}
