//! Callers by client certificate: each is known by one name, exactly as it stands in the certificate.

use std::collections::BTreeMap;

use rustls_pki_types::DnsName;

use super::callers::once;
use super::names::Names;
use super::tenants::grants;
use crate::catalogue::Catalogue;
use crate::config::raw::{Table, Value};
use crate::config::settings::{CertificateName, Client, Server};

const KEYS: [&str; 5] = ["id", "spiffe", "san", "tenant", "scopes"];

/// Names, and where they stood first.
type Seen = BTreeMap<String, String>;

pub(super) fn clients(
    root: &Table<'_>,
    names: &Names<'_>,
    server: &Server,
    catalogue: &Catalogue,
    ids: &mut Seen,
) -> Vec<Client> {
    let mut certified = Seen::new();
    let clients = root.or("clients", Vec::new(), |value| {
        if !value.is_empty_list() && !asks(root, server) {
            let remedy = "name the roots of their certificates, such as client_ca = \"ca.crt\" in `server.tls`";
            value.fault::<()>("are never asked for a certificate", remedy);
        }
        value.list(|item| client(item, names, catalogue, ids, &mut certified))
    });
    let idle = server.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some() && !tls.require_client_certificate);
    if idle && root.value("clients").is_none() {
        let remedy = "name [[clients]], or let it be required with require_client_certificate = true";
        root.record(
            root.place("server").warning("asks callers for certificates that say nothing: `client_ca` has no effect", remedy),
        );
    }
    clients
}

/// Whether callers are asked for certificates. A faulty `server.tls` is told of by itself.
fn asks(root: &Table<'_>, server: &Server) -> bool {
    let written = || root.read("server", |value| Some(value.node().get("tls").is_some())).unwrap_or(false);
    server.tls.as_ref().map_or_else(written, |tls| tls.client_ca.is_some())
}

fn client(value: &Value<'_>, names: &Names<'_>, catalogue: &Catalogue, ids: &mut Seen, certified: &mut Seen) -> Option<Client> {
    let table = Table::open(value, &KEYS)?;
    let name = name(&table, certified);
    let id = table.read("id", |value| {
        let id = value.text()?;
        once(value, ids.insert(id.to_owned(), value.place().key.clone()))?;
        Some(id.to_owned())
    });
    let tenant = table.required("tenant", "say whom the client acts for, such as tenant = \"acme\"", |value| names.tenant(value));
    let scopes = table.read("scopes", |value| grants(value, catalogue));
    let name = name?;
    Some(Client { id: id.unwrap_or_else(|| name.as_str().to_owned()), name, tenant: tenant?, scopes })
}

/// What a certificate must say: exactly one of two.
fn name(table: &Table<'_>, certified: &mut Seen) -> Option<CertificateName> {
    let mut distinct = |value: &Value<'_>, name: CertificateName| {
        once(value, certified.insert(name.as_str().to_owned(), value.place().key.clone()))?;
        Some(name)
    };
    match (table.value("spiffe"), table.value("san")) {
        (Some(value), None) => spiffe(&value).and_then(|name| distinct(&value, name)),
        (None, Some(value)) => san(&value).and_then(|name| distinct(&value, name)),
        (named, _) => {
            let message = if named.is_some() { "is named in two ways" } else { "does not say what its certificate says" };
            table.record(table.own_place().error(message, "write one of `spiffe` and `san`"));
            None
        }
    }
}

/// A SPIFFE ID (SPIFFE-ID §2): trust domain and path, no more than 2048 bytes.
fn spiffe(value: &Value<'_>) -> Option<CertificateName> {
    const EXAMPLE: &str = "\"spiffe://example.internal/ns/pay/sa/app\"";
    let text = value.text_such_as("a SPIFFE ID", EXAMPLE)?;
    let legal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let parts = text.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
    let sound = parts.is_some_and(|(domain, path)| {
        legal(domain)
            && !domain.bytes().any(|b| b.is_ascii_uppercase())
            && path.split('/').all(|segment| legal(segment) && !matches!(segment, "." | ".."))
    });
    if sound && text.len() <= 2048 {
        return Some(CertificateName::Spiffe(text.to_owned()));
    }
    value.fault("is no SPIFFE ID of a workload", format!("write it as it stands in the certificate, such as {EXAMPLE}"))
}

fn san(value: &Value<'_>) -> Option<CertificateName> {
    let text = value.text_such_as("a DNS name", "\"app.internal\"")?.to_ascii_lowercase();
    match DnsName::try_from(text.as_str()) {
        Ok(_) if !text.ends_with('.') => Some(CertificateName::Dns(text)),
        _ => value
            .fault("is no DNS name", "write a name as it stands in the certificate, without wildcard, such as \"app.internal\""),
    }
}
