//! Passport, as seen from here: environment, connections and time limits.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Uri};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::upstreams;
use crate::catalogue::Catalogue;
use crate::config::raw::{Table, Value};
use crate::config::settings::{Passport, Upstream};
use crate::fields::may_go_up;

/// The environments of Passport, and `custom` for anything else.
pub(super) const ENVIRONMENTS: [&str; 3] = ["sandbox", "production", "custom"];

const KEYS: [&str; 13] = [
    "environment",
    "base_url",
    "upstreams",
    "token_url",
    "ca_file",
    "proxy",
    "connect_timeout",
    "timeout",
    "stream_timeout",
    "idle_timeout",
    "max_connection_age",
    "max_in_flight",
    "forward_headers",
];

pub(super) fn passport(root: &Table<'_>, catalogue: &Catalogue) -> Passport {
    let section = root.section("passport", &KEYS);
    let environment = environment(&section);
    Passport {
        environment: Arc::from(environment),
        upstreams: upstreams::upstreams(&section, environment, catalogue),
        ca_file: section.read("ca_file", ca_file),
        proxy: section.read("proxy", proxy),
        connect_timeout: section.or("connect_timeout", Duration::from_secs(3), Value::time),
        timeout: section.or("timeout", Duration::from_secs(15), Value::time),
        stream_timeout: section.or("stream_timeout", Duration::from_mins(1), Value::time),
        idle_timeout: section.or("idle_timeout", Duration::from_secs(30), Value::time),
        max_connection_age: section.or("max_connection_age", Duration::from_mins(5), Value::time),
        max_in_flight: section.or("max_in_flight", 512, |value| value.amount(1..=100_000)),
        forward_headers: section.or("forward_headers", Vec::new(), |value| value.list(forwarded)),
    }
}

/// Where Passport's hosts are, and nothing else of the section.
pub(super) fn upstreams(root: &Table<'_>, catalogue: &Catalogue) -> Vec<Upstream> {
    let section = root.section("passport", &KEYS);
    upstreams::upstreams(&section, environment(&section), catalogue)
}

fn environment(section: &Table<'_>) -> &'static str {
    section.or("environment", "sandbox", |value| value.word(&ENVIRONMENTS.map(|name| (name, name))))
}

pub(super) fn ca_file(value: &Value<'_>) -> Option<PathBuf> {
    let (path, text) = value.file()?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Some(path),
        _ => value.fault("names a file that holds no certificates", "write the trusted roots there, in PEM"),
    }
}

fn proxy(value: &Value<'_>) -> Option<Uri> {
    let url = value.url()?;
    match url.scheme_str() {
        Some("http") if url.path() == "/" => Some(url),
        _ => value.fault("is no address of a proxy", "write scheme, host and port, such as \"http://proxy.internal:3128\""),
    }
}

/// A field of the caller that may go up: none that the gateway answers for, or that concerns one connection only.
fn forwarded(value: &Value<'_>) -> Option<HeaderName> {
    const EXAMPLE: &str = "\"x-correlation-id\"";
    let text = value.text_such_as("a header field's name", EXAMPLE)?;
    let Ok(name) = text.parse::<HeaderName>() else {
        return value.fault("is no header field's name", format!("write one, such as {EXAMPLE}"));
    };
    if !may_go_up(&name) {
        return value.fault("is a field that never goes up from a caller", "remove it");
    }
    Some(name)
}
