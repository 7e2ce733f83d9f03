//! TLS on the callers' listeners.

use std::path::PathBuf;

/// `[server] tls`: with it, every TCP listener for callers speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The gateway's certificate and what leads from it to a root, in PEM.
    pub certificate: PathBuf,
    /// The certificate's private key, in PEM.
    pub key: PathBuf,
    /// The roots of callers' certificates, in PEM; none asks callers for no certificate.
    pub client_ca: Option<PathBuf>,
    /// Whether a caller without a certificate is turned away in the handshake.
    pub require_client_certificate: bool,
}
