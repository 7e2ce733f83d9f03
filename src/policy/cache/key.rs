//! What an answer is stored under: always the whole key, never a digest of it, and never shown to anyone.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};
use quick_cache::Equivalent;

use super::list::{members, text};
use crate::config::Identity;
use crate::fields::X_API_KEY;
use crate::stage::Validated;
use crate::tenant::TenantName;

/// Request fields that no answer can depend on, whatever its `Vary` says: Passport never sees a caller's credential, and the
/// tenant and Passport's own credential are in every key.
const NEVER_SELECT: [HeaderName; 4] = [header::AUTHORIZATION, header::COOKIE, header::HOST, X_API_KEY];

/// A key of its own, for a map. It knows identities, not places in a snapshot, so it outlives a reload; and what a reload gives
/// another meaning has another key, also for requests that are still judged by the old one.
#[derive(Clone)]
pub(super) struct Key {
    credential: Identity,
    tenant: TenantName,
    operation: Arc<str>,
    meaning: Identity,
    target: Box<str>,
    variant: Variant,
}

/// A key that is borrowed from a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyRef<'a> {
    credential: Identity,
    tenant: &'a str,
    operation: &'a str,
    meaning: Identity,
    target: &'a str,
    variant: &'a Variant,
}

/// Names of request fields and the values they had (RFC 9111 §4.1), in a form in which different values are never equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Variant(Box<[u8]>);

/// The request fields that select among an operation's answers to one target, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selectors(Arc<[HeaderName]>);

impl Key {
    /// The key of a request's answers.
    pub(super) fn of(request: &Validated, variant: Variant) -> Self {
        Self {
            credential: request.credential().1.identity,
            tenant: request.tenant().name.clone(),
            operation: Arc::clone(&request.operation().name),
            meaning: request.snapshot().meaning(request.operation_id()),
            target: request.target().as_str().into(),
            variant,
        }
    }

    /// The same key, to look up by.
    pub(super) fn as_ref(&self) -> KeyRef<'_> {
        KeyRef {
            credential: self.credential,
            tenant: self.tenant.as_str(),
            operation: &self.operation,
            meaning: self.meaning,
            target: &self.target,
            variant: &self.variant,
        }
    }

    /// The same key for another target.
    #[cfg(test)]
    pub(super) fn at(self, target: &str) -> Self {
        Self { target: target.into(), ..self }
    }

    /// Whether the answers belong to this tenant and operation; `None` is any.
    pub(super) fn belongs_to(&self, tenant: Option<&TenantName>, operation: Option<&str>) -> bool {
        tenant.is_none_or(|tenant| *tenant == self.tenant) && operation.is_none_or(|operation| *operation == *self.operation)
    }

    /// The bytes it takes beside the names, which configuration holds anyway.
    pub(super) fn len(&self) -> usize {
        self.target.len() + self.variant.0.len()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

impl<'a> KeyRef<'a> {
    /// The key of a request's answers, borrowed: a look-up allocates nothing.
    pub(super) fn of(request: &'a Validated, variant: &'a Variant) -> Self {
        Self {
            credential: request.credential().1.identity,
            tenant: request.tenant().name.as_str(),
            operation: &request.operation().name,
            meaning: request.snapshot().meaning(request.operation_id()),
            target: request.target().as_str(),
            variant,
        }
    }

    /// The same key for another variant.
    pub(super) fn with<'b>(self, variant: &'b Variant) -> KeyRef<'b>
    where
        'a: 'b,
    {
        KeyRef { variant, ..self }
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.as_ref()
    }
}

impl Variant {
    /// What a request holds in these fields. Lines are joined as RFC 9110 §5.3 allows; a value is otherwise left as it is.
    pub(super) fn of(selectors: &Selectors, request: &HeaderMap) -> Self {
        let mut bytes = Vec::new();
        for name in &*selectors.0 {
            bytes.extend_from_slice(name.as_str().as_bytes());
            // Neither NUL nor line feed can stand in a name or a value, so nothing can be mistaken for anything else.
            let mut mark = 0;
            for value in request.get_all(name) {
                bytes.push(mark);
                bytes.extend_from_slice(value.as_bytes().trim_ascii());
                mark = b',';
            }
            bytes.push(b'\n');
        }
        Self(bytes.into())
    }
}

impl Selectors {
    /// These fields.
    pub(super) fn new(names: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut names: Vec<HeaderName> = names.into_iter().filter(|name| !NEVER_SELECT.contains(name)).collect();
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        Self(names.into())
    }

    /// The fields that an answer's `Vary` names; `None` if it has `*`, or something that is no name.
    pub(super) fn of(answer: &HeaderMap) -> Option<Self> {
        let names: Option<Vec<_>> = members(answer, &header::VARY)
            .map(|name| text(name).filter(|name| *name != "*").and_then(|name| name.parse().ok()))
            .collect();
        names.map(Self::new)
    }

    /// Whether nothing selects: every request for the target has the one answer.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_str(value).unwrap());
        }
        fields
    }

    fn variant(names: &[&'static str], lines: &[(&'static str, &str)]) -> Variant {
        Variant::of(&Selectors::new(names.iter().map(|name| HeaderName::from_static(name))), &fields(lines))
    }

    #[test]
    fn an_absent_field_differs_from_an_empty_one() {
        assert_ne!(variant(&["accept"], &[]), variant(&["accept"], &[("accept", "")]));
    }

    #[test]
    fn a_value_counts_under_its_own_name_only() {
        assert_ne!(variant(&["foo"], &[("foo", "1")]), variant(&["bar"], &[("bar", "1")]));
        assert_ne!(
            variant(&["bar", "foo"], &[("foo", "1"), ("bar", "2")]),
            variant(&["bar", "foo"], &[("foo", "2"), ("bar", "1")])
        );
    }

    #[test]
    fn one_list_on_several_lines_is_the_same_value() {
        assert_eq!(variant(&["foo"], &[("foo", "1"), ("foo", "2")]), variant(&["foo"], &[("foo", "1,2")]),);
    }

    #[test]
    fn a_callers_credential_never_selects() {
        let named = fields(&[("vary", "Authorization, Cookie, X-Api-Key, Host")]);

        assert!(Selectors::of(&named).unwrap().is_empty());
    }

    #[test]
    fn a_star_or_what_is_no_name_selects_nothing_that_could_be_kept() {
        assert_eq!(Selectors::of(&fields(&[("vary", "accept, *")])), None);
        assert_eq!(Selectors::of(&fields(&[("vary", "acc ept")])), None);
        assert_eq!(Selectors::of(&fields(&[("vary", "B, a, b")])).unwrap().0.len(), 2);
    }

    proptest! {
        #[test]
        fn variants_are_equal_only_where_all_values_are(
            left in prop::collection::vec(prop::option::of("[a-c,:]{0,3}"), 3),
            right in prop::collection::vec(prop::option::of("[a-c,:]{0,3}"), 3),
        ) {
            const NAMES: [&str; 3] = ["a", "ab", "b"];
            let of = |values: &[Option<String>]| {
                let lines: Vec<_> = NAMES.iter().zip(values).filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
                variant(&NAMES, &lines)
            };

            prop_assert_eq!(of(&left) == of(&right), left == right);
        }
    }
}
