//! Idempotency keys, which this version does not have: nobody may be told that they protect what they do not.

use crate::catalogue::{Catalogue, Effect};
use crate::config::raw::{Table, Value};
use crate::config::settings::Tenant;

/// The requests that are to carry a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Required {
    None,
    Money,
    Writes,
}

/// Checks that no key is required of a request that some tenant may send: it would be refused with the key, and without it.
pub(super) fn check(root: &Table<'_>, tenants: &[Tenant], catalogue: &Catalogue) {
    let section = root.section("idempotency", &["path", "required_for", "retention", "encryption_key"]);
    section.refuse_unavailable(&["path", "encryption_key"]);
    if section.read("retention", Value::time).is_some() {
        section.advise_of_unavailable(&["retention"]);
    }
    match section.value("required_for") {
        Some(value) => written(&value, tenants, catalogue),
        None => unsaid(root, tenants, catalogue),
    }
}

fn written(value: &Value<'_>, tenants: &[Tenant], catalogue: &Catalogue) {
    let words = [("money", Required::Money), ("writes", Required::Writes), ("none", Required::None)];
    let Some(required) = value.word(&words).filter(|required| *required != Required::None) else { return };
    match sender(required, tenants, catalogue) {
        Some((tenant, operation)) => {
            let message = format!(
                "cannot be kept: this version has no idempotency keys, and tenant `{}` may call `{operation}`",
                tenant.name
            );
            value.fault::<()>(message, "write \"none\" if such requests may go without a key, or narrow the tenant's `scopes`");
        }
        None => value.advise(
            "has no effect: this version has no idempotency keys, and no tenant may send what needs one",
            "write \"none\", or leave it for a later version",
        ),
    }
}

fn unsaid(root: &Table<'_>, tenants: &[Tenant], catalogue: &Catalogue) {
    const MESSAGE: &str =
        "let it move money, and this version has no idempotency keys: a payment that is sent twice may be made twice";
    if let Some((tenant, _)) = sender(Required::Money, tenants, catalogue) {
        let remedy = "let callers look a payment up before they send it again, and write [idempotency] required_for = \"none\"";
        let section = root.names("tenants").names(tenant.name.as_str());
        root.record(section.place("scopes").warning(MESSAGE, remedy));
    }
}

/// A tenant that may send what needs a key, and the operation.
fn sender<'t>(required: Required, tenants: &'t [Tenant], catalogue: &'t Catalogue) -> Option<(&'t Tenant, &'t str)> {
    let needs = |effect: Effect| effect == Effect::Money || (required == Required::Writes && effect == Effect::Write);
    tenants.iter().find_map(|tenant| {
        let granted = catalogue.granted(&tenant.scopes);
        let mut operations = catalogue.operations().filter(|(id, operation)| operation.enabled && granted.contains(*id));
        let (_, operation) = operations.find(|(_, operation)| needs(operation.effect))?;
        Some((tenant, &*operation.name))
    })
}
