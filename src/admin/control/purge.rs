//! `POST /cache/purge`: what is stored is forgotten, of a tenant, an operation, both or all.

use serde::Deserialize;
use serde_json::json;

use super::fault::Fault;
use super::{Controls, Done};
use crate::tenant::TenantName;

/// What is to be forgotten; what is left out is any.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    tenant: Option<String>,
    operation: Option<String>,
}

/// Forgets it, as a write does: what is under way for it is not kept either, and nobody joins it any more. Says how much it was, and
/// whether other replicas were told in time.
pub(super) async fn purge(controls: &Controls, wanted: &Wanted) -> Result<Done, Fault> {
    let snapshot = controls.snapshots.load();
    let (tenant, operation) = (wanted.tenant.as_deref(), wanted.operation.as_deref());
    // A name that is misspelt would purge nothing, and nobody would know.
    if let Some(name) = tenant.filter(|name| !snapshot.has_tenant(name)) {
        return Err(Fault::invalid(format!("`tenant`: there is no tenant {name:?}.")));
    }
    if let Some(name) = operation.filter(|name| snapshot.catalogue.by_name(name).is_none()) {
        return Err(Fault::invalid(format!("`operation`: there is no operation {name:?}.")));
    }
    let purged = controls.cache.purge(tenant.map(TenantName::new).as_ref(), operation);
    let told = controls.cache.told().await;
    let of = |name: Option<&str>| name.unwrap_or("all").to_owned();
    Ok(Done {
        answer: json!({ "purged": purged, "told": told }),
        change: format!("purged {purged} entries; tenant: {}, operation: {}", of(tenant), of(operation)),
        key: None,
    })
}
