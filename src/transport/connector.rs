//! Makes connections: name, TCP, proxy and TLS share one time limit.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::proxy::{Proxy, ProxyError};
use super::resolve::{Names, Resolver};
use super::{Origin, Stream, Trust, TrustError, Wire};

/// What makes connections to an origin.
pub trait Connect: Send + Sync + 'static {
    /// The connection.
    type Stream: Wire;

    /// Makes a connection that is ready for the first byte of a request.
    fn connect(&self, origin: &Origin) -> impl Future<Output = Result<Self::Stream, ConnectError>> + Send;
}

/// The real network.
#[derive(Debug)]
pub struct Connector {
    tls: Option<Arc<ClientConfig>>,
    proxy: Option<Proxy>,
    timeout: Duration,
    resolver: Resolver,
}

/// Why there is no connection. No byte of a request was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It was not ready in time.
    #[error("no connection in time")]
    Timeout,
    /// The name has no address.
    #[error("the name does not resolve: {0}")]
    Resolve(#[source] io::Error),
    /// No address accepts a connection.
    #[error("cannot connect: {0}")]
    Tcp(#[source] io::Error),
    /// The proxy made no tunnel.
    #[error("the egress proxy made no tunnel: {0}")]
    Proxy(#[source] ProxyError),
    /// The handshake failed; the certificate, as a rule.
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] io::Error),
    /// The origin is https, but no root is trusted.
    #[error("no root certificate is trusted, so https cannot be used")]
    NoTrust,
}

impl Connector {
    /// A connector that trusts `trust`, goes through `proxy` if there is one, and gives each connection `timeout` to be ready.
    ///
    /// # Errors
    ///
    /// The roots cannot be read, or there are none.
    pub fn new(trust: &Trust, proxy: Option<Proxy>, timeout: Duration) -> Result<Self, TrustError> {
        Ok(Self { tls: trust.config()?, proxy, timeout, resolver: Resolver::default() })
    }

    /// The same with `names` in place of the system's resolver.
    #[must_use]
    pub fn with_names(mut self, names: Arc<dyn Names>) -> Self {
        self.resolver = Resolver::of(names);
        self
    }

    /// The same for servers that do not speak HTTP: TLS negotiates no application protocol (RFC 7301).
    #[must_use]
    pub fn without_alpn(mut self) -> Self {
        if let Some(tls) = &mut self.tls {
            Arc::make_mut(tls).alpn_protocols.clear();
        }
        self
    }

    async fn establish(&self, origin: &Origin, deadline: Instant) -> Result<Stream, ConnectError> {
        let tcp = match &self.proxy {
            Some(proxy) => {
                let mut tcp = self.dial(proxy.origin(), deadline).await?;
                proxy.tunnel(&mut tcp, origin).await.map_err(ConnectError::Proxy)?;
                tcp
            }
            None => self.dial(origin, deadline).await?,
        };
        if !origin.is_tls() {
            return Ok(Stream::Tcp(tcp));
        }
        let tls = TlsConnector::from(Arc::clone(self.tls.as_ref().ok_or(ConnectError::NoTrust)?));
        let tls = tls.connect(origin.server_name(), tcp).await.map_err(ConnectError::Tls)?;
        Ok(Stream::Tls(Box::new(tls)))
    }

    /// Tries each address in turn; each may take its share of the time that is left, so that a silent one does not eat it all. No more
    /// does DNS, if it has an answer that is known already.
    async fn dial(&self, origin: &Origin, deadline: Instant) -> Result<TcpStream, ConnectError> {
        let patience = deadline.saturating_duration_since(Instant::now()) / 3;
        let addresses = self.resolver.resolve(origin, patience).await.map_err(ConnectError::Resolve)?;
        let mut failure = ConnectError::Timeout;
        for (tried, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            failure = match timeout(share, dial(*address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => ConnectError::Tcp(error),
                Err(_) => ConnectError::Timeout,
            };
        }
        Err(failure)
    }
}

impl Connect for Connector {
    type Stream = Stream;

    async fn connect(&self, origin: &Origin) -> Result<Stream, ConnectError> {
        let deadline = Instant::now() + self.timeout;
        timeout_at(deadline, self.establish(origin, deadline)).await.unwrap_or(Err(ConnectError::Timeout))
    }
}

impl<C: Connect> Connect for Arc<C> {
    type Stream = C::Stream;

    fn connect(&self, origin: &Origin) -> impl Future<Output = Result<Self::Stream, ConnectError>> + Send {
        C::connect(self, origin)
    }
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    // A request is one small write and waits for its answer: Nagle's algorithm could only delay it.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

#[cfg(test)]
mod tests;
