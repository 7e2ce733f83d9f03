//! A configuration read anew: applied whole or not at all, and nothing is lost that did not change.

mod applied;
mod noticed;
mod refused;
mod under_load;

/// `acme` and its local app, with more of the tenant, and more after all.
fn acme(tenant: &str, more: &str) -> String {
    format!(
        r#"
[local]
tenant = "acme"

[tenants.acme]
scopes = ["paas.core.*"]
{tenant}

[credentials.acme]
client_id = "sandbox-client"
client_secret = "sandbox-secret"
environment = "custom"
{more}"#
    )
}
