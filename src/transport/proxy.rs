//! An egress proxy that is asked to `CONNECT` (RFC 9110 §9.3.6).

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Uri;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Origin, OriginError};
use crate::secret::Secret;

/// Bytes that the head of a proxy's answer may have.
const HEAD: usize = 8 * 1024;

/// A proxy, and what it wants to be told about us.
#[derive(Clone)]
pub struct Proxy {
    origin: Origin,
    authorization: Option<Secret>,
}

/// Why a proxy made no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// It refused, with this status.
    #[error("it answered {0}")]
    Refused(u16),
    /// Its answer is not HTTP.
    #[error("its answer is not a valid HTTP response")]
    Invalid,
    /// The connection to it broke.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Proxy {
    /// A proxy at an `http` URL, with Basic credentials if the URL has user information (RFC 7617).
    ///
    /// # Errors
    ///
    /// The URL is no `http` origin.
    pub fn new(url: &Uri) -> Result<Self, OriginError> {
        let origin = Origin::of(url)?;
        if origin.is_tls() {
            return Err(OriginError::Scheme);
        }
        let user = url.authority().and_then(|authority| authority.as_str().rsplit_once('@')).map(|(user, _)| user);
        let authorization = user.map(|user| {
            let user: Vec<u8> = percent_decode_str(user).collect();
            Secret::new(format!("Basic {}", BASE64_STANDARD.encode(user)))
        });
        Ok(Self { origin, authorization })
    }

    /// Where the proxy itself is.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Asks for a tunnel to `target`; afterwards every byte on `io` is the target's.
    pub(super) async fn tunnel<T: AsyncRead + AsyncWrite + Unpin>(&self, io: &mut T, target: &Origin) -> Result<(), ProxyError> {
        io.write_all(self.request(target).expose().as_bytes()).await?;
        let mut head = Vec::with_capacity(256);
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= HEAD || io.read_buf(&mut head).await? == 0 {
                return Err(ProxyError::Invalid);
            }
            // The target never speaks first, neither in TLS nor in HTTP: what follows the head was not asked for.
            if head.windows(4).position(|end| end == b"\r\n\r\n").is_some_and(|end| end + 4 < head.len()) {
                return Err(ProxyError::Invalid);
            }
        }
        match status(&head) {
            Some(200..=299) => Ok(()),
            Some(status) => Err(ProxyError::Refused(status)),
            None => Err(ProxyError::Invalid),
        }
    }

    fn request(&self, target: &Origin) -> Secret {
        let authority = target.authority();
        let authorization = match &self.authorization {
            Some(value) => format!("Proxy-Authorization: {}\r\n", value.expose()),
            None => String::new(),
        };
        Secret::new(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{authorization}\r\n"))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.origin)
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    let digits = rest.get(..3).filter(|_| rest.get(3).is_none_or(|byte| *byte == b' '))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(proxy: &str, answer: &[u8]) -> (Result<(), ProxyError>, String) {
        let proxy = Proxy::new(&proxy.parse().unwrap()).unwrap();
        let target = Origin::of(&"https://api.example/v1".parse().unwrap()).unwrap();
        let (mut near, mut far) = tokio::io::duplex(16 * 1024);
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        let asked = proxy.tunnel(&mut near, &target).await;
        drop(near);
        let mut request = String::new();
        far.read_to_string(&mut request).await.unwrap();
        (asked, request)
    }

    #[tokio::test]
    async fn a_tunnel_is_asked_for_with_the_credentials_of_the_url() {
        let (asked, request) = ask("http://us%65r:p%40ss@proxy.example:3128", b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n").await;

        asked.unwrap();
        let authorization = "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n";
        assert_eq!(request, format!("CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n{authorization}\r\n"));
    }

    #[tokio::test]
    async fn without_credentials_none_are_sent() {
        let (asked, request) = ask("http://proxy.example", b"HTTP/1.0 200 Connection established\r\n\r\n").await;

        asked.unwrap();
        assert!(!request.contains("Authorization"), "{request}");
    }

    #[tokio::test]
    async fn what_is_no_agreement_makes_no_tunnel() {
        let error = async |answer: &[u8]| ask("http://proxy.example", answer).await.0.unwrap_err().to_string();
        let invalid = "its answer is not a valid HTTP response";

        assert_eq!(error(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await, "it answered 407");
        assert_eq!(error(b"SSH-2.0-OpenSSH\r\n\r\n").await, invalid);
        assert_eq!(error(b"HTTP/1.1 200 OK\r\nVia:").await, invalid);
        assert_eq!(error(b"HTTP/1.1 200 OK\r\n\r\nearly bytes").await, invalid);
        assert_eq!(error(&vec![b'x'; HEAD + 1]).await, invalid);
    }

    #[test]
    fn debugging_a_proxy_shows_no_credentials() {
        let proxy = Proxy::new(&"http://user:secret@proxy.example".parse().unwrap()).unwrap();

        assert_eq!(format!("{proxy:?}"), "Proxy(http://proxy.example:80)");
    }
}
