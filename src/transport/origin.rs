//! Where a connection leads: scheme, host and port of an absolute URL.

use std::fmt;
use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use rustls_pki_types::ServerName;

/// An `http` or `https` origin (RFC 9110 §4.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    tls: bool,
    host: Arc<str>,
    port: u16,
    host_field: HeaderValue,
}

/// Why a URL names no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Neither `http` nor `https`.
    #[error("the URL is neither http nor https")]
    Scheme,
    /// No host, or none that a certificate could name.
    #[error("the URL has no valid host")]
    Host,
}

impl Origin {
    /// The origin of an absolute URL; path, query and user information play no part.
    ///
    /// # Errors
    ///
    /// The URL is not absolute, of another scheme, or its host is neither a DNS name nor an address.
    pub fn of(url: &Uri) -> Result<Self, OriginError> {
        let tls = match url.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(OriginError::Scheme),
        };
        let host = url.host().ok_or(OriginError::Host)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if ServerName::try_from(host).is_err() {
            return Err(OriginError::Host);
        }
        let default_port = if tls { 443 } else { 80 };
        let port = url.port_u16().unwrap_or(default_port);
        let host = host.to_ascii_lowercase();
        let named = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let field = if port == default_port { named } else { format!("{named}:{port}") };
        let host_field = HeaderValue::from_str(&field).map_err(|_| OriginError::Host)?;
        Ok(Self { tls, host: host.into(), port, host_field })
    }

    /// Whether it is reached over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The DNS name or address, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own if the URL named none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, as `CONNECT` wants them (RFC 9110 §9.3.6).
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }

    /// The value of `Host`, which leaves the scheme's own port out (RFC 9110 §7.2).
    #[must_use]
    pub fn host_field(&self) -> HeaderValue {
        self.host_field.clone()
    }

    /// The name that its certificate must be valid for.
    pub(super) fn server_name(&self) -> ServerName<'static> {
        ServerName::try_from(&*self.host).expect("checked when the origin was made").to_owned()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Result<Origin, OriginError> {
        Origin::of(&url.parse().unwrap())
    }

    #[test]
    fn host_leaves_out_the_port_of_the_scheme_and_keeps_any_other() {
        let field = |url| origin(url).unwrap().host_field();

        assert_eq!(field("https://api.example/v1"), "api.example");
        assert_eq!(field("https://API.example:443"), "api.example");
        assert_eq!(field("http://api.example:443"), "api.example:443");
        assert_eq!(field("http://[::1]"), "[::1]");
        assert_eq!(field("http://[::1]:8080/x?y"), "[::1]:8080");
    }

    #[test]
    fn connect_always_names_the_port_and_never_the_user() {
        assert_eq!(origin("https://user:secret@api.example").unwrap().authority(), "api.example:443");
        assert_eq!(origin("http://[::1]").unwrap().authority(), "[::1]:80");
    }

    #[test]
    fn what_is_no_web_origin_is_refused() {
        assert_eq!(origin("/relative"), Err(OriginError::Scheme));
        assert_eq!(origin("ftp://files.example/"), Err(OriginError::Scheme));
        assert_eq!(origin("https://under_score!/"), Err(OriginError::Host));
    }
}
