//! The names a file declares, known before anything refers to one: a faulty section is not missed a second time by its users.

use std::collections::BTreeSet;

use crate::config::raw::{Table, Value};
use crate::nearest::nearest;
use crate::tenant::{CredentialName, TenantName};

/// The most tenants or credentials: each is a metric label, and has a place of 16 bits.
const MOST: usize = 10_000;

/// Every tenant and credential that the file names.
pub(super) struct Names<'a> {
    pub(super) tenants: BTreeSet<&'a str>,
    pub(super) credentials: BTreeSet<&'a str>,
    /// The credentials that some tenant uses.
    pub(super) used: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn declared(root: &Table<'a>) -> Self {
        let (tenants, credentials) = (root.names("tenants"), root.names("credentials"));
        Self {
            tenants: declared(&tenants),
            credentials: declared(&credentials),
            used: tenants.named().map(credential_of).collect(),
        }
    }

    /// A reference to a tenant.
    pub(super) fn tenant(&self, value: &Value<'_>) -> Option<TenantName> {
        refer(value, "tenant", &self.tenants).map(TenantName::new)
    }

    /// A reference to a credential.
    pub(super) fn credential(&self, value: &Value<'_>) -> Option<CredentialName> {
        refer(value, "credential", &self.credentials).map(CredentialName::new)
    }
}

/// Whether a name may be one: it stands in logs, metric labels and key paths.
pub(super) fn check(name: &str, value: &Value<'_>) {
    let legal = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
    if !legal {
        value.fault::<()>("has a name that is not legal", "write 1 to 64 of a-z, 0-9, `_` and `-`");
    }
}

fn declared<'a>(section: &Table<'a>) -> BTreeSet<&'a str> {
    let names: BTreeSet<&str> = section.named().map(|(name, _)| name).collect();
    if names.len() > MOST {
        section.record(section.own_place().error(format!("holds {} entries", names.len()), format!("name at most {MOST}")));
    }
    names
}

/// The credential that a tenant uses, as far as one can tell.
fn credential_of<'a>((name, tenant): (&'a str, Value<'a>)) -> &'a str {
    let named = tenant.node().as_table().and_then(|table| table.get("credential"));
    named.and_then(|credential| credential.get_ref().as_str()).unwrap_or(name)
}

fn refer<'v>(value: &Value<'v>, kind: &str, known: &BTreeSet<&str>) -> Option<&'v str> {
    let name = value.text_such_as("a name", "\"acme\"")?;
    if known.contains(name) {
        return Some(name);
    }
    let remedy = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("add [{kind}s.{name}], or name one that exists"),
    };
    value.fault(format!("there is no {kind} `{name}`"), remedy)
}
