//! `[idempotency]`: whoever must send a key is to have a place where it is kept.

use std::time::Duration;

use http::HeaderName;

use super::credentials;
use crate::catalogue::Catalogue;
use crate::config::raw::{Table, Value};
use crate::config::settings::{
    Idempotency, RequiredFor, SecretSource, Server, SharedBy, Store, Tenant, WhenUnavailable, sharing_a_credential,
};
use crate::fields::{IDEMPOTENCY_KEY, may_go_up};

const KEYS: [&str; 13] = [
    "path",
    "required_for",
    "retention",
    "unknown_retention",
    "encryption_key",
    "lock_wait",
    "lease",
    "wait",
    "max_records",
    "max_bytes",
    "shared_by",
    "forward_header",
    "when_unavailable",
];
const REQUIRED: [(&str, RequiredFor); 3] =
    [("money", RequiredFor::Money), ("writes", RequiredFor::Writes), ("none", RequiredFor::None)];
const SHARED: [(&str, SharedBy); 2] = [("tenant", SharedBy::Tenant), ("caller", SharedBy::Caller)];
const UNAVAILABLE: [(&str, WhenUnavailable); 2] = [("refuse", WhenUnavailable::Refuse), ("forward", WhenUnavailable::Forward)];
/// What only a file of records has a use for.
const OF_FILES: [&str; 3] = ["path", "lock_wait", "max_bytes"];
/// The least length of a key for encryption: 128 bits in hexadecimal.
const LEAST_KEY: usize = 32;
/// The shortest lease: an owner must be able to renew it while Redis is a little slow.
const LEAST_LEASE: Duration = Duration::from_secs(1);

pub(super) fn idempotency(
    root: &Table<'_>,
    store: &Store,
    server: &Server,
    tenants: &[Tenant],
    catalogue: &Catalogue,
) -> Idempotency {
    let section = root.section("idempotency", &KEYS);
    let shared_by = section.or("shared_by", SharedBy::Tenant, |value| value.word(&SHARED));
    let settings = Idempotency {
        path: section.read("path", Value::path),
        required_for: required(&section),
        retention: section.or("retention", Duration::from_hours(24), Value::time),
        unknown_retention: section.or("unknown_retention", Duration::from_hours(7 * 24), Value::time),
        encryption_key: section.read("encryption_key", encryption_key),
        lock_wait: section.or("lock_wait", Duration::from_secs(30), Value::duration),
        lease: section.or("lease", Duration::from_secs(10), lease),
        wait: section.or("wait", Duration::ZERO, Value::duration),
        max_records: section.or("max_records", 200_000, |value| value.count(1..=100_000_000)),
        max_bytes: section.or("max_bytes", 256 << 20, Value::size),
        shared_by,
        forward_header: section.read("forward_header", |value| forward_header(value, shared_by, tenants)),
        when_unavailable: section.or("when_unavailable", WhenUnavailable::Refuse, |value| value.word(&UNAVAILABLE)),
    };
    match store {
        Store::Redis(_) => {
            let message = "store.kind = \"redis\" keeps records in Redis";
            section.advise_of_unused(&OF_FILES, message, "write store.kind = \"embedded\"");
        }
        Store::Embedded => {
            section.advise_of_unused(&["lease"], "records in a file have one owner", "write store.kind = \"redis\"");
            advise_of_replicas(&section, server);
            check_place(&section, &settings, tenants, catalogue);
        }
    }
    settings
}

/// The requests that must bear a key.
pub(super) fn required_for(root: &Table<'_>) -> RequiredFor {
    required(&root.section("idempotency", &KEYS))
}

fn required(section: &Table<'_>) -> RequiredFor {
    section.or("required_for", RequiredFor::Money, |value| value.word(&REQUIRED))
}

/// Whoever serves others than its own machine may be one of several, each with a file of its own.
fn advise_of_replicas(section: &Table<'_>, server: &Server) {
    let beyond = server.listen.iter().find(|listen| !listen.is_local());
    if let (Some(path), Some(listen)) = (section.value("path"), beyond) {
        let what = format!(
            "keeps a key from being forwarded twice by this process alone, and `{listen}` serves other machines: replicas with \
             files of their own do not know of each other"
        );
        path.advise(what, "if there are several, write store.kind = \"redis\"");
    }
}

/// A key that is required of somebody is to be kept somewhere.
fn check_place(section: &Table<'_>, settings: &Idempotency, tenants: &[Tenant], catalogue: &Catalogue) {
    if settings.path.is_some() || section.value("path").is_some() {
        return;
    }
    if let Some((tenant, operation)) = sender(settings.required_for, tenants, catalogue) {
        let message =
            format!("is missing: tenant `{}` may call `{operation}`, whose idempotency keys are to be kept", tenant.name);
        let remedy = "name a file on a disk that outlives this process, such as \"/var/lib/passport-gateway/idempotency.redb\"; or, if \
                      such requests may be forwarded twice, write required_for = \"none\"";
        section.record(section.place("path").error(message, remedy));
    }
    if let Some(key) = ["encryption_key", "forward_header"].into_iter().find(|key| section.value(key).is_some()) {
        let remedy = format!("name a file in `path`, or remove `{key}`");
        section.record(section.place(key).error("has no effect: no records are kept", remedy));
    }
}

/// A tenant that may send what needs a key, and the operation.
fn sender<'t>(required: RequiredFor, tenants: &'t [Tenant], catalogue: &'t Catalogue) -> Option<(&'t Tenant, &'t str)> {
    tenants.iter().find_map(|tenant| {
        let granted = catalogue.granted(&tenant.scopes);
        let mut operations = catalogue.operations().filter(|(id, operation)| operation.enabled && granted.contains(*id));
        let (_, operation) = operations.find(|(_, operation)| required.covers(operation.effect))?;
        Some((tenant, &*operation.name))
    })
}

fn lease(value: &Value<'_>) -> Option<Duration> {
    match value.time()? {
        lease if lease >= LEAST_LEASE => Some(lease),
        _ => value.fault("is too short for an owner to renew it in time", "write at least \"1s\""),
    }
}

fn encryption_key(value: &Value<'_>) -> Option<SecretSource> {
    let source = credentials::secret(value)?;
    match source.load_with(value.context().environment()) {
        Ok(key) if key.expose().len() < LEAST_KEY => value
            .fault("is too short to be guessed by nobody", "use at least 32 characters, such as those of `openssl rand -hex 32`"),
        _ => Some(source),
    }
}

/// A field that may take a key upstream: keys that are told apart here must not meet there.
fn forward_header(value: &Value<'_>, shared_by: SharedBy, tenants: &[Tenant]) -> Option<HeaderName> {
    let text = value.text_such_as("a header field", "\"idempotency-key\"")?;
    let name = text.parse::<HeaderName>().ok().filter(|name| *name == IDEMPOTENCY_KEY || may_go_up(name));
    let Some(name) = name else {
        return value.fault("is no header field that may go up", "write a name such as \"idempotency-key\"");
    };
    if shared_by == SharedBy::Caller {
        return value.fault("would let keys of two callers meet at Passport", "remove it, or write shared_by = \"tenant\"");
    }
    if let Some(tenant) = sharing_a_credential(tenants) {
        let message =
            format!("would let keys of two tenants meet at Passport: they share the credential `{}`", tenant.credential);
        return value.fault(message, "remove it, or give each tenant a credential of its own");
    }
    Some(name)
}
