//! The line a fault is about, as far as it may be shown: a secret must not be, wherever it was mistakenly written.

use std::ops::Range;

use crate::fault::{Fault, SourceId};

/// The sections whose values are no secrets, if they stand where they should.
const OPEN: [&str; 13] = [
    "server",
    "admin",
    "lifecycle",
    "passport",
    "issuers",
    "local",
    "tenants",
    "validation",
    "cache",
    "retry",
    "breaker",
    "operations",
    "telemetry",
];

/// A line up to the end of what the fault is about; the strings of other keys before that are blanked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    /// The bytes of the text that the fault is about.
    pub(super) marked: Range<usize>,
}

impl Excerpt {
    /// The excerpt for a fault about these bytes of a line, if the line may be shown.
    pub(super) fn of(fault: &Fault, line: &str, marked: Range<usize>) -> Option<Self> {
        let end = marked.end.min(line.len());
        let (before, rest) = line.split_at_checked(marked.start)?;
        let about = rest.get(..end.checked_sub(marked.start)?)?;
        if about.is_empty() || !may_be_shown(fault, about) {
            return None;
        }
        // In an inline table other keys stand before this one, of which nobody knows what they hold.
        let before = if before.contains('{') { blanked(before) } else { before.to_owned() };
        let marked = before.len()..before.len() + about.len();
        // What closes a table's header is neither secret nor worth hiding.
        let closing = &rest[about.len()..];
        let closing = if closing.trim().chars().all(|c| c == ']') { closing } else { "" };
        Some(Self { text: before + about + closing, marked })
    }
}

fn may_be_shown(fault: &Fault, about: &str) -> bool {
    let section = fault.key.split(['.', '[']).next().unwrap_or_default();
    let open = fault.source == SourceId::Catalogue || OPEN.contains(&section);
    // A syntax fault has no key: what stands there might be anything. An address with an `@` might hold a password.
    open && !about.contains('@')
}

/// The text with what stands in quotes made unreadable, one `*` for each character.
fn blanked(text: &str) -> String {
    let mut open = None;
    let blank = |c: char| match open {
        None if matches!(c, '"' | '\'') => {
            open = Some(c);
            c
        }
        Some(quote) if quote == c => {
            open = None;
            c
        }
        Some(_) => '*',
        None => c,
    };
    text.chars().map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(key: &str, line: &str, about: &str) -> Option<String> {
        let start = line.find(about).unwrap();
        let fault = Fault::error(key, "is wrong", "mend it");
        Excerpt::of(&fault, line, start..start + about.len()).map(|excerpt| excerpt.text)
    }

    #[test]
    fn a_value_of_an_open_section_is_shown() {
        assert_eq!(shown("server.workers", "workers = \"x\"  # two", "\"x\"").as_deref(), Some("workers = \"x\""));
        assert_eq!(shown("server", "[server]", "server").as_deref(), Some("[server]"));
    }

    #[test]
    fn what_follows_an_unknown_key_is_not_shown() {
        assert_eq!(
            shown("tenants.acme.client_scret", "client_scret = \"hunter2\"", "client_scret").as_deref(),
            Some("client_scret")
        );
    }

    #[test]
    fn items_before_the_fault_are_shown() {
        assert_eq!(
            shown("tenants.acme.scopes[1]", "scopes = [\"a.b\", \"*\"]", "\"*\"").as_deref(),
            Some("scopes = [\"a.b\", \"*\"]")
        );
    }

    #[test]
    fn strings_of_other_keys_are_blanked() {
        let line = "acme = { scret = \"hunter2\", other = 'hunter2', rate = 3 }";

        assert_eq!(
            shown("tenants.acme.rate", line, "3").as_deref(),
            Some("acme = { scret = \"*******\", other = '*******', rate = 3")
        );
    }

    #[test]
    fn sections_of_secrets_unknown_sections_and_broken_syntax_are_not_shown() {
        for key in ["credentials.acme.client_secret", "api_keys[0].sha256", "crdentials", "control.token", ""] {
            assert_eq!(shown(key, "client_secret = \"hunter2\"", "\"hunter2\""), None, "{key}");
        }
        assert_eq!(shown("passport.proxy", "proxy = \"http://me:hunter2@proxy\"", "\"http://me:hunter2@proxy\""), None);
    }
}
