//! Numbers beyond what a double holds: JSON allows them (RFC 8259 §6), so they are no reason to refuse what is forwarded as it came.

use serde_json::value::RawValue;

/// The text with each such number replaced by a great one that a double holds, in as many bytes; all else as it was.
pub(super) fn bounded(text: &str) -> String {
    let mut bounded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        bounded.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = if rest.starts_with('"') { string(rest) } else { number(rest) };
        let (token, following) = rest.split_at(end);
        if is_beyond(token) {
            bounded.push_str(&great(token));
        } else {
            bounded.push_str(token);
        }
        rest = following;
    }
    bounded + rest
}

/// Whether it is a number by JSON's grammar, and not one that a double holds.
fn is_beyond(token: &str) -> bool {
    token.parse().is_ok_and(f64::is_infinite) && serde_json::from_str::<&RawValue>(token).is_ok()
}

/// What a double cannot hold takes at least the five digits of `2e308`, so there is room for this.
fn great(token: &str) -> String {
    let sign = if token.starts_with('-') { "-" } else { "" };
    let width = token.len() - sign.len() - "9e".len();
    format!("{sign}9e{:0>width$}", 307)
}

/// Where the string at the beginning ends.
fn string(text: &str) -> usize {
    let mut escaped = true;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Where what may be a number at the beginning ends.
fn number(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'))).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_beyond_a_double_are_replaced_and_nothing_moves() {
        for (text, expected) in [
            (r#"{"a":1E400,"b":-2e308}"#, r#"{"a":9e307,"b":-9e307}"#),
            (r#"["1E400","\"1E400",1E40,"#, r#"["1E400","\"1E400",1E40,"#),
            ("[1.0e+0999]", "[9e0000307]"),
            (r#"{"1e999":0.1"#, r#"{"1e999":0.1"#),
            ("\"1e999", "\"1e999"),
        ] {
            assert_eq!(bounded(text), expected);
        }
    }

    #[test]
    fn what_is_no_number_of_json_does_not_become_one() {
        for text in ["01e999", "1.e999", "+1e999", ".1e999", "1e999e1", "1-1e999", "--1e999", "-"] {
            assert!(serde_json::from_str::<&RawValue>(&bounded(text)).is_err(), "{text}");
        }
    }
}
