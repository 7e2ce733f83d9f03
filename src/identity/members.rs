//! JSON objects that have one meaning: a member named twice is refused (RFC 7515 §4, RFC 7519 §4).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// The members of one JSON object.
#[derive(Debug, Default)]
pub(super) struct Members(BTreeMap<String, Value>);

impl Members {
    /// Reads an object; none if the text is anything else, repeats a name or nests too deeply.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The member of this name; one that is `null` counts as there.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The member of this name, if it is a string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// The object as a JSON value.
    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Distinct)
    }
}

struct Distinct;

impl<'de> Visitor<'de> for Distinct {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object whose members have different names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is given twice"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read() {
        let members = Members::parse(br#"{"iss": "id", "exp": 1, "crit": null}"#).unwrap();

        assert_eq!(members.text("iss"), Some("id"));
        assert_eq!(members.text("exp"), None);
        assert_eq!(members.get("crit"), Some(&Value::Null));
        assert!(members.get("aud").is_none());
    }

    #[test]
    fn a_repeated_member_whatever_its_spelling_is_refused() {
        assert!(Members::parse(br#"{"iss": "good", "iss": "evil"}"#).is_none());
        assert!(Members::parse(br#"{"iss": "good", "\u0069ss": "evil"}"#).is_none());
    }

    #[test]
    fn what_is_no_object_or_nests_too_deeply_is_refused() {
        let deep = format!(r#"{{"a": {}{}}}"#, "[".repeat(4000), "]".repeat(4000));

        assert!(Members::parse(deep.as_bytes()).is_none());
        for other in ["", "[]", "1", "{} {}", r#"{"a": }"#, "\u{feff}{}"] {
            assert!(Members::parse(other.as_bytes()).is_none(), "{other}");
        }
    }
}
