//! What this version lacks is refused where ignoring it would be a false promise.

use super::*;

#[test]
fn what_would_be_a_false_promise_is_refused() {
    let found = faults(with("audit = {}"));

    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains(": audit: is not available in this version; "), "{found:#?}");
}

#[test]
fn what_is_off_may_be_written() {
    let found = advice(with("store = { kind = \"embedded\" }\nidempotency = { required_for = \"none\" }"));

    assert_eq!(found, Vec::<String>::new());
}
