//! A request's query string, decoded.

use std::borrow::Cow;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::error::ApiError;
use super::moment::Timestamp;

/// The parameters, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=1&b=2`; malformed UTF-8 is a bad request.
    pub(crate) fn parse(raw: &str) -> Result<Self, ApiError> {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        let parameters = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        parameters.collect::<Result<_, _>>().map(Self)
    }

    /// The value of `name`; an empty one counts as absent, a repeated one by its first.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of `name` as a number that `accepts`.
    pub(crate) fn number<N: FromStr>(&self, name: &str, accepts: impl Fn(&N) -> bool) -> Result<Option<N>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().ok().filter(accepts).map(Some).ok_or_else(|| invalid(name))
    }

    /// The timestamp in `<name>.seconds` and `<name>.nanos` (S0: years 0001 to 9999; nanos alone say nothing).
    pub(crate) fn timestamp(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let (seconds_name, nanos_name) = (format!("{name}.seconds"), format!("{name}.nanos"));
        let seconds = self.number(&seconds_name, |s: &i64| (-62_135_596_800..=253_402_300_799).contains(s))?;
        let nanos = self.number(&nanos_name, |n: &u32| *n <= 999_999_999)?;
        match (seconds, nanos) {
            (Some(seconds), nanos) => Ok(Some(Timestamp::from_parts(seconds, nanos.unwrap_or(0)))),
            (None, Some(_)) => Err(invalid(&nanos_name)),
            (None, None) => Ok(None),
        }
    }
}

/// The error for a parameter whose value is not accepted.
pub(crate) fn invalid(name: &str) -> ApiError {
    ApiError::bad_request("query", format!("Invalid value: {name}"))
}

fn decode(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned);
    decoded.map_err(|_| ApiError::bad_request("query", "Malformed query string"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(raw: &str) -> Result<Option<Timestamp>, ApiError> {
        Query::parse(raw).unwrap().timestamp("t")
    }

    #[test]
    fn names_and_values_are_decoded() {
        let query = Query::parse("sender_name=Caf%C3%A9+Uno&a%5Fb=1%2B1&empty=&bare").unwrap();

        assert_eq!(query.text("sender_name"), Some("Café Uno"));
        assert_eq!(query.text("a_b"), Some("1+1"));
        assert_eq!((query.text("empty"), query.text("bare"), query.text("other")), (None, None, None));
    }

    #[test]
    fn what_is_not_utf_8_is_a_bad_request() {
        assert!(Query::parse("a=%FF").is_err());
    }

    #[test]
    fn a_timestamp_has_seconds_and_perhaps_nanos_within_their_ranges() {
        assert_eq!(timestamp("t.seconds=5&t.nanos=7"), Ok(Some(Timestamp::from_parts(5, 7))));
        assert_eq!(timestamp("t.seconds=-62135596800"), Ok(Some(Timestamp::from_parts(-62_135_596_800, 0))));
        assert_eq!(timestamp("other=1"), Ok(None));
        for bad in
            ["t.seconds=253402300800", "t.seconds=x", "t.seconds=1&t.nanos=1000000000", "t.seconds=1&t.nanos=-1", "t.nanos=1"]
        {
            assert!(timestamp(bad).is_err(), "{bad}");
        }
    }
}
