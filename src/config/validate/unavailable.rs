//! Sections and keys that are promised, but not yet kept: accepting them in silence would be a false promise.

use crate::config::raw::Table;

/// Refuses every section whose feature this version does not have.
pub(super) fn refuse(root: &Table<'_>) {
    root.refuse_unavailable(&["control", "clients", "audit"]);
    idempotency(root);
    store(root);
}

fn idempotency(root: &Table<'_>) {
    let section = root.section("idempotency", &["path", "required_for", "retention", "encryption_key"]);
    section.refuse_unavailable(&["path", "retention", "encryption_key"]);
    section.read("required_for", |value| {
        if value.word(&[("none", true), ("money", false), ("writes", false)])? {
            return Some(());
        }
        value.fault("is not available in this version", "write \"none\", or remove the section")
    });
}

fn store(root: &Table<'_>) {
    let section = root.section("store", &["kind", "url", "prefix", "mode", "fallback"]);
    section.refuse_unavailable(&["url", "prefix", "mode", "fallback"]);
    section.read("kind", |value| {
        if value.word(&[("embedded", true), ("redis", false)])? {
            return Some(());
        }
        value.fault("is not available in this version", "write \"embedded\", or remove the section")
    });
}
