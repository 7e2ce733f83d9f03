//! JSON read strictly: what two parsers could read as two different documents is refused (RFC 8259 §4, §8.1; RFC 7493).

use std::fmt;

use memchr::memchr;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::catalogue::violation::{Location, Report, Violation};

mod numbers;

/// The deepest nesting of arrays and objects.
const MAX_DEPTH: usize = 32;

/// Reads a document and files every safety violation; gives `None` if it cannot be read. One in which a member stands twice, or a
/// text holds NUL (which ends it for some readers), is refused, but still given, so that its other faults can be told at once.
///
/// The value is for looking at only: a number beyond what a double holds exactly is not kept exactly, and need not be, since the
/// bytes are what is forwarded.
pub(super) fn read(bytes: &[u8], report: &mut Report) -> Option<Value> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with('\u{feff}') => return refuse(report, "begins with a byte order mark"),
        Ok(text) => text,
        Err(_) => return refuse(report, "is not UTF-8"),
    };
    let read = match document(text) {
        Err(error) if is_out_of_range(&error) => document(&numbers::bounded(text)),
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
    Some(document)
}

/// The one document that a text is, and what is unsafe about it though it can be read.
fn document(text: &str) -> serde_json::Result<(Value, Vec<Violation>)> {
    let mut flaws = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let document = Element { depth: 0, path: &Path::Root, flaws: &mut flaws }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((document, flaws))
}

/// Whether all that is wrong so far is a number that a double cannot hold. The library tells it in words alone.
fn is_out_of_range(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("number out of range")
}

const TOO_DEEP: &str = "is nested too deeply";
const NUL: &str = "has a NUL character";

fn refuse(report: &mut Report, detail: impl Into<std::borrow::Cow<'static, str>>) -> Option<Value> {
    report.add(Violation::safety(Location::Body, "", detail));
    None
}

fn has_nul(text: &str) -> bool {
    memchr(0, text.as_bytes()).is_some()
}

/// Where the reader stands, for naming a member given twice; built on the way down, spelled out only for a fault.
enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, at) => write!(f, "{parent}[{at}]"),
        }
    }
}

/// Reads one value and collects what is unsafe anywhere in it.
struct Element<'r> {
    depth: usize,
    path: &'r Path<'r>,
    flaws: &'r mut Vec<Violation>,
}

impl Element<'_> {
    fn descend<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth < MAX_DEPTH { Ok(self.depth + 1) } else { Err(E::custom(TOO_DEEP)) }
    }

    fn flawed(&mut self, path: &Path<'_>, detail: &'static str) {
        if self.flaws.len() < Report::LIMIT {
            self.flaws.push(Violation::safety(Location::Body, &path.to_string(), detail));
        }
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(mut self, value: &str) -> Result<Value, E> {
        if has_nul(value) {
            self.flawed(self.path, NUL);
        }
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.descend()?;
        let mut array = Vec::new();
        loop {
            let path = Path::Item(self.path, array.len());
            match items.next_element_seed(Element { depth, path: &path, flaws: self.flaws })? {
                Some(item) => array.push(item),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let depth = self.descend()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let path = Path::Member(self.path, &name);
            let value = members.next_value_seed(Element { depth, path: &path, flaws: self.flaws })?;
            if has_nul(&name) {
                self.flawed(&path, NUL);
            }
            match object.entry(name) {
                Entry::Vacant(member) => _ = member.insert(value),
                Entry::Occupied(mut member) => {
                    self.flawed(&Path::Member(self.path, member.key()), "stands more than once");
                    member.insert(value);
                }
            }
        }
        Ok(Value::Object(object))
    }
}
