//! A value being read: whoever asks for a kind it is not gets nothing, and a fault is recorded.

use toml::de::{DeTable, DeValue};

use super::{Context, Place};

/// A value of the file.
#[derive(Clone)]
pub(in crate::config) struct Value<'a> {
    place: Place,
    node: &'a DeValue<'a>,
    context: &'a Context<'a>,
}

impl<'a> Value<'a> {
    pub(super) fn new(place: Place, node: &'a DeValue<'a>, context: &'a Context<'a>) -> Self {
        Self { place, node, context }
    }

    pub(in crate::config) fn place(&self) -> &Place {
        &self.place
    }

    pub(in crate::config) fn context(&self) -> &'a Context<'a> {
        self.context
    }

    pub(in crate::config) fn node(&self) -> &'a DeValue<'a> {
        self.node
    }

    /// Records a fault about it. Always nothing, so that a reader may end with it.
    pub(in crate::config) fn fault<T>(&self, message: impl Into<String>, remedy: impl Into<String>) -> Option<T> {
        self.context.record(self.place.error(message, remedy));
        None
    }

    /// Records advice about it.
    pub(in crate::config) fn advise(&self, message: impl Into<String>, remedy: impl Into<String>) {
        self.context.record(self.place.warning(message, remedy));
    }

    /// Its text, which must not be empty.
    pub(in crate::config) fn text(&self) -> Option<&'a str> {
        self.text_such_as("a string", "\"…\"")
    }

    /// Its text, which is to be `kind`, written like `example`.
    pub(in crate::config) fn text_such_as(&self, kind: &str, example: &str) -> Option<&'a str> {
        match self.node {
            DeValue::String(text) if text.is_empty() => self.fault("is empty", format!("write {kind}, such as {example}")),
            DeValue::String(text) => Some(text),
            _ => self.mistyped(kind, example),
        }
    }

    /// Its truth value.
    pub(in crate::config) fn flag(&self) -> Option<bool> {
        match self.node {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.mistyped("a truth value", "true or false, without quotes"),
        }
    }

    /// Its whole number, however large.
    pub(in crate::config) fn number(&self) -> Option<i128> {
        match self.node {
            // Sixty-four bits and a sign; whoever asks for a number asks for much less.
            DeValue::Integer(number) => Some(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX)),
            _ => self.mistyped("a whole number", "100, without quotes"),
        }
    }

    /// Its items, each read by itself; faulty ones are left out.
    pub(in crate::config) fn list<T>(&self, mut read: impl FnMut(&Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let DeValue::Array(items) = self.node else {
            return self.mistyped("a list", "[\"…\"]");
        };
        let item = |(at, item): (usize, &'a toml::Spanned<DeValue<'a>>)| {
            let place = Place { key: format!("{}[{at}]", self.place.key), span: item.span() };
            read(&Value::new(place, item.get_ref(), self.context))
        };
        Some(items.iter().enumerate().filter_map(item).collect())
    }

    /// Whether it is a table.
    pub(in crate::config) fn is_table(&self) -> bool {
        self.node.is_table()
    }

    /// Whether it is a list without items.
    pub(in crate::config) fn is_empty_list(&self) -> bool {
        self.node.as_array().is_some_and(|items| items.is_empty())
    }

    /// Whether it is a string.
    pub(in crate::config) fn is_text(&self) -> bool {
        self.node.is_str()
    }

    pub(super) fn entries(&self) -> Option<&'a DeTable<'a>> {
        match self.node {
            DeValue::Table(entries) => Some(entries),
            _ => self.mistyped("a table", "{ … }, or a section of its own in brackets"),
        }
    }

    fn mistyped<T>(&self, kind: &str, example: &str) -> Option<T> {
        let found = match self.node.type_str() {
            "integer" => "an integer".to_owned(),
            "array" => "a list".to_owned(),
            other => format!("a {other}"),
        };
        self.fault(format!("is to be {kind}, but {found} was found"), format!("write {kind}, such as {example}"))
    }
}
