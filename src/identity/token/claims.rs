//! The claims of a token, each read as exactly what RFC 7519 §4.1 says it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::identity::invalid;
use crate::identity::members::Members;
use crate::refusal::Refusal;
use crate::scope::Grant;

/// How far the issuer's clock and ours may differ.
const SKEW: Duration = Duration::from_mins(1);

/// What a token claims.
#[derive(Debug)]
pub(crate) struct Claims(Members);

/// From when to when a token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    not_before: Option<SystemTime>,
    /// The end, without allowance for skew.
    pub(crate) expires: SystemTime,
}

impl Claims {
    pub(super) fn new(members: Members) -> Self {
        Self(members)
    }

    /// A claim that is a string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.text(name)
    }

    /// Whether the token is meant for one of these audiences.
    pub(crate) fn is_for(&self, audiences: &[String]) -> bool {
        let accepted = |name: &Value| name.as_str().is_some_and(|name| audiences.iter().any(|audience| audience == name));
        match self.0.get("aud") {
            Some(Value::Array(names)) => names.iter().all(Value::is_string) && names.iter().any(accepted),
            Some(name) => accepted(name),
            None => false,
        }
    }

    /// From when to when the token holds.
    ///
    /// # Errors
    ///
    /// It has no end, or a time is no number.
    pub(crate) fn validity(&self) -> Result<Validity, Refusal> {
        self.time("iat")?;
        let expires = self.time("exp")?.ok_or_else(|| invalid("The token has no `exp`."))?;
        Ok(Validity { not_before: self.time("nbf")?, expires })
    }

    /// What the token's scopes grant; scopes of others, which our catalogue cannot know, grant nothing.
    ///
    /// # Errors
    ///
    /// The claim is no list of scopes.
    pub(crate) fn grants(&self) -> Result<Vec<Grant>, Refusal> {
        let malformed = || invalid("The token's scopes are malformed.");
        match (self.0.get("scope"), self.0.get("scp")) {
            (Some(Value::String(scopes)), _) | (None, Some(Value::String(scopes))) => Ok(grants(scopes.split(' '))),
            (None, Some(Value::Array(scopes))) => {
                let scopes: Option<Vec<_>> = scopes.iter().map(Value::as_str).collect();
                Ok(grants(scopes.ok_or_else(malformed)?.into_iter()))
            }
            (None, None) => Ok(Vec::new()),
            _ => Err(malformed()),
        }
    }

    /// A claim that is a time, in seconds and perhaps fractions since the epoch (RFC 7519 §2, `NumericDate`).
    fn time(&self, name: &str) -> Result<Option<SystemTime>, Refusal> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let since = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let time = since.and_then(|since| UNIX_EPOCH.checked_add(since));
        time.map(Some).ok_or_else(|| invalid("A time in the token is not valid."))
    }
}

impl Validity {
    /// Whether the token holds at `wall`, give or take the skew of two clocks.
    ///
    /// # Errors
    ///
    /// It has ended or not begun.
    pub(crate) fn check(&self, wall: SystemTime) -> Result<(), Refusal> {
        if self.expires.checked_add(SKEW).is_some_and(|expires| wall >= expires) {
            return Err(invalid("The token has expired."));
        }
        if self.not_before.is_some_and(|not_before| not_before > wall + SKEW) {
            return Err(invalid("The token is not valid yet."));
        }
        Ok(())
    }
}

fn grants<'a>(scopes: impl Iterator<Item = &'a str>) -> Vec<Grant> {
    scopes.filter_map(|scope| scope.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        Claims(Members::parse(json.as_bytes()).unwrap())
    }

    fn grants(json: &str) -> Result<Vec<String>, Refusal> {
        claims(json).grants().map(|grants| grants.iter().map(Grant::to_string).collect())
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_audience_is_matched_exactly_alone_or_in_a_list() {
        let ours = ["gateway".to_owned(), "payments".to_owned()];

        for json in [r#"{"aud": "gateway"}"#, r#"{"aud": ["other", "payments"]}"#] {
            assert!(claims(json).is_for(&ours), "{json}");
        }
        for json in ["{}", r#"{"aud": "gateway2"}"#, r#"{"aud": []}"#, r#"{"aud": null}"#, r#"{"aud": ["gateway", 1]}"#] {
            assert!(!claims(json).is_for(&ours), "{json}");
        }
    }

    #[test]
    fn scopes_come_as_a_string_or_a_list_and_foreign_ones_grant_nothing() {
        let both = vec!["paas.core.accounts.get".to_owned(), "iam.mfa.*".to_owned()];

        assert_eq!(grants(r#"{"scope": "paas.core.accounts.get iam.mfa.* https://example.test/x *"}"#), Ok(both.clone()));
        assert_eq!(grants(r#"{"scp": "paas.core.accounts.get iam.mfa.*"}"#), Ok(both.clone()));
        assert_eq!(grants(r#"{"scp": ["paas.core.accounts.get", "iam.mfa.*", "User.Read"]}"#), Ok(both));
        assert_eq!(grants("{}"), Ok(vec![]));
    }

    #[test]
    fn scopes_that_are_no_list_are_refused() {
        for json in [r#"{"scope": 1}"#, r#"{"scope": ["a.b"]}"#, r#"{"scope": null, "scp": "a.b"}"#, r#"{"scp": [1]}"#] {
            assert!(grants(json).is_err(), "{json}");
        }
    }

    #[test]
    fn times_are_numbers_and_the_end_is_required() {
        assert_eq!(claims(r#"{"exp": 1000}"#).validity(), Ok(Validity { not_before: None, expires: at(1000) }));
        assert_eq!(claims(r#"{"exp": 1.5e3, "nbf": 10}"#).validity().unwrap().not_before, Some(at(10)));
        for json in [
            "{}",
            r#"{"exp": "1000"}"#,
            r#"{"exp": null}"#,
            r#"{"exp": -1}"#,
            r#"{"exp": 1e300}"#,
            r#"{"exp": true}"#,
            r#"{"exp": 1000, "nbf": "10"}"#,
            r#"{"exp": 1000, "iat": "10"}"#,
        ] {
            assert!(claims(json).validity().is_err(), "{json}");
        }
    }

    #[test]
    fn a_minute_of_skew_is_allowed_at_both_ends() {
        let validity = Validity { not_before: Some(at(1000)), expires: at(2000) };

        assert!(validity.check(at(939)).is_err());
        assert!(validity.check(at(940)).is_ok());
        assert!(validity.check(at(2059)).is_ok());
        assert!(validity.check(at(2060)).is_err());
    }
}
