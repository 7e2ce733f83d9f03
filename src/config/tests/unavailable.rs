//! What this version lacks: refused where ignoring it would be a false promise, advised about where nothing depends on it.

use super::*;

/// The least, with a tenant that may do this.
fn granting(scope: &str, more: &str) -> Result<Loaded, Report> {
    read(&format!("{more}\n{}", LEAST.replace("paas.core.accounts.*", scope)))
}

const MONEY: &str = "paas.core.breb_payments.post";
const WRITES: &str = "paas.core.accounts.*";
const READS: &str = "paas.core.accounts.list.get";

#[test]
fn what_would_be_a_false_promise_is_refused() {
    for (more, key) in [
        ("audit = {}", "audit"),
        ("idempotency = { path = \"x\" }", "idempotency.path"),
        ("idempotency = { encryption_key = \"x\" }", "idempotency.encryption_key"),
    ] {
        let found = faults(with(more));

        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(&format!(": {key}: is not available in this version; ")), "{found:#?}");
    }
}

#[test]
fn what_nothing_depends_on_is_advised_about() {
    let found = advice(with("idempotency = { retention = \"24h\" }"));

    assert_eq!(found.len(), 1, "{found:#?}");
    let expected = ": idempotency.retention: has no effect: it is not available in this version; remove `";
    assert!(found[0].contains(expected), "{found:#?}");
}

#[test]
fn what_is_off_may_be_written() {
    let found = advice(with("store = { kind = \"embedded\" }\nidempotency = { required_for = \"none\" }"));

    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn keys_cannot_be_required_of_requests_that_some_tenant_may_send() {
    for (scope, required) in [(MONEY, "money"), (MONEY, "writes"), (WRITES, "writes")] {
        let found = faults(granting(scope, &format!("idempotency = {{ required_for = \"{required}\" }}")));

        assert_eq!(found.len(), 1, "{scope} {required}: {found:#?}");
        assert!(
            found[0].starts_with("1:32: idempotency.required_for: cannot be kept: this version has no idempotency keys, and tenant `acme` may call `"),
            "{found:#?}"
        );
    }
}

#[test]
fn keys_may_be_required_of_requests_that_no_tenant_may_send() {
    for (scope, required) in [(WRITES, "money"), (READS, "money"), (READS, "writes")] {
        let found = advice(granting(scope, &format!("idempotency = {{ required_for = \"{required}\" }}")));

        assert_eq!(found.len(), 1, "{scope} {required}: {found:#?}");
        assert!(found[0].starts_with("1:32: idempotency.required_for: has no effect"), "{found:#?}");
    }
}

#[test]
fn an_operation_that_is_off_needs_no_key() {
    let off = "idempotency = { required_for = \"money\" }\n[operations]\ncreate_breb_payment = { enabled = false }\n\
               confirm_breb_payment = { enabled = false }\ncreate_ach_payment = { enabled = false }\n";

    assert_eq!(faults(granting(MONEY, "idempotency = { required_for = \"money\" }")).len(), 1);
    assert_eq!(advice(granting(MONEY, off)).len(), 1);
}

#[test]
fn money_that_moves_without_keys_is_advised_about_unless_it_is_known() {
    let unsaid = advice(granting(MONEY, ""));
    let known = advice(granting(MONEY, "idempotency = { required_for = \"none\" }"));

    assert_eq!(unsaid.len(), 1, "{unsaid:#?}");
    assert!(
        unsaid[0].starts_with("6:10: tenants.acme.scopes: let it move money, and this version has no idempotency keys"),
        "{unsaid:#?}"
    );
    assert_eq!(known, Vec::<String>::new());
}
