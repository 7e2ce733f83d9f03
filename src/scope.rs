//! Scopes that operations require, and the grants that cover them.
//!
//! A scope is dotted lower-case segments (`paas.core.accounts.get`). A grant is a scope, or a prefix ending in `.*` that covers
//! any number of further segments. A bare `*` is no grant.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What an operation requires of its caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(Arc<str>);

impl Scope {
    /// The scope as text, as it stands in a token's `scope` claim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a caller or a tenant was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grant {
    /// Exactly this scope.
    Exact(Scope),
    /// Every scope below this prefix; the prefix itself is not covered.
    Below(Scope),
}

impl Grant {
    /// Whether this grant covers `scope`.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        match self {
            Self::Exact(granted) => granted == scope,
            Self::Below(prefix) => scope.as_str().strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('.')),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(scope) => write!(f, "{scope}"),
            Self::Below(prefix) => write!(f, "{prefix}.*"),
        }
    }
}

/// Why a text is no scope or grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A lone `*` would grant everything.
    #[error("a bare `*` would grant everything; name a prefix, such as `paas.core.*`")]
    BareWildcard,
    /// A segment is empty or has a character other than `a-z`, `0-9`, `_` and `-`.
    #[error("a scope is dot-separated segments of a-z, 0-9, `_` and `-`, a grant may end in `.*`")]
    Malformed,
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let legal = |segment: &str| {
            !segment.is_empty()
                && segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        };
        if text.split('.').all(legal) { Ok(Self(text.into())) } else { Err(ScopeError::Malformed) }
    }
}

impl FromStr for Grant {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text == "*" {
            return Err(ScopeError::BareWildcard);
        }
        match text.strip_suffix(".*") {
            Some(prefix) => prefix.parse().map(Self::Below),
            None => text.parse().map(Self::Exact),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn covers(grant: &str, scope: &str) -> bool {
        grant.parse::<Grant>().unwrap().covers(&scope.parse().unwrap())
    }

    #[test]
    fn a_wildcard_covers_any_number_of_further_segments() {
        assert!(covers("paas.core.*", "paas.core.accounts.get"));
        assert!(covers("paas.core.accounts.*", "paas.core.accounts.get"));
        assert!(!covers("paas.core.*", "paas.core"));
        assert!(!covers("paas.core.*", "paas.corex.accounts.get"));
        assert!(!covers("paas.core.accounts.get", "paas.core.accounts.list.get"));
    }

    #[test]
    fn a_bare_or_inner_wildcard_is_no_grant() {
        assert_eq!("*".parse::<Grant>(), Err(ScopeError::BareWildcard));
        for malformed in ["", ".", ".*", "paas.*.get", "paas..get", "paas.core*", "Paas.core", "paas core"] {
            assert_eq!(malformed.parse::<Grant>(), Err(ScopeError::Malformed), "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn a_scope_is_covered_by_itself_and_by_each_of_its_prefixes(segments in prop::collection::vec("[a-z0-9_]{1,8}", 2..6), cut in 1_usize..5) {
            let scope = segments.join(".");
            let prefix = segments[..cut.min(segments.len() - 1)].join(".");

            prop_assert!(covers(&scope, &scope));
            let wildcard = prefix + ".*";
            prop_assert!(covers(&wildcard, &scope));
        }
    }
}
