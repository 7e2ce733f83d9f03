//! Which host a request may name.

use http::uri::{Authority, Scheme};
use http::{HeaderMap, Uri, Version, header};

use crate::refusal::Refusal;

/// The names under which the gateway answers.
#[derive(Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// An empty list accepts any name.
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Exactly one valid `Host` (RFC 9112 §3.2), the one an absolute target names, on the list.
    pub(super) fn check(&self, version: Version, uri: &Uri, fields: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = fields.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => Some(Host::parse(host.as_bytes())?),
            (None, _) if version < Version::HTTP_11 => None,
            (None, _) => return Err(Refusal::MalformedRequest("The Host field is missing.")),
            (Some(_), Some(_)) => return Err(Refusal::MalformedRequest("There is more than one Host field.")),
        };
        check_target(uri, host.as_ref())?;
        if self.0.is_empty() || host.is_some_and(|host| self.0.iter().any(|name| host.name.eq_ignore_ascii_case(name))) {
            return Ok(());
        }
        Err(Refusal::MalformedRequest("Host is none of the names this gateway answers to."))
    }
}

/// A valid `Host`.
struct Host<'h> {
    whole: &'h str,
    /// Without the port.
    name: &'h str,
}

impl<'h> Host<'h> {
    fn parse(host: &'h [u8]) -> Result<Self, Refusal> {
        Self::plain(host).or_else(|| Self::any(host)).ok_or(Refusal::MalformedRequest("The Host field is not a host and port."))
    }

    /// One of letters, digits, dots and hyphens, as nearly all are, perhaps with a port: that costs no allocation.
    fn plain(host: &'h [u8]) -> Option<Self> {
        let whole = std::str::from_utf8(host).ok()?;
        let (name, port) = whole.split_once(':').unwrap_or((whole, ""));
        let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        (is_plain && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(Self { whole, name })
    }

    fn any(host: &'h [u8]) -> Option<Self> {
        let authority = Authority::try_from(host).ok().filter(is_host_and_port)?;
        let whole = std::str::from_utf8(host).ok()?;
        Some(Self { whole, name: whole.get(..authority.host().len())? })
    }
}

/// No user, and a port only of digits (RFC 9110 §7.2), which the type does not ask for.
fn is_host_and_port(authority: &Authority) -> bool {
    let port = authority.as_str().strip_prefix(authority.host());
    port.is_some_and(|port| {
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn check_target(uri: &Uri, host: Option<&Host<'_>>) -> Result<(), Refusal> {
    if !uri.path().starts_with('/') {
        return Err(Refusal::MalformedRequest("The request target is not a path."));
    }
    let known = |scheme: &Scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme);
    if !uri.scheme().is_none_or(known) || !uri.authority().is_none_or(is_host_and_port) {
        return Err(Refusal::MalformedRequest("The request target is no URL of a web server."));
    }
    match (uri.authority(), host) {
        (Some(target), Some(host)) if !target.as_str().eq_ignore_ascii_case(host.whole) => {
            Err(Refusal::MalformedRequest("The request target names another host than the Host field."))
        }
        _ => Ok(()),
    }
}
