//! A query read once, strictly, and written back in one form.
//!
//! Reading follows the form encoding of the URL standard (`+` is a space), because that is how servers read a query; whatever they
//! read differently from one another is refused. Two queries have one canonical form exactly when they hold the same pairs.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use smallvec::SmallVec;

use crate::catalogue::violation::{Location, Report, Violation};

/// The most parameters a query may have.
const MAX_PARAMETERS: usize = 100;
/// The most bytes a query may have.
const MAX_BYTES: usize = 8 * 1024;

/// What is written as `%XX`: everything but the unreserved characters of RFC 3986 §2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A query in its one form: parameters ordered by name, one encoding. It may hold personal data and does not print.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalQuery(Box<str>);

impl CanonicalQuery {
    /// The query as it is forwarded, and as it stands in cache keys; without a `?`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for CanonicalQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalQuery({} bytes redacted)", self.0.len())
    }
}

/// A name and its value.
type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

/// Decoded pairs ordered by name; no name is empty, and in an unambiguous query each stands once. What needs no decoding is borrowed.
#[derive(Default)]
pub(super) struct Pairs<'q> {
    list: SmallVec<[Pair<'q>; 12]>,
    unambiguous: bool,
    /// Whether names and values hold unreserved characters alone, as nearly all do: they need no encoding.
    plain: bool,
}

impl<'q> Pairs<'q> {
    /// Reads a query and files every safety violation; what can be read is kept for other rules to judge, too.
    pub(super) fn parse(raw: &'q str, report: &mut Report) -> Self {
        if raw.len() > MAX_BYTES {
            report.add(unsafe_query("", "the query is too long"));
            return Self::default();
        }
        let is_plain = all(raw, |byte| is_unreserved(byte) | matches!(byte, b'&' | b'='));
        let mut read = Self { list: SmallVec::new(), unambiguous: true, plain: false };
        // An empty piece, as in `a=1&&b=2`, is no pair to any reader.
        for (at, piece) in raw.split('&').filter(|piece| !piece.is_empty()).enumerate() {
            if at == MAX_PARAMETERS {
                report.add(unsafe_query("", "the query has too many parameters"));
                return Self::default();
            }
            match pair(piece, is_plain) {
                Ok(pair) => read.list.push(pair),
                Err(violation) => {
                    report.add(violation);
                    read.unambiguous = false;
                }
            }
        }
        if !read.list.is_sorted_by(|(a, _), (b, _)| a <= b) {
            read.list.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        read.unambiguous &= !read.report_repeated(report);
        // A second `=` in a pair is part of its value, and reserved.
        read.plain = is_plain && !read.list.iter().any(|(_, value)| value.bytes().any(|byte| byte == b'='));
        read
    }

    /// Whether every reader reads these pairs, and no others.
    pub(super) fn is_unambiguous(&self) -> bool {
        self.unambiguous
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let at = self.list.binary_search_by(|(own, _)| (**own).cmp(name)).ok()?;
        Some(&self.list[at].1)
    }

    /// The value of the parameter whose name is the stem and this ending.
    pub(super) fn value_of(&self, stem: &str, ending: &str) -> Option<&str> {
        self.iter().find(|(name, _)| name.strip_prefix(stem) == Some(ending)).map(|(_, value)| value)
    }

    /// The pairs in their one form. A parameter without a value is written with its `=`.
    pub(super) fn canonical(&self) -> CanonicalQuery {
        let mut text = String::with_capacity(self.iter().map(|(name, value)| name.len() + value.len() + 2).sum());
        for (name, value) in self.iter() {
            if !text.is_empty() {
                text.push('&');
            }
            self.write(&mut text, name);
            text.push('=');
            self.write(&mut text, value);
        }
        CanonicalQuery(text.into())
    }

    /// Writes a name or a value, encoded where it must be.
    fn write(&self, query: &mut String, text: &str) {
        if self.plain || all(text, is_unreserved) {
            query.push_str(text);
        } else {
            query.extend(utf8_percent_encode(text, RESERVED));
        }
    }

    fn report_repeated(&self, report: &mut Report) -> bool {
        let mut repeated = false;
        for group in self.list.chunk_by(|(a, _), (b, _)| a == b).filter(|group| group.len() > 1) {
            report.add(unsafe_query(&group[0].0, "stands more than once"));
            repeated = true;
        }
        repeated
    }
}

/// Reads one pair; in a `plain` query nothing of it is encoded.
fn pair(piece: &str, plain: bool) -> Result<Pair<'_>, Violation> {
    let (raw_name, raw_value) = piece.split_once('=').unwrap_or((piece, ""));
    if plain && !raw_name.is_empty() {
        return Ok((Cow::Borrowed(raw_name), Cow::Borrowed(raw_value)));
    }
    let name = decode(raw_name).map_err(|detail| unsafe_query("", format!("a parameter's name {detail}")))?;
    if name.is_empty() {
        return Err(unsafe_query("", "a parameter has no name"));
    }
    match decode(raw_value) {
        Ok(value) => Ok((name, value)),
        Err(detail) => Err(unsafe_query(&name, detail)),
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Undoes form encoding; the error says what cannot be read.
fn decode(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if all(text, |byte| matches!(byte, b' '..=b'$' | b'&'..=b'*' | b','..=b'~')) {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => rest.next().zip(rest.next()).and_then(|(high, low)| hex(high, low)).ok_or("has a broken percent-encoding")?,
            plain => plain,
        });
    }
    let decoded = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    if decoded.chars().any(char::is_control) { Err("has a control character") } else { Ok(Cow::Owned(decoded)) }
}

/// Whether each byte is such. All are looked at, even after one that is not: that lets the compiler look at many at once.
fn all(text: &str, is_such: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, byte| all & is_such(byte))
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

fn unsafe_query(name: &str, detail: impl Into<std::borrow::Cow<'static, str>>) -> Violation {
    Violation::safety(Location::Query, name, detail)
}
