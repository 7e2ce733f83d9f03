//! The one form in which a query is forwarded and cached: two queries have one exactly when they hold the same pairs.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::pairs::{Pair, Pairs};

/// What is written as `%XX`: everything but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A query that can be read in one way alone, to be written in its one form: parameters ordered by name, one encoding. It may hold
/// personal data and does not print.
#[derive(Default)]
pub struct CanonicalQuery<'q>(Pairs<'q>);

impl<'q> CanonicalQuery<'q> {
    /// Takes unambiguous pairs.
    pub(super) fn of(pairs: Pairs<'q>) -> Self {
        Self(pairs)
    }

    /// Whether there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().next().is_none()
    }

    /// The query as it is forwarded, and as it stands in cache keys; without a `?`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text);
        text
    }

    /// Appends the query, in its one form.
    pub fn write_to(&self, target: &mut String) {
        for (at, pair) in self.0.iter().enumerate() {
            if at > 0 {
                target.push('&');
            }
            pair.write_to(target);
        }
    }
}

impl Pair<'_> {
    /// Appends the pair; one without a value is written with its `=`.
    fn write_to(&self, target: &mut String) {
        if let Some(canonical) = self.canonical {
            target.push_str(canonical);
        } else {
            target.extend(utf8_percent_encode(&self.name, RESERVED));
            target.push('=');
            target.extend(utf8_percent_encode(&self.value, RESERVED));
        }
    }
}

impl fmt::Debug for CanonicalQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalQuery({} parameters redacted)", self.0.iter().count())
    }
}
