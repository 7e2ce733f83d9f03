//! Sections and keys that are promised, but not yet kept: accepting them in silence would be a false promise.

use crate::config::raw::Table;

/// Refuses every section whose feature this version does not have; idempotency is a matter of its own.
pub(super) fn refuse(root: &Table<'_>) {
    root.refuse_unavailable(&["clients", "audit"]);
    store(root);
}

/// One replica alone is what the embedded store is for; what only tunes Redis may stand there.
fn store(root: &Table<'_>) {
    let section = root.section("store", &["kind", "url", "prefix", "mode", "fallback"]);
    section.refuse_unavailable(&["url"]);
    section.advise_of_unavailable(&["prefix", "mode", "fallback"]);
    section.read("kind", |value| {
        if value.word(&[("embedded", true), ("redis", false)])? {
            return Some(());
        }
        value.fault(
            "is not available in this version",
            "write \"embedded\", or remove the section; each replica has its own limits and cache",
        )
    });
}
