//! Layer 4: ambiguous framing, targets and hosts are refused; hop-by-hop and forged fields are dropped. Nothing below sees one.

use http::{HeaderMap, HeaderName, Uri, Version, header};

use self::host::Hosts;
use crate::config;
use crate::fields::{is_credential, is_forged, is_hop_by_hop};
use crate::gate::Gate;
use crate::refusal::Refusal;
use crate::stage::Request;

mod host;

/// The longest request target, in bytes; every operation's longest legal query fits.
const LONGEST_TARGET: usize = 8 * 1024;

/// Fields that the gateway relies on: a `Connection` that names one would make it forget it.
const RELIED_ON: [&str; 10] = [
    "authorization",
    "cache-control",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "origin",
    "sec-fetch-site",
    "x-api-key",
    "x-request-id",
];

/// Decides whether a head is unambiguous, and cleans it.
#[derive(Debug)]
pub struct Sanitize {
    max_header_bytes: usize,
    hosts: Hosts,
}

impl Sanitize {
    /// Takes the limits and the host names of `[server]`.
    #[must_use]
    pub fn new(server: &config::Server) -> Self {
        Self { max_header_bytes: server.max_header_bytes, hosts: Hosts::new(&server.hosts) }
    }
}

impl Gate<Request> for Sanitize {
    type Out = Request;

    fn admit(&self, mut request: Request) -> Result<Request, Refusal> {
        // First: a target may be so long that the flaw is only where it was cut.
        check_target(&request.head().uri)?;
        if let Some(flaw) = request.flaw() {
            return Err(Refusal::MalformedRequest(flaw));
        }
        let head = request.head_mut();
        let seen = Seen::of(&mut head.headers);
        check_size(&head.uri, seen.bytes, self.max_header_bytes)?;
        check_framing(head.version, &head.headers)?;
        self.hosts.check(head.version, &head.uri, &head.headers)?;
        if seen.has_forbidden {
            check_connection(&head.headers)?;
            clean(&mut head.headers);
        }
        Ok(request)
    }
}

/// What one look at all fields shows: most requests have nothing that must be looked at closely.
#[derive(Debug, Default)]
struct Seen {
    /// Name, colon, space, value, CR LF: what the fields took on the wire, as near as it can be told.
    bytes: usize,
    /// Whether there is a field that concerns one connection, or that could be forged.
    has_forbidden: bool,
}

impl Seen {
    /// Looks at all fields, and marks credentials as sensitive.
    fn of(fields: &mut HeaderMap) -> Self {
        let mut seen = Self::default();
        for (name, value) in fields {
            seen.bytes += name.as_str().len() + value.len() + 4;
            seen.has_forbidden |= is_hop_by_hop(name) || is_forged(name);
            if is_credential(name) {
                value.set_sensitive(true);
            }
        }
        seen
    }
}

fn check_target(uri: &Uri) -> Result<(), Refusal> {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    if authority + target(uri) > LONGEST_TARGET { Err(Refusal::TargetTooLong) } else { Ok(()) }
}

fn check_size(uri: &Uri, fields: usize, max_header_bytes: usize) -> Result<(), Refusal> {
    if target(uri) + fields > max_header_bytes { Err(Refusal::HeadersTooLarge) } else { Ok(()) }
}

/// Bytes of path and query.
fn target(uri: &Uri) -> usize {
    uri.path().len() + uri.query().map_or(0, |query| query.len() + 1)
}

/// RFC 9112 §6: a body has one framing, HTTP/1.0 knows no transfer coding, and `chunked` is the only one that is undone here.
/// What goes up has a length of our own making either way.
fn check_framing(version: Version, fields: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = fields.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    if version < Version::HTTP_11 {
        return Err(Refusal::MalformedRequest("HTTP/1.0 has no Transfer-Encoding."));
    }
    if fields.contains_key(header::CONTENT_LENGTH) {
        return Err(Refusal::MalformedRequest("Content-Length and Transfer-Encoding exclude each other."));
    }
    if codings.next().is_some() || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return Err(Refusal::MalformedRequest("Transfer-Encoding must be chunked, once and alone."));
    }
    Ok(())
}

fn check_connection(fields: &HeaderMap) -> Result<(), Refusal> {
    if fields.get_all(header::CONNECTION).iter().any(|value| value.to_str().is_err()) {
        return Err(Refusal::MalformedRequest("Connection is no list of names."));
    }
    if connection_names(fields).any(|name| RELIED_ON.iter().any(|relied| name.eq_ignore_ascii_case(relied))) {
        return Err(Refusal::MalformedRequest("Connection names a field that the gateway relies on."));
    }
    Ok(())
}

/// Drops what `Connection` names, what concerns one connection, and what could be forged.
fn clean(fields: &mut HeaderMap) {
    let named: Vec<HeaderName> = connection_names(fields).filter_map(|name| name.parse().ok()).collect();
    for name in named {
        fields.remove(name);
    }
    let dropped: Vec<HeaderName> = fields.keys().filter(|name| is_hop_by_hop(name) || is_forged(name)).cloned().collect();
    for name in dropped {
        fields.remove(name);
    }
}

fn connection_names(fields: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = fields.get_all(header::CONNECTION).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests;
