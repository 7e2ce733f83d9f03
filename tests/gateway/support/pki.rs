//! A certificate authority of a test's own, the certificates it issues, and callers over TLS.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Client;

/// A certificate authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The gateway's files, in a folder of their own.
pub(crate) struct Files(TempDir);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate of these names; one that begins with `spiffe:` or the like is a URI.
    pub(crate) fn issue(&self, names: &[&str]) -> Leaf {
        self.issue_with(names, |_| {})
    }

    /// The same, changed like this.
    pub(crate) fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut parameters = CertificateParams::default();
        let name = |name: &&str| {
            if name.contains("://") {
                SanType::URI((*name).try_into().unwrap())
            } else {
                SanType::DnsName((*name).try_into().unwrap())
            }
        };
        parameters.subject_alt_names = names.iter().map(name).collect();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "subject-hunter2");
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        Leaf { certificate: parameters.signed_by(&key, &self.0).unwrap().pem(), key: key.serialize_pem() }
    }

    /// What a caller needs who trusts this authority and shows `identity`.
    pub(crate) fn client(&self, identity: Option<&Leaf>) -> Arc<ClientConfig> {
        self.client_of(identity, rustls::ALL_VERSIONS)
    }

    /// The same, of these versions of TLS.
    pub(crate) fn client_of(&self, identity: Option<&Leaf>, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        Arc::new(match identity {
            Some(leaf) => builder.with_client_auth_cert(vec![leaf.der()], leaf.key_der()).unwrap(),
            None => builder.with_no_client_auth(),
        })
    }
}

impl Leaf {
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }
}

impl Files {
    /// The certificate that the gateway shows, and the authority whose callers it believes.
    pub(crate) fn of(own: &Leaf, callers: Option<&Authority>) -> Self {
        let files = Self(TempDir::new().unwrap());
        files.write(own);
        if let Some(callers) = callers {
            std::fs::write(files.path("ca.crt"), callers.pem()).unwrap();
        }
        files
    }

    /// Replaces certificate and key.
    pub(crate) fn write(&self, own: &Leaf) {
        std::fs::write(self.path("tls.crt"), &own.certificate).unwrap();
        std::fs::write(self.path("tls.key"), &own.key).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The line of the configuration that names them, with `more` in its table.
    pub(crate) fn line(&self, more: &str) -> String {
        let [certificate, key] = ["tls.crt", "tls.key"].map(|name| self.quoted(name));
        format!("server.tls = {{ certificate = {certificate}, key = {key}{more} }}\n")
    }

    /// The same, asking callers for certificates.
    pub(crate) fn asking(&self, more: &str) -> String {
        self.line(&format!(", client_ca = {}{more}", self.quoted("ca.crt")))
    }

    fn quoted(&self, name: &str) -> String {
        format!("{:?}", self.path(name).to_str().unwrap())
    }
}

/// A connection over TLS, after the caller's side of the handshake.
pub(crate) async fn secured(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let name = "gateway.internal".try_into().unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, TcpStream::connect(address).await?).await
}

impl Client {
    /// A caller over TLS.
    pub(crate) async fn over_tls(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        Ok(Self::over(secured(address, config).await?))
    }
}

/// Whether a caller is served over TLS; the gateway may turn it away in the handshake or right after it (TLS 1.3).
pub(crate) async fn is_served(address: SocketAddr, config: &Arc<ClientConfig>) -> bool {
    let Ok(mut client) = Client::over_tls(address, config).await else { return false };
    client.try_send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.is_ok() && client.answer(false).await.is_some()
}
