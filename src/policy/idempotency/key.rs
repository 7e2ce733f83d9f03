//! The key of a write, as its caller sends it (draft-ietf-httpapi-idempotency-key-header-07 §2.1).

use http::HeaderMap;

use crate::fields::IDEMPOTENCY_KEY;

/// The most characters of a key.
const LONGEST: usize = 255;

const TWICE: &str = "`Idempotency-Key` was sent more than once.";
const SHAPE: &str = "`Idempotency-Key` is not one key of 1 to 255 visible characters, bare or as a quoted string.";

/// A key: 1 to 255 visible characters of ASCII. It may be personal and does not print.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    /// The key among these fields, if there is one.
    ///
    /// # Errors
    ///
    /// There are two, or what is there is no key.
    pub(super) fn of(fields: &HeaderMap) -> Result<Option<Self>, &'static str> {
        let mut values = fields.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(TWICE);
        }
        value.to_str().ok().and_then(Self::parse).map(Some).ok_or(SHAPE)
    }

    /// Reads a bare key, or a string of RFC 9651 §3.3.3 without parameters: both are the same key.
    ///
    /// A comma or a semicolon in a bare key would make it a list or give it parameters, so it is refused, as is a stray quote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches([' ', '\t']);
        let key = match text.strip_prefix('"') {
            Some(rest) => unquoted(rest)?,
            None if text.contains(['"', ',', ';', '\\']) => return None,
            None => text.to_owned(),
        };
        let legal = (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        legal.then_some(Self(key))
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(redacted)")
    }
}

/// What a quoted string holds, from after its first quote.
fn unquoted(text: &str) -> Option<String> {
    let mut key = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(key),
            '\\' => key.push(characters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            character => key.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn key(value: &str) -> Option<String> {
        Key::parse(value).map(|key| key.0)
    }

    #[test]
    fn a_bare_key_and_a_quoted_one_are_the_same() {
        assert_eq!(key("8e03978e-40d5-43dd-bc93-6894a57f9324"), key("\"8e03978e-40d5-43dd-bc93-6894a57f9324\""));
        assert_eq!(key("abc").as_deref(), Some("abc"));
        assert_eq!(key(r#""a\"b\\c""#).as_deref(), Some(r#"a"b\c"#));
        assert_eq!(key("\"a,b;c\"").as_deref(), Some("a,b;c"));
        assert_eq!(key(&"k".repeat(255)).map(|key| key.len()), Some(255));
    }

    #[test]
    fn whatever_is_no_single_key_is_refused() {
        let long = "k".repeat(256);
        for value in [
            "",
            "\"\"",
            "a b",
            "\"a b\"",
            "\"a",
            "a\"",
            "\"a\"b",
            "\"a\", \"b\"",
            "a, b",
            "a;p=1",
            "\"a\";p=1",
            r#""\a""#,
            "á",
            &long,
        ] {
            assert_eq!(key(value), None, "{value}");
        }
    }

    #[test]
    fn two_fields_are_refused_even_if_they_agree() {
        let mut fields = HeaderMap::new();
        assert!(Key::of(&fields).is_ok_and(|key| key.is_none()));

        fields.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        assert!(Key::of(&fields).is_ok_and(|key| key.is_some()));

        fields.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        assert_eq!(Key::of(&fields), Err(TWICE));
    }

    proptest! {
        #[test]
        fn every_key_of_visible_characters_has_one_quoted_form(text in "[!-~]{1,255}") {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));

            prop_assert_eq!(key(&quoted), Some(text.clone()));
            prop_assert!(key(&text).is_none_or(|bare| bare == text));
        }

        #[test]
        fn no_value_makes_a_key_that_is_none(text in ".{0,300}") {
            if let Some(key) = key(&text) {
                prop_assert!((1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
