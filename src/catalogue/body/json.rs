//! JSON read strictly: what two parsers could read as two different documents is refused (RFC 8259 §4, §8.1; RFC 7493).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::element::{Element, Member};
use super::path::Path;
use crate::catalogue::violation::{Location, Report, Violation};

mod numbers;

/// The deepest nesting of arrays and objects.
const MAX_DEPTH: usize = 32;

/// Reads a document, files every safety violation, and lets it be looked at; gives `None` if it cannot be read. One in which a member
/// stands twice, or a text holds NUL (which ends it for some readers), is refused, but still shown, so that its other faults can be
/// told at once.
///
/// The document is for looking at only: a number beyond what a double holds exactly is not kept exactly, and need not be, since the
/// bytes are what is forwarded.
pub(super) fn read<T>(bytes: &[u8], report: &mut Report, look: impl FnOnce(&Element<'_>, &mut Report) -> T) -> Option<T> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with('\u{feff}') => return refuse(report, "begins with a byte order mark"),
        Ok(text) => text,
        Err(_) => return refuse(report, "is not UTF-8"),
    };
    let bounded;
    let read = match document(text) {
        Err(error) if is_out_of_range(&error) => {
            bounded = numbers::bounded(text);
            document(&bounded)
        }
        read => read,
    };
    let (document, flaws) = match read {
        Ok(read) => read,
        Err(error) if error.is_data() => return refuse(report, TOO_DEEP),
        Err(error) => {
            return refuse(report, format!("is not well-formed JSON at line {}, column {}", error.line(), error.column()));
        }
    };
    for flaw in flaws {
        report.add(flaw);
    }
    Some(look(&document, report))
}

/// The one document that a text is, and what is unsafe about it though it can be read.
fn document(text: &str) -> serde_json::Result<(Element<'_>, Vec<Violation>)> {
    let mut flaws = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document = Reader { depth: 0, path: &Path::Root, flaws: &mut flaws }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((document, flaws))
}

/// Whether all that is wrong so far is a number that a double cannot hold. The library tells it in words alone.
fn is_out_of_range(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("number out of range")
}

const TOO_DEEP: &str = "is nested too deeply";
const NUL: &str = "has a NUL character";

fn refuse<T>(report: &mut Report, detail: impl Into<Cow<'static, str>>) -> Option<T> {
    report.add(Violation::safety(Location::Body, "", detail));
    None
}

fn has_nul(text: &str) -> bool {
    memchr(0, text.as_bytes()).is_some()
}

/// Reads one value and collects what is unsafe anywhere in it.
struct Reader<'r> {
    depth: usize,
    path: &'r Path<'r>,
    flaws: &'r mut Vec<Violation>,
}

impl Reader<'_> {
    fn descend<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth < MAX_DEPTH { Ok(self.depth + 1) } else { Err(E::custom(TOO_DEEP)) }
    }

    fn flawed(&mut self, path: &Path<'_>, detail: &'static str) {
        if self.flaws.len() < Report::LIMIT {
            self.flaws.push(Violation::safety(Location::Body, &path.to_string(), detail));
        }
    }

    fn text(mut self, text: Cow<'_, str>) -> Element<'_> {
        if has_nul(&text) {
            self.flawed(self.path, NUL);
        }
        Element::Text(text)
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Element<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Element<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Element<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Element<'de>, E> {
        Ok(Element::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Element<'de>, E> {
        Ok(Element::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Element<'de>, E> {
        Ok(Element::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Element<'de>, E> {
        Ok(Number::from_f64(value).map_or(Element::Null, Element::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Element<'de>, E> {
        Ok(self.text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Element<'de>, E> {
        Ok(self.text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Element<'de>, E> {
        Ok(Element::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Element<'de>, A::Error> {
        let depth = self.descend()?;
        let mut array = Vec::new();
        loop {
            let path = Path::Item(self.path, array.len());
            match items.next_element_seed(Reader { depth, path: &path, flaws: self.flaws })? {
                Some(item) => array.push(item),
                None => return Ok(Element::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Element<'de>, A::Error> {
        let depth = self.descend()?;
        let mut object = Members::default();
        while let Some(name) = members.next_key_seed(Name)? {
            let path = Path::Member(self.path, &name);
            let value = members.next_value_seed(Reader { depth, path: &path, flaws: self.flaws })?;
            if has_nul(&name) {
                self.flawed(&path, NUL);
            }
            let place = object.place(&name);
            if place.is_some() {
                self.flawed(&path, "stands more than once");
            }
            object.put(place, Member { name, value });
        }
        Ok(Element::Object(object.members))
    }
}

/// Reads the name of a member.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// So many members are faster passed over than looked up.
const FEW: usize = 16;

/// The members of an object, as far as it was read.
#[derive(Default)]
struct Members<'t> {
    members: Vec<Member<'t>>,
    /// Where each stands, once they are more than few: a caller may send a hundred thousand, whose names it chooses, so that they are
    /// hashed by a keyed function.
    places: HashMap<Cow<'t, str>, usize>,
}

impl<'t> Members<'t> {
    /// Where the member of this name stands.
    fn place(&self, name: &str) -> Option<usize> {
        if self.members.len() <= FEW {
            self.members.iter().position(|member| member.name == name)
        } else {
            self.places.get(name).copied()
        }
    }

    /// Puts a member into this place, or behind the others.
    fn put(&mut self, place: Option<usize>, member: Member<'t>) {
        if let Some(place) = place {
            self.members[place] = member;
            return;
        }
        if self.members.is_empty() {
            self.members.reserve(FEW / 2);
        }
        self.members.push(member);
        let unplaced = match self.members.len() {
            count if count <= FEW => return,
            count if count == FEW + 1 => 0,
            count => count - 1,
        };
        self.places.extend((unplaced..).zip(&self.members[unplaced..]).map(|(at, member)| (member.name.clone(), at)));
    }
}
