//! A table being read: it knows its keys, and whatever else stands in it is a fault.

use std::ops::Range;

use toml::de::DeTable;

use super::{Context, Place, Value};
use crate::fault::Fault;
use crate::nearest::nearest;

/// A table of the file, or the lack of one.
#[derive(Clone)]
pub(in crate::config) struct Table<'a> {
    place: Place,
    entries: Option<&'a DeTable<'a>>,
    context: &'a Context<'a>,
}

impl<'a> Table<'a> {
    /// The file's root, which may hold only these keys.
    pub(in crate::config) fn root(entries: &'a DeTable<'a>, context: &'a Context<'a>, known: &[&str]) -> Self {
        let root = Self { place: Place { key: String::new(), span: 0..0 }, entries: Some(entries), context };
        root.refuse_unknown(known);
        root
    }

    /// A table that may hold only these keys.
    pub(in crate::config) fn open(value: &Value<'a>, known: &[&str]) -> Option<Self> {
        let table = Self::of_names(value)?;
        table.refuse_unknown(known);
        Some(table)
    }

    /// A table whose keys are names that the operator chooses.
    pub(in crate::config) fn of_names(value: &Value<'a>) -> Option<Self> {
        let entries = value.entries()?;
        Some(Self { place: value.place().clone(), entries: Some(entries), context: value.context() })
    }

    /// The table at this key, which may hold only these keys; an absent or faulty one is empty.
    pub(in crate::config) fn section(&self, key: &str, known: &[&str]) -> Self {
        self.read(key, |value| Self::open(value, known)).unwrap_or_else(|| self.lacking(key))
    }

    /// The table of names at this key; an absent or faulty one is empty.
    pub(in crate::config) fn names(&self, key: &str) -> Self {
        self.read(key, Self::of_names).unwrap_or_else(|| self.lacking(key))
    }

    /// The value at this key, if there is one.
    pub(in crate::config) fn value(&self, key: &str) -> Option<Value<'a>> {
        let (_, value) = self.entries?.get_key_value(key)?;
        Some(Value::new(Place { key: self.path(key), span: value.span() }, value.get_ref(), self.context))
    }

    /// What stands at this key; nothing if it is absent or faulty.
    pub(in crate::config) fn read<T>(&self, key: &str, read: impl FnOnce(&Value<'a>) -> Option<T>) -> Option<T> {
        self.value(key).and_then(|value| read(&value))
    }

    /// What stands at this key, or the default.
    pub(in crate::config) fn or<T>(&self, key: &str, default: T, read: impl FnOnce(&Value<'a>) -> Option<T>) -> T {
        self.read(key, read).unwrap_or(default)
    }

    /// What stands at this key; its absence is a fault.
    pub(in crate::config) fn required<T>(
        &self,
        key: &str,
        remedy: &str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.value(key) else {
            self.record(Fault::error(self.path(key), "is missing", remedy).at(self.place.span.clone()));
            return None;
        };
        read(&value)
    }

    /// Advises about keys that are legal, but without use where they stand.
    pub(in crate::config) fn advise_of_unused(&self, keys: &[&str], message: &str, remedy: &str) {
        for (key, span, _) in self.keys().filter(|(key, ..)| keys.contains(key)) {
            let message = format!("has no effect: {message}");
            self.record(Fault::warning(self.path(key), message, format!("{remedy}, or remove `{key}`")).at(span));
        }
    }

    /// Every name in it with its value, in the order of names.
    pub(in crate::config) fn named(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.keys().map(|(key, _, value)| (key, value))
    }

    /// Where a key stands, or would stand.
    pub(in crate::config) fn place(&self, key: &str) -> Place {
        let span = self.value(key).map_or_else(|| self.place.span.clone(), |value| value.place().span.clone());
        Place { key: self.path(key), span }
    }

    /// Where the table itself stands.
    pub(in crate::config) fn own_place(&self) -> &Place {
        &self.place
    }

    pub(in crate::config) fn record(&self, fault: Fault) {
        self.context.record(fault);
    }

    fn keys(&self) -> impl Iterator<Item = (&'a str, Range<usize>, Value<'a>)> {
        let (table, context) = (self.place.key.clone(), self.context);
        self.entries.into_iter().flatten().map(move |(key, value)| {
            let place = Place { key: dotted(&table, key.get_ref()), span: value.span() };
            (&**key.get_ref(), key.span(), Value::new(place, value.get_ref(), context))
        })
    }

    fn refuse_unknown(&self, known: &[&str]) {
        for (key, span, _) in self.keys().filter(|(key, ..)| !known.contains(key)) {
            let remedy = match nearest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("remove it; known here are {}", quoted(known)),
            };
            self.record(Fault::error(self.path(key), "is no key of the configuration", remedy).at(span));
        }
    }

    fn lacking(&self, key: &str) -> Self {
        Self { place: self.place(key), entries: None, context: self.context }
    }

    fn path(&self, key: &str) -> String {
        dotted(&self.place.key, key)
    }
}

/// Names in backticks, parted by commas.
pub(in crate::config) fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn dotted(table: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if table.is_empty() { key } else { format!("{table}.{key}") }
}
