//! Callers by client certificate.

use crate::scope::Grant;
use crate::tenant::TenantName;

/// What in a certificate names a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// The one URI of a workload's certificate (SPIFFE X.509-SVID).
    Spiffe(String),
    /// A DNS name, lower case.
    Dns(String),
}

/// A caller with a certificate of `server.tls.client_ca`.
#[derive(Clone, Debug)]
pub struct Client {
    /// The caller's name, safe to log; by default what is looked for in its certificate.
    pub id: String,
    /// What its certificate says.
    pub name: CertificateName,
    /// Whom it acts for.
    pub tenant: TenantName,
    /// What it may do; the default is all that its tenant may.
    pub scopes: Option<Vec<Grant>>,
}

impl CertificateName {
    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Spiffe(name) | Self::Dns(name) => name,
        }
    }
}
