//! A document as it was read: texts stay where they stand in the body, and members in their order.
//!
//! Schemas judge it as it is: no text is copied but one with an escape, and no tree of names is built.

use std::borrow::Cow;
use std::slice;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object, cmp};
use jsonschema_value::LazyInstance;
use serde_json::{Number, Value};

/// A value of a document.
#[derive(Debug)]
pub(super) enum Element<'t> {
    Null,
    Flag(bool),
    Number(Number),
    Text(Cow<'t, str>),
    Array(Vec<Element<'t>>),
    Object(Vec<Member<'t>>),
}

/// A member of an object; there is one of a name.
#[derive(Debug)]
pub(super) struct Member<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) value: Element<'t>,
}

/// The validator's name for documents that are elements.
pub(super) struct Elements;

impl Json for Elements {
    type Node<'a> = &'a Element<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = ();

    // To look a member up is to pass over them: a schema's names times a body's members at most.
    const KEYS_PER_LOOKUP: usize = 8;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>((): &mut (), string: &str, look: impl FnOnce(Self::Node<'_>) -> T) -> T {
        look(&Element::Text(Cow::Borrowed(string)))
    }
}

impl<'a> Node<'a, Elements> for &'a Element<'a> {
    type Object = &'a [Member<'a>];
    type Array = &'a [Element<'a>];
    type Number = &'a Number;

    fn as_object(&self) -> Option<&'a [Member<'a>]> {
        if let Element::Object(members) = self { Some(members) } else { None }
    }

    fn as_array(&self) -> Option<&'a [Element<'a>]> {
        if let Element::Array(items) = self { Some(items) } else { None }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        if let Element::Text(text) = self { Some(Cow::Borrowed(text)) } else { None }
    }

    fn as_number(&self) -> Option<&'a Number> {
        if let Element::Number(number) = self { Some(number) } else { None }
    }

    fn as_boolean(&self) -> Option<bool> {
        if let Element::Flag(flag) = self { Some(*flag) } else { None }
    }

    fn is_null(&self) -> bool {
        matches!(self, Element::Null)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Element::Null => JsonType::Null,
            Element::Flag(_) => JsonType::Boolean,
            Element::Number(_) => JsonType::Number,
            Element::Text(_) => JsonType::String,
            Element::Array(_) => JsonType::Array,
            Element::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self, expected) {
            (Element::Null, Value::Null) => true,
            (Element::Flag(flag), Value::Bool(expected)) => flag == expected,
            (Element::Number(number), Value::Number(_)) => cmp::equal(&Value::Number(number.clone()), expected),
            (Element::Text(text), Value::String(expected)) => text == expected,
            (Element::Array(items), Value::Array(expected)) => {
                items.len() == expected.len() && items.iter().zip(expected).all(|(item, expected)| item.equals_value(expected))
            }
            (Element::Object(members), Value::Object(expected)) => {
                let equals = |member: &'a Member<'a>| {
                    expected.get(&*member.name).is_some_and(|expected| (&member.value).equals_value(expected))
                };
                members.len() == expected.len() && members.iter().all(equals)
            }
            _ => false,
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        let owned = |element: &Element<'_>| element.to_value().into_owned();
        Cow::Owned(match self {
            Element::Null => Value::Null,
            Element::Flag(flag) => Value::Bool(*flag),
            Element::Number(number) => Value::Number(number.clone()),
            Element::Text(text) => Value::String(text.clone().into_owned()),
            Element::Array(items) => items.iter().map(owned).collect(),
            Element::Object(members) => members.iter().map(|member| (member.name.clone(), owned(&member.value))).collect(),
        })
    }

    /// What errors hold of the body: nothing. They tell where a fault is and what was expected, and one body may have a great many
    /// of them at once, each of which would copy all that is below its place.
    fn lazy_value(&self) -> LazyInstance<'a> {
        LazyInstance::Ready(Cow::Owned(Value::Null))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Element<'_>>(self).addr()))
    }
}

impl<'a> Object<'a, Elements> for &'a [Member<'a>] {
    type Node = &'a Element<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        <[Member<'_>]>::len(self)
    }

    fn get(&self, key: &Box<str>) -> Option<&'a Element<'a>> {
        self.iter().find(|member| *member.name == **key).map(|member| &member.value)
    }

    fn members(&self) -> Members<'a> {
        Members(self.iter())
    }
}

/// Names and values, in the document's order.
pub(super) struct Members<'a>(slice::Iter<'a, Member<'a>>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a Element<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|member| (&*member.name, &member.value))
    }
}

impl<'a> Array<'a, Elements> for &'a [Element<'a>] {
    type Node = &'a Element<'a>;
    type ElementsIter = slice::Iter<'a, Element<'a>>;

    fn len(&self) -> usize {
        <[Element<'_>]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter()
    }
}
