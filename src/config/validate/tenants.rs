//! Tenants: whom the gateway acts for, with what credential, scopes and limits.

use std::time::SystemTime;

use time::OffsetDateTime;

use super::callers::day_or_instant;
use super::limits;
use super::names::{self, Names};
use crate::catalogue::Catalogue;
use crate::config::raw::{Table, Value};
use crate::config::settings::Tenant;
use crate::scope::Grant;
use crate::tenant::{CredentialName, TenantName};

const KEYS: [&str; 6] = ["credential", "scopes", "scope_shadow", "rate_limit", "class_limits", "caller_limit"];

pub(super) fn tenants(root: &Table<'_>, names: &Names<'_>, catalogue: &Catalogue) -> Vec<Tenant> {
    let section = root.names("tenants");
    if names.tenants.is_empty() {
        root.record(section.own_place().error("there is no tenant", "add [tenants.NAME] with `scopes`"));
    }
    let tenant = |(name, value): (&str, Value<'_>)| {
        names::check(name, &value);
        tenant(name, &value, names, catalogue)
    };
    section.named().filter_map(tenant).collect()
}

/// Scopes that are granted; advises about those that cover no operation.
pub(super) fn grants(value: &Value<'_>, catalogue: &Catalogue) -> Option<Vec<Grant>> {
    if value.is_empty_list() {
        value.advise("grants nothing: every request will be refused", "name scopes, such as \"paas.core.*\"");
    }
    value.list(|item| {
        let grant = item.grant()?;
        if catalogue.granted(std::slice::from_ref(&grant)).is_empty() {
            item.advise(format!("`{grant}` covers no operation of the catalogue"), "correct or remove it");
        }
        Some(grant)
    })
}

fn tenant(name: &str, value: &Value<'_>, names: &Names<'_>, catalogue: &Catalogue) -> Option<Tenant> {
    let table = Table::open(value, &KEYS)?;
    let credential = credential(name, &table, names);
    let remedy = "say what the tenant may do, such as scopes = [\"paas.core.*\"]";
    let scopes = table.required("scopes", remedy, |value| grants(value, catalogue));
    let scope_shadow_until = table.read("scope_shadow", scope_shadow);
    let rate_limit = table.read("rate_limit", limits::limit);
    let class_limits = table.or("class_limits", Vec::new(), limits::class_limits);
    let caller_limit = table.read("caller_limit", limits::limit);
    if table.value("rate_limit").is_none() {
        value.advise("has no `rate_limit`", "limit it, such as rate_limit = { requests = 100, per = \"1s\" }");
    }
    Some(Tenant {
        name: TenantName::new(name),
        credential: credential?,
        scopes: scopes?,
        scope_shadow_until,
        rate_limit,
        class_limits,
        caller_limit,
    })
}

/// `{ until = 2026-12-31 }`: until then a read passes without its scope. There is no such thing without an end, nor for writes.
fn scope_shadow(value: &Value<'_>) -> Option<SystemTime> {
    let table = Table::open(value, &["until"])?;
    let until = table.required("until", "say when it ends, such as until = 2026-12-31", day_or_instant)?;
    value.advise(
        format!("lets every caller of the tenant read what it has no scope for, until {}", OffsetDateTime::from(until)),
        "watch passport_gateway_shadow_denials_total, grant what is missed, and remove it",
    );
    Some(until)
}

/// The credential it names, or the one of its own name.
fn credential(name: &str, table: &Table<'_>, names: &Names<'_>) -> Option<CredentialName> {
    if table.value("credential").is_some() {
        return table.read("credential", |value| names.credential(value));
    }
    if names.credentials.contains(name) {
        return Some(CredentialName::new(name));
    }
    let message = format!("has no credential: there is no [credentials.{name}]");
    let remedy = format!("add [credentials.{name}], or name another with `credential`");
    table.record(table.own_place().error(message, remedy));
    None
}
