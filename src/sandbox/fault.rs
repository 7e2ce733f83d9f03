//! A fault: what goes wrong, where, and how often.

use std::fmt;
use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use self::kind::{FAULTS, Kind};
use super::routes::{GRANT, OPERATIONS};

mod kind;

/// Which requests a fault is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
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
    /// A fault for every matching request until it is cleared.
    ///
    /// `on` is `all` (but not the token endpoint), `token` (the token endpoint), an operation's label such as
    /// `GET /v1/payments/{payment_id}`, or the beginning of a path, such as `/v1/payments`.
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
        let kind = Kind::from_members(&members)?;
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
    members.remove(name).map(serde_json::from_value).transpose().map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> FaultError {
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
                for member in members {
                    json[*member] = all[*member].clone();
                }
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
