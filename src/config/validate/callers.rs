//! Who may call: issuers of tokens, API keys, clients with certificates, and the sidecar's own app.

use std::collections::BTreeMap;
use std::time::SystemTime;

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime};
use toml::de::DeValue;

use super::names::Names;
use super::tenants::grants;
use super::{clients, issuers};
use crate::catalogue::Catalogue;
use crate::config::CallerKind;
use crate::config::raw::{Table, Value};
use crate::config::settings::{ApiKey, Client, Issuer, Local, Server};

/// Every kind of caller.
pub(super) struct Callers {
    pub(super) issuers: Vec<Issuer>,
    pub(super) api_keys: Vec<ApiKey>,
    pub(super) clients: Vec<Client>,
    pub(super) local: Option<Local>,
}

pub(super) fn callers(root: &Table<'_>, names: &Names<'_>, server: &Server, catalogue: &Catalogue) -> Callers {
    if ["issuers", "api_keys", "clients", "local"].iter().all(|kind| root.value(kind).is_none_or(|value| value.is_empty_list())) {
        let remedy = "add [[issuers]], [[api_keys]], [[clients]], or [local] for a sidecar";
        root.record(
            root.place("issuers").error("nobody may call: there is no issuer, no API key, no client and no local app", remedy),
        );
    }
    let mut seen = Seen::default();
    Callers {
        issuers: issuers::issuers(root, names),
        api_keys: root.or("api_keys", Vec::new(), |value| value.list(|item| api_key(item, names, catalogue, &mut seen))),
        clients: clients::clients(root, names, server, catalogue, &mut seen.ids),
        local: root.read("local", |value| local(value, names, server, catalogue)),
    }
}

/// The kinds of callers that are written down, unchecked. Where there is none, as without a file, it may be any that brings a credential.
pub(super) fn kinds(root: &Table<'_>) -> Vec<CallerKind> {
    let kinds = [
        ("issuers", CallerKind::Token),
        ("api_keys", CallerKind::ApiKey),
        ("clients", CallerKind::Certificate),
        ("local", CallerKind::Local),
    ];
    let written = |section: &str| root.value(section).is_some_and(|value| !value.is_empty_list());
    let kinds: Vec<_> = kinds.into_iter().filter(|(section, _)| written(section)).map(|(_, kind)| kind).collect();
    if kinds.is_empty() { vec![CallerKind::Token, CallerKind::ApiKey] } else { kinds }
}

/// Where ids and digests stood first.
#[derive(Default)]
struct Seen {
    ids: BTreeMap<String, String>,
    digests: BTreeMap<[u8; 32], String>,
}

fn api_key(value: &Value<'_>, names: &Names<'_>, catalogue: &Catalogue, seen: &mut Seen) -> Option<ApiKey> {
    let table = Table::open(value, &["id", "sha256", "tenant", "scopes", "expires"])?;
    let id = table.required("id", "name the key, such as id = \"reports-job\"", |value| {
        let id = value.text()?;
        once(value, seen.ids.insert(id.to_owned(), value.place().key.clone()))?;
        Some(id.to_owned())
    });
    let sha256 = table.required("sha256", "make a key with `passport-gateway new-key`, which prints its digest", |value| {
        let digest = digest(value)?;
        once(value, seen.digests.insert(digest, value.place().key.clone()))?;
        Some(digest)
    });
    let tenant = table.required("tenant", "say whom the key acts for, such as tenant = \"acme\"", |value| names.tenant(value));
    let remedy = "say what the key may do, such as scopes = [\"paas.core.*\"]";
    let scopes = table.required("scopes", remedy, |value| grants(value, catalogue));
    let expires = table.read("expires", instant);
    Some(ApiKey { id: id?, sha256: sha256?, tenant: tenant?, scopes: scopes?, expires })
}

fn local(value: &Value<'_>, names: &Names<'_>, server: &Server, catalogue: &Catalogue) -> Option<Local> {
    let table = Table::open(value, &["tenant", "scopes"])?;
    if let Some(open) = server.listen.iter().find(|listen| !listen.is_local()) {
        let remedy = "let every address of `server.listen` be loopback or a Unix socket, or remove [local]";
        value.fault::<()>(format!("would let whoever reaches {open} in without a credential"), remedy);
    }
    let tenant = table.required("tenant", "say whom the app acts for, such as tenant = \"acme\"", |value| names.tenant(value));
    let scopes = table.read("scopes", |value| grants(value, catalogue));
    Some(Local { tenant: tenant?, scopes })
}

/// Refuses what stood elsewhere already.
pub(super) fn once(value: &Value<'_>, before: Option<String>) -> Option<()> {
    match before {
        None => Some(()),
        Some(before) => value.fault(format!("is the same as `{before}`"), "give each caller an id and a credential of its own"),
    }
}

fn digest(value: &Value<'_>) -> Option<[u8; 32]> {
    let text = value.text_such_as("a digest", "the one that `passport-gateway hash-key` prints")?;
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let hexadecimal = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    match bytes.filter(|_| hexadecimal).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
        Some(digest) => Some(digest),
        None => value
            .fault("is no SHA-256 digest: 64 hexadecimal digits", "write what `passport-gateway hash-key` prints for the key"),
    }
}

/// An instant, or a day, which stands for its beginning in UTC; both in quotes or as TOML has them.
pub(super) fn day_or_instant(value: &Value<'_>) -> Option<SystemTime> {
    let text = match value.node() {
        DeValue::Datetime(datetime) => datetime.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => return value.fault("is no day", "write a day, such as 2026-12-31"),
    };
    let is_day = text.len() == "2026-12-31".len();
    match Date::parse(&text, &Iso8601::DATE) {
        Ok(day) if is_day => Some(day.midnight().assume_utc().into()),
        _ => instant(value),
    }
}

/// An instant as RFC 3339 writes it, in quotes or as a TOML date-time with its offset.
fn instant(value: &Value<'_>) -> Option<SystemTime> {
    const EXAMPLE: &str = "\"2027-01-31T00:00:00Z\"";
    let text = match value.node() {
        DeValue::Datetime(datetime) => datetime.to_string(),
        _ => value.text_such_as("an instant", EXAMPLE)?.to_owned(),
    };
    match OffsetDateTime::parse(&text, &Rfc3339) {
        Ok(instant) => Some(instant.into()),
        Err(_) => value.fault("is no instant", format!("write date, time and offset as RFC 3339 has them, such as {EXAMPLE}")),
    }
}
