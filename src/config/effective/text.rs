//! Values as TOML text.

use std::fmt::Write as _;
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::de::DeValue;

/// A basic string with what TOML does not allow in one escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A list on one line.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

/// A table on one line, its values already written.
pub(super) fn inline<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, String)>) -> String {
    let entries: Vec<String> = entries.into_iter().map(|(name, value)| format!("{} = {value}", key(name.as_ref()))).collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// A share of one as a percentage.
pub(super) fn percent(share: f64) -> String {
    // Six decimals hide what binary fractions add: 7 % is not 7.000000000000001 %.
    let digits = format!("{:.6}", share * 100.0);
    format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// An instant as RFC 3339 writes it; nothing for one that has no such form.
pub(super) fn date(instant: SystemTime) -> Option<String> {
    OffsetDateTime::from(instant).format(&Rfc3339).ok()
}

/// A value of a file, on one line.
pub(in crate::config) fn value(node: &DeValue<'_>) -> String {
    match node {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::Array(items) => list(items.iter().map(|item| value(item.get_ref()))),
        DeValue::Table(entries) => inline(entries.iter().map(|(key, entry)| (key.get_ref(), value(entry.get_ref())))),
    }
}

/// A key, in quotes if it needs them.
pub(super) fn key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare { key.to_owned() } else { quoted(key) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentages_are_written_as_people_do() {
        let written: Vec<String> = [0.5, 0.07, 0.125, 1.0, 0.0].into_iter().map(percent).collect();

        assert_eq!(written, ["50%", "7%", "12.5%", "100%", "0%"]);
    }

    #[test]
    fn a_value_reads_back_the_same() {
        let text = r#"{ a = [1, 0x1F, -2.5], "b c" = { d = true, e = 'x"y' }, f = 2026-11-21T00:00:00Z, g = {} }"#;

        let written = value(DeValue::parse(text).unwrap().get_ref());

        assert_eq!(written, value(DeValue::parse(&written).unwrap().get_ref()));
        assert_eq!(written, r#"{ a = [1, 0x1F, -2.5], "b c" = { d = true, e = "x\"y" }, f = 2026-11-21T00:00:00Z, g = {} }"#);
    }

    proptest! {
        #[test]
        fn any_text_reads_back_the_same(text in "\\PC*|[\\x00-\\x7f]*") {
            let written = quoted(&text);
            let read = DeValue::parse(&written).unwrap();

            prop_assert_eq!(read.get_ref().as_str(), Some(text.as_str()));
        }
    }
}
