//! Who is at the other end of a caller's connection, as far as the connection itself tells.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

/// The caller's end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address; none on a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether the listener can be reached from this machine only.
    pub local: bool,
    /// The certificate that it showed and that was verified, on a TLS listener that asks for one.
    pub certificate: Option<Arc<Certificate>>,
}

/// The names in a verified client certificate, and how long it lasts. Names may be personal, and do not print.
#[derive(PartialEq, Eq)]
pub struct Certificate {
    uris: Box<[Box<str>]>,
    dns_names: Box<[Box<str>]>,
    /// When it ends.
    pub ends: SystemTime,
}

impl Certificate {
    /// A certificate with these URIs and DNS names as its subject's alternative names (RFC 5280 §4.2.1.6).
    #[must_use]
    pub fn new<'a>(
        uris: impl IntoIterator<Item = &'a str>,
        dns_names: impl IntoIterator<Item = &'a str>,
        ends: SystemTime,
    ) -> Self {
        let lower = |name: &str| name.to_ascii_lowercase().into_boxed_str();
        Self { uris: uris.into_iter().map(Box::from).collect(), dns_names: dns_names.into_iter().map(lower).collect(), ends }
    }

    /// The workload it is of; none unless it has exactly one URI (SPIFFE X.509-SVID §2).
    #[must_use]
    pub fn spiffe(&self) -> Option<&str> {
        match &*self.uris {
            [uri] if uri.starts_with("spiffe://") => Some(uri),
            _ => None,
        }
    }

    /// Its DNS names, in lower case; a wildcard is a name like any other here, and stands for no host.
    pub fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.dns_names.iter().map(|name| &**name)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("ends", &self.ends).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn with_uris(uris: &[&str]) -> Certificate {
        Certificate::new(uris.iter().copied(), ["App.Internal"], UNIX_EPOCH)
    }

    #[test]
    fn a_workload_is_named_by_the_only_uri_there_is() {
        assert_eq!(with_uris(&["spiffe://example/app"]).spiffe(), Some("spiffe://example/app"));
        for uris in [&[][..], &["https://example/app"], &["spiffe://example/a", "spiffe://example/b"], &["spiffe://a/b", "x:y"]] {
            assert_eq!(with_uris(uris).spiffe(), None, "{uris:?}");
        }
    }

    #[test]
    fn dns_names_are_compared_without_case_and_nothing_prints() {
        let certificate = with_uris(&["spiffe://example/app"]);

        assert_eq!(certificate.dns_names().collect::<Vec<_>>(), ["app.internal"]);
        assert!(!format!("{certificate:?}").contains("app"));
    }
}
