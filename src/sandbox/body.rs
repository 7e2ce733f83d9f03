//! JSON request bodies, and the documented rules on their members.

use serde_json::Value;

use super::error::ApiError;
use super::money::Amount;

/// A rule on one member of a body.
pub(crate) struct Rule {
    pointer: &'static str,
    required: bool,
    check: Check,
}

/// What a member's value must be. All are strings: Passport writes even numbers and money as strings.
pub(crate) enum Check {
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// This many characters, counted as Unicode scalar values.
    Characters(usize, usize),
    /// Exactly this many ASCII digits.
    Digits(usize),
    /// An E.164 number of at most 15 digits, its `+` optional.
    Phone,
    /// A decimal above zero.
    Positive,
}

/// A member that must be there.
pub(crate) const fn required(pointer: &'static str, check: Check) -> Rule {
    Rule { pointer, required: true, check }
}

/// A member that may be left out.
pub(crate) const fn optional(pointer: &'static str, check: Check) -> Rule {
    Rule { pointer, required: false, check }
}

/// Reads a body and holds it to `rules`; the error names every member at fault.
pub(crate) fn parse(bytes: &[u8], resource: &'static str, rules: &[Rule]) -> Result<Value, ApiError> {
    let body: Value = serde_json::from_slice(bytes).map_err(|_| ApiError::bad_request(resource, "The body is not JSON"))?;
    if !body.is_object() {
        return Err(ApiError::bad_request(resource, "The body is not a JSON object"));
    }
    let faults: Vec<_> = rules.iter().filter(|rule| !rule.holds(&body)).map(Rule::name).collect();
    if faults.is_empty() {
        Ok(body)
    } else {
        Err(ApiError::bad_request(resource, format!("Missing or invalid: {}", faults.join(", "))))
    }
}

/// The string at `pointer`, or nothing; for members a rule has checked or that are optional.
pub(crate) fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer).and_then(Value::as_str)
}

/// The string at `pointer`, owned; empty if it is not there.
pub(crate) fn owned(body: &Value, pointer: &str) -> String {
    text(body, pointer).unwrap_or_default().to_owned()
}

impl Rule {
    fn holds(&self, body: &Value) -> bool {
        match body.pointer(self.pointer) {
            None | Some(Value::Null) => !self.required,
            Some(Value::String(value)) => self.check.accepts(value),
            Some(_) => false,
        }
    }

    fn name(&self) -> String {
        self.pointer.trim_start_matches('/').replace('/', ".")
    }
}

impl Check {
    fn accepts(&self, value: &str) -> bool {
        match self {
            Self::OneOf(words) => words.contains(&value),
            Self::Characters(least, most) => (*least..=*most).contains(&value.chars().count()),
            Self::Digits(count) => value.len() == *count && value.bytes().all(|b| b.is_ascii_digit()),
            Self::Phone => {
                let digits = value.strip_prefix('+').unwrap_or(value);
                (2..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
            }
            Self::Positive => value.parse::<Amount>().is_ok_and(|amount| !amount.is_zero()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[Rule] = &[
        required("/name", Check::Characters(1, 4)),
        required("/amount/value", Check::Positive),
        optional("/kind", Check::OneOf(&["A", "B"])),
    ];

    #[test]
    fn a_body_that_keeps_every_rule_is_given_back() {
        let body = parse(br#"{"name":"\u00d1and","amount":{"value":"1.50"},"other":1}"#, "thing", RULES).unwrap();
        assert_eq!(text(&body, "/name"), Some("Ñand"));
    }

    #[test]
    fn every_member_at_fault_is_named() {
        let error = parse(br#"{"name":"","amount":{"value":5},"kind":"C"}"#, "thing", RULES).unwrap_err();
        assert_eq!(error.message, "Missing or invalid: name, amount.value, kind");
    }

    #[test]
    fn what_is_no_json_object_is_a_bad_request() {
        for body in ["", "{", "[]", "\"text\""] {
            assert!(parse(body.as_bytes(), "thing", &[]).is_err(), "{body}");
        }
    }

    #[test]
    fn a_phone_may_lack_its_plus_but_not_exceed_fifteen_digits() {
        for (phone, accepted) in
            [("+573402977997", true), ("573402977997", true), ("+1234567890123456", false), ("0573", false), ("+", false)]
        {
            assert_eq!(Check::Phone.accepts(phone), accepted, "{phone}");
        }
    }

    #[test]
    fn zero_is_not_a_positive_amount() {
        assert!(!Check::Positive.accepts("0.00"));
        assert!(Check::Positive.accepts("0.01"));
    }
}
