//! The files of `[server] tls`, read and checked: by `check`, at the start, and whenever they have changed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::settings::Tls;

pub use self::validity::Validity;

mod validity;

/// The longest file that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// What a TLS listener shows callers, and what it wants of them.
#[derive(Debug)]
pub struct TlsMaterial {
    /// The certificate, what leads from it to a root, and the key.
    pub certified: CertifiedKey,
    /// The roots of callers' certificates, if callers are asked for one.
    pub client_roots: Option<Arc<RootCertStore>>,
    /// When the certificate ends.
    pub ends: SystemTime,
}

/// One of the files that TLS needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// `certificate`.
    Certificate,
    /// `key`.
    Key,
    /// `client_ca`.
    ClientCa,
}

/// Why a file cannot be used. Never shows any of its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {problem}", path.display())]
pub struct TlsError {
    /// What the file is for.
    pub file: TlsFile,
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: TlsProblem,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsProblem {
    /// The system does not let it be read.
    #[error("cannot be read: {}", super::reason(*.0))]
    Unreadable(io::ErrorKind),
    /// It holds no such thing.
    #[error("holds no {0} in PEM")]
    Lacks(&'static str),
    /// A certificate is not one.
    #[error("holds a certificate that is no X.509 certificate of version 3")]
    Malformed,
    /// It is over.
    #[error("holds a certificate that has expired")]
    Expired,
    /// It has not begun.
    #[error("holds a certificate that is not valid yet")]
    NotYetValid,
    /// The key is of no kind that TLS knows.
    #[error("holds a private key of a kind that TLS cannot use")]
    UnusableKey,
    /// Key and certificate are not a pair.
    #[error("is not the private key of the certificate")]
    Mismatch,
}

/// The content of all files at one moment.
pub struct TlsFiles<'a> {
    tls: &'a Tls,
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files anew.
    ///
    /// # Errors
    ///
    /// The first that cannot be read.
    pub fn read(&self) -> Result<TlsFiles<'_>, TlsError> {
        Ok(TlsFiles {
            tls: self,
            certificate: self.bytes(TlsFile::Certificate)?.to_vec(),
            key: self.bytes(TlsFile::Key)?,
            client_ca: self.client_ca.as_ref().map(|_| self.bytes(TlsFile::ClientCa)).transpose()?.map(|bytes| bytes.to_vec()),
        })
    }

    /// Everything that is wrong with the files as of `wall`.
    pub(super) fn problems(&self, wall: SystemTime) -> Vec<TlsError> {
        let bytes = |file| self.bytes(file).map_err(|error| error.problem);
        let chain = bytes(TlsFile::Certificate).and_then(|pem| chain(&pem, wall));
        let key = bytes(TlsFile::Key).and_then(|pem| key(&pem));
        let roots = self.client_ca.as_ref().map(|_| bytes(TlsFile::ClientCa).and_then(|pem| roots(&pem)));
        let mut problems = Vec::new();
        problems.extend(chain.as_ref().err().map(|problem| self.error(TlsFile::Certificate, problem.clone())));
        problems.extend(key.as_ref().err().map(|problem| self.error(TlsFile::Key, problem.clone())));
        if let (Ok((chain, _)), Ok(key)) = (chain, key) {
            problems.extend(pair(chain, key).err().map(|problem| self.error(TlsFile::Key, problem)));
        }
        problems.extend(roots.and_then(Result::err).map(|problem| self.error(TlsFile::ClientCa, problem)));
        problems
    }

    fn bytes(&self, file: TlsFile) -> Result<Zeroizing<Vec<u8>>, TlsError> {
        read(self.path(file)).map_err(|error| self.error(file, TlsProblem::Unreadable(error.kind())))
    }

    fn error(&self, file: TlsFile, problem: TlsProblem) -> TlsError {
        TlsError { file, path: self.path(file).to_owned(), problem }
    }

    fn path(&self, file: TlsFile) -> &Path {
        match file {
            TlsFile::Certificate => &self.certificate,
            TlsFile::Key => &self.key,
            TlsFile::ClientCa => self.client_ca.as_deref().unwrap_or(Path::new("")),
        }
    }
}

impl TlsFiles<'_> {
    /// A digest of all content, by which a change is noticed.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for content in [&self.certificate[..], &self.key, self.client_ca.as_deref().unwrap_or_default()] {
            context.update(&(content.len() as u64).to_be_bytes());
            context.update(content);
        }
        context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// Checks everything as of `wall`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self, wall: SystemTime) -> Result<TlsMaterial, TlsError> {
        let named = |file| move |problem| self.tls.error(file, problem);
        let (chain, validity) = chain(&self.certificate, wall).map_err(named(TlsFile::Certificate))?;
        let key = key(&self.key).map_err(named(TlsFile::Key))?;
        let certified = pair(chain, key).map_err(named(TlsFile::Key))?;
        let client_roots = self.client_ca.as_deref().map(roots).transpose().map_err(named(TlsFile::ClientCa))?;
        Ok(TlsMaterial { certified, client_roots: client_roots.map(Arc::new), ends: validity.ends })
    }
}

/// What TLS is made with. It is passed on, not taken from the process, so that no other crate's choice can replace it.
#[must_use]
pub fn crypto_provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    // Room for a whole key at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or(TlsProblem::Lacks("certificate"))
}

fn chain(pem: &[u8], wall: SystemTime) -> Result<(Vec<CertificateDer<'static>>, Validity), TlsProblem> {
    let chain = certificates(pem)?;
    let validity = chain.first().and_then(Validity::of).ok_or(TlsProblem::Malformed)?;
    if wall > validity.ends {
        Err(TlsProblem::Expired)
    } else if wall < validity.begins {
        Err(TlsProblem::NotYetValid)
    } else {
        Ok((chain, validity))
    }
}

fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsProblem> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| TlsProblem::Lacks("private key"))
}

fn pair(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<CertifiedKey, TlsProblem> {
    let key = crypto_provider().key_provider.load_private_key(key).map_err(|_| TlsProblem::UnusableKey)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map(|()| certified).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsProblem::Mismatch,
        _ => TlsProblem::UnusableKey,
    })
}

fn roots(pem: &[u8]) -> Result<RootCertStore, TlsProblem> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|_| TlsProblem::Malformed)?;
    }
    Ok(roots)
}
