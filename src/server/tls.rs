//! TLS on the callers' listeners: what is shown to callers and wanted of them, replaced whole when its files change.
//!
//! Nothing is resumed where callers show certificates: a resumed session would be believed without looking at its certificate
//! again. There is no early data anywhere, since it can be replayed (RFC 8446 §8).

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::UnixTime;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::clock::SharedClock;
use crate::config::{self, TlsError, TlsMaterial, crypto_provider};

pub use self::renewal::TlsRenewal;

pub(super) mod certificate;
mod renewal;

/// What is spoken inside TLS (RFC 7301), preferred first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
pub(super) const HTTP2: &[u8] = b"h2";

/// Makes TLS of callers' connections. Shared by all workers.
#[derive(Debug)]
pub struct ServerTls {
    config: ArcSwap<ServerConfig>,
    clock: GatewayTime,
    protocols: &'static [&'static [u8]],
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum ServerTlsError {
    /// A file cannot be used.
    #[error("a file of `server.tls`: {0}")]
    File(#[from] TlsError),
    /// The files are fine, but do not make a configuration.
    #[error("TLS cannot be configured: {0}")]
    Config(String),
}

impl ServerTls {
    /// TLS with what the files hold now; HTTP/2 is offered if it is spoken.
    ///
    /// # Errors
    ///
    /// Why they cannot be used.
    pub fn new(tls: &config::Tls, http2: bool, clock: &SharedClock) -> Result<Self, ServerTlsError> {
        let clock = GatewayTime(Arc::clone(clock));
        let protocols = if http2 { &PROTOCOLS } else { &PROTOCOLS[1..] };
        let config = configured(tls.read()?.check(clock.0.wall())?, tls.require_client_certificate, protocols, &clock)?;
        Ok(Self { config: ArcSwap::from_pointee(config), clock, protocols })
    }

    /// Makes TLS of a connection, as far as the caller will.
    ///
    /// # Errors
    ///
    /// The handshake fails.
    pub(super) async fn accept(&self, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config.load_full()).accept(tcp).await
    }

    /// The clock by which certificates hold.
    pub(super) fn clock(&self) -> &SharedClock {
        &self.clock.0
    }

    /// Uses other files' content for connections from here on.
    fn replace(&self, material: TlsMaterial, require_client_certificate: bool) -> Result<(), ServerTlsError> {
        self.config.store(Arc::new(configured(material, require_client_certificate, self.protocols, &self.clock)?));
        Ok(())
    }
}

fn configured(
    material: TlsMaterial,
    require: bool,
    protocols: &[&[u8]],
    clock: &GatewayTime,
) -> Result<ServerConfig, ServerTlsError> {
    let failed = |error: &dyn fmt::Display| ServerTlsError::Config(error.to_string());
    let provider = Arc::new(crypto_provider());
    let builder = ServerConfig::builder_with_details(provider, Arc::new(clock.clone()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| failed(&error))?;
    let asks = material.client_roots.is_some();
    let builder = match material.client_roots {
        Some(roots) => builder.with_client_cert_verifier(verifier(roots, require)?),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(material.certified)));
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    if asks {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.ticketer = Ticketer::new().map_err(|error| failed(&error))?;
    }
    Ok(config)
}

/// Whoever shows a certificate must show one that leads to these roots, is for clients and holds; who shows none may yet have
/// another credential.
fn verifier(
    roots: Arc<RootCertStore>,
    require: bool,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, ServerTlsError> {
    let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::new(crypto_provider()));
    let builder = if require { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| ServerTlsError::Config(error.to_string()))
}

/// The gateway's clock, as rustls asks for the time.
#[derive(Clone)]
struct GatewayTime(SharedClock);

impl TimeProvider for GatewayTime {
    fn current_time(&self) -> Option<UnixTime> {
        let since: Duration = self.0.wall().duration_since(UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(since))
    }
}

impl fmt::Debug for GatewayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
