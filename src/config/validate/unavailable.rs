//! Sections and keys that are promised, but not yet kept: accepting them in silence would be a false promise.

use crate::config::raw::Table;

/// Refuses every section whose feature this version does not have; idempotency is a matter of its own.
pub(super) fn refuse(root: &Table<'_>) {
    root.refuse_unavailable(&["audit"]);
}
