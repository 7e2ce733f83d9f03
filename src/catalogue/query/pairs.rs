//! A query read once, strictly, into pairs.
//!
//! Reading follows the form encoding of the URL standard (`+` is a space), because that is how servers read a query; whatever they
//! read differently from one another is refused.

use std::borrow::Cow;
use std::cmp::Ordering;

use memchr::memchr;

use super::bytes::Text;
use super::names::{Name, Names, Place};
use crate::catalogue::violation::{Location, Report, Violation};

/// The most parameters a query may have.
const MAX_PARAMETERS: usize = 100;
/// As many as most lists are asked for with.
const TYPICAL: usize = 8;
/// The most bytes a query may have.
const MAX_BYTES: usize = 8 * 1024;

/// Pairs ordered by name; no name is empty, and in an unambiguous query each stands once.
#[derive(Default)]
pub(super) struct Pairs<'q> {
    list: Vec<Pair<'q>>,
    /// The bits of their places: what has none of these is absent.
    present: u64,
    unambiguous: bool,
}

/// A parameter as it was meant. What needs no decoding is borrowed.
pub(super) struct Pair<'q> {
    pub(super) place: Place,
    pub(super) name: Cow<'q, str>,
    pub(super) value: Cow<'q, str>,
    /// The pair as it was sent, if that is known to be its canonical form, as for nearly all it is.
    pub(super) canonical: Option<&'q str>,
}

impl<'q> Pairs<'q> {
    /// Reads a query and files every safety violation; what can be read is kept for other rules to judge, too.
    pub(super) fn parse(raw: &'q str, names: &Names, report: &mut Report) -> Self {
        if raw.len() > MAX_BYTES {
            report.add(unsafe_query("", "the query is too long"));
            return Self::default();
        }
        // Not inline, where it would be moved with every stage; none is allocated where there is no query.
        let room = if raw.is_empty() { 0 } else { TYPICAL };
        let mut read = Self { list: Vec::with_capacity(room), present: 0, unambiguous: true };
        for (at, piece) in Pieces(raw).enumerate() {
            if at == MAX_PARAMETERS {
                report.add(unsafe_query("", "the query has too many parameters"));
                return Self::default();
            }
            match piece.read(names) {
                Ok(pair) => {
                    read.present |= pair.place.bit();
                    read.list.push(pair);
                }
                Err(violation) => {
                    report.add(violation);
                    read.unambiguous = false;
                }
            }
        }
        read.list.sort_by(Pair::compare_names);
        read.unambiguous &= !read.report_repeated(report);
        read
    }

    /// Whether every reader reads these pairs, and no others.
    pub(super) fn is_unambiguous(&self) -> bool {
        self.unambiguous
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pair<'q>> {
        self.list.iter()
    }

    pub(super) fn value(&self, name: &Name) -> Option<&str> {
        if self.present & name.place.bit() == 0 {
            return None;
        }
        let at = self.list.binary_search_by(|pair| name.compared_to_this(pair.place, &pair.name)).ok()?;
        Some(&self.list[at].value)
    }

    fn report_repeated(&self, report: &mut Report) -> bool {
        let same = |one: &Pair<'_>, other: &Pair<'_>| one.compare_names(other).is_eq();
        let mut repeated = false;
        for group in self.list.chunk_by(same).filter(|group| group.len() > 1) {
            report.add(unsafe_query(&group[0].name, "stands more than once"));
            repeated = true;
        }
        repeated
    }
}

impl Pair<'_> {
    fn compare_names(&self, other: &Self) -> Ordering {
        self.place.compare(&self.name, other.place, &other.name)
    }
}

/// What stands between ampersands in what is left of a query. An empty piece, as in `a=1&&b=2`, is no pair to any reader.
struct Pieces<'q>(&'q str);

/// A pair as it was sent.
struct Piece<'q> {
    whole: &'q str,
    name: &'q str,
    value: Option<Text<'q>>,
}

impl<'q> Iterator for Pieces<'q> {
    type Item = Piece<'q>;

    fn next(&mut self) -> Option<Piece<'q>> {
        self.0 = self.0.trim_start_matches('&');
        if self.0.is_empty() {
            return None;
        }
        let piece = Piece::first_of(self.0);
        self.0 = &self.0[piece.whole.len()..];
        Some(piece)
    }
}

impl<'q> Piece<'q> {
    fn first_of(raw: &'q str) -> Self {
        let whole = &raw[..memchr(b'&', raw.as_bytes()).unwrap_or(raw.len())];
        match memchr(b'=', whole.as_bytes()) {
            Some(equals) => Self { whole, name: &whole[..equals], value: Some(Text::of(&whole[equals + 1..])) },
            None => Self { whole, name: whole, value: None },
        }
    }

    fn read(self, names: &Names) -> Result<Pair<'q>, Violation> {
        match (names.canonical(self.name), self.value) {
            (Some(place), Some(value)) if value.is_canonical() => {
                Ok(Pair { place, name: self.name.into(), value: value.raw().into(), canonical: Some(self.whole) })
            }
            _ => self.decode(names),
        }
    }

    fn decode(self, names: &Names) -> Result<Pair<'q>, Violation> {
        let name = Text::of(self.name).decode().map_err(|detail| unsafe_query("", format!("a parameter's name {detail}")))?;
        if name.is_empty() {
            return Err(unsafe_query("", "a parameter has no name"));
        }
        match self.value.map_or(Ok(Cow::Borrowed("")), Text::decode) {
            Ok(value) => Ok(Pair { place: names.place(&name), name, value, canonical: None }),
            Err(detail) => Err(unsafe_query(&name, detail)),
        }
    }
}

fn unsafe_query(name: &str, detail: impl Into<Cow<'static, str>>) -> Violation {
    Violation::safety(Location::Query, name, detail)
}
