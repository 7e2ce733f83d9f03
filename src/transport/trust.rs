//! Which certificates are believed, and the TLS configuration that follows from it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The roots that servers' certificates must lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The system's.
    System,
    /// Those in a PEM file, and no others.
    File(PathBuf),
    /// None: https cannot be used. For a configuration that names no https URL.
    Nothing,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The system has no certificate store, or an empty one.
    #[error("the system has no root certificates: install them (ca-certificates), or set `ca_file`")]
    NoSystemRoots,
    /// The file cannot be read or is not PEM.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: rustls_pki_types::pem::Error,
    },
    /// The file holds no usable certificate.
    #[error("{} holds no certificate that can be a root", .0.display())]
    NoRoots(PathBuf),
    /// TLS cannot be set up with what the roots and the cryptography provider offer.
    #[error("TLS cannot be configured: {0}")]
    Config(rustls::Error),
}

impl Trust {
    /// The TLS configuration of a client with this trust; none if it trusts nothing.
    pub(super) fn config(&self) -> Result<Option<Arc<ClientConfig>>, TrustError> {
        let roots = match self {
            Self::System => system_roots()?,
            Self::File(path) => file_roots(path)?,
            Self::Nothing => return Ok(None),
        };
        // The provider is passed on, not taken from the process, so that no other crate's choice can replace it.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Config)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Arc::new(config)))
    }
}

fn system_roots() -> Result<RootCertStore, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a system root certificate cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() { Err(TrustError::NoSystemRoots) } else { Ok(roots) }
}

fn file_roots(path: &Path) -> Result<RootCertStore, TrustError> {
    let fault = |error| TrustError::File { path: path.to_owned(), error };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path).map_err(fault)?.collect::<Result<_, _>>().map_err(fault)?;
    let mut roots = RootCertStore::empty();
    let (_, ignored) = roots.add_parsable_certificates(certificates);
    if roots.is_empty() || ignored > 0 { Err(TrustError::NoRoots(path.to_owned())) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let empty = file("nothing here\n");

        let error = Trust::File(empty.path().to_owned()).config().unwrap_err();

        assert!(matches!(error, TrustError::NoRoots(_)), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Trust::File("/nowhere/ca.crt".into()).config().unwrap_err();

        assert!(error.to_string().starts_with("/nowhere/ca.crt: "), "{error}");
    }

    #[test]
    fn roots_in_a_file_are_trusted_for_http_1() {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let pem = file(&certified.cert.pem());

        let config = Trust::File(pem.path().to_owned()).config().unwrap().unwrap();

        assert_eq!(config.alpn_protocols, [b"http/1.1"]);
    }
}
