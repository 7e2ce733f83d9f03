//! Scopes that a token was granted, compared with those that operations and tenants need.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::catalogue::Catalogue;
use crate::config;
use crate::scope::{Grant, Scope};

/// What a token endpoint said a token may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted(Box<[Grant]>);

/// Scopes as servers write them: a list (Passport), or one text with spaces (RFC 6749 §3.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    List(Vec<String>),
    Text(String),
}

impl Granted {
    /// Reads `scopes` or `scope` of a token answer.
    ///
    /// Nothing is known where neither says something in our form: a server may well name its scopes otherwise, or grant everything
    /// by `*`, and then only its own answers can tell.
    pub(super) fn read(scopes: Option<&RawValue>, scope: Option<&RawValue>) -> Option<Self> {
        let written: Written = [scopes, scope].into_iter().flatten().find_map(|raw| serde_json::from_str(raw.get()).ok())?;
        let words: Vec<&str> = match &written {
            Written::List(words) => words.iter().map(String::as_str).collect(),
            Written::Text(text) => text.split_ascii_whitespace().collect(),
        };
        if words.contains(&"*") || !words.iter().any(|word| is_in_our_form(word)) {
            return None;
        }
        Some(Self(words.iter().filter_map(|word| word.parse().ok()).collect()))
    }

    /// Whether `scope` was granted.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        self.0.iter().any(|grant| grant.covers(scope))
    }

    /// Those of `promised` that were not granted.
    #[must_use]
    pub fn lacking(&self, promised: &[Scope]) -> Box<[Scope]> {
        promised.iter().filter(|scope| !self.covers(scope)).cloned().collect()
    }
}

/// Whether a word is written as Passport writes scopes: segments that end in an HTTP method, or in a wildcard. Plain words such as
/// `read` or `default` are other servers' names for who knows what.
fn is_in_our_form(word: &str) -> bool {
    const ENDS: [&str; 6] = ["get", "post", "put", "patch", "delete", "*"];
    word.parse::<Grant>().is_ok() && word.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end))
}

/// The scopes that tenants of a credential are promised at the upstreams that `serves` names, by the operations they may use.
pub(super) fn promised(
    credential: &config::Credential,
    tenants: &[config::Tenant],
    catalogue: &Catalogue,
    serves: impl Fn(usize) -> bool,
) -> Box<[Scope]> {
    let tenants: Vec<_> = tenants.iter().filter(|tenant| tenant.credential == credential.name).collect();
    let promised = |scope: &Scope| tenants.iter().any(|tenant| tenant.scopes.iter().any(|grant| grant.covers(scope)));
    let mut scopes: Vec<Scope> = catalogue
        .operations()
        .filter(|(_, operation)| operation.enabled && serves(operation.upstream.index()) && promised(&operation.scope))
        .map(|(_, operation)| operation.scope.clone())
        .collect();
    scopes.sort();
    scopes.dedup();
    scopes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(scopes: Option<&str>, scope: Option<&str>) -> Option<Granted> {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        let (scopes, scope) = (scopes.map(raw), scope.map(raw));
        Granted::read(scopes.as_deref(), scope.as_deref())
    }

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn both_ways_of_writing_scopes_are_read() {
        let expected = [scope("iam.accounts.get"), scope("paas.core.accounts.get")];

        for granted in [
            read(Some(r#"["iam.accounts.get", "paas.core.*"]"#), None),
            read(None, Some(r#""iam.accounts.get paas.core.*""#)),
            read(Some("7"), Some(r#""iam.accounts.get paas.core.*""#)),
        ] {
            let granted = granted.unwrap();
            assert!(expected.iter().all(|scope| granted.covers(scope)));
            assert_eq!(*granted.lacking(&[scope("iam.users.get")]), [scope("iam.users.get")]);
        }
    }

    #[test]
    fn scopes_that_say_nothing_in_our_form_are_not_known() {
        for (scopes, scope) in [
            (None, None),
            (Some("[]"), None),
            (None, Some(r#""all of it""#)),
            (None, Some(r#""openid payments.read""#)),
            (None, Some(r#""""#)),
            (Some(r#"["https://api.example/.default"]"#), None),
            (Some(r#"["paas.core.accounts.get", "*"]"#), None),
            (Some(r#"{"a": 1}"#), Some("null")),
            (Some("[1, 2]"), None),
        ] {
            assert_eq!(read(scopes, scope), None, "{scopes:?} {scope:?}");
        }
    }
}
