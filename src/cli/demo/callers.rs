//! Who calls the demo's gateway, and with what: nothing of it is fixed, all is made at start.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use super::folder::Folder;
use super::issuer::{Issuer, IssuerError};
use crate::clock::Clock;
use crate::identity::new_key;
use crate::secret::Secret;

/// How long the demo's tokens are valid.
pub(super) const LIFETIME: Duration = Duration::from_hours(8);

/// A caller with its credential.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// What the demo calls it.
    pub(super) name: &'static str,
    /// Its token or API key.
    pub(super) credential: Secret,
    /// A file with the header field that carries the credential, as `curl -H @FILE` reads it.
    pub(super) file: PathBuf,
}

/// Every caller of the demo.
#[derive(Clone, Debug)]
pub(super) struct Callers {
    /// Of the tenant `acme`; may do all that `acme` may.
    pub(super) acme: Caller,
    /// Of the same tenant; its token is good for accounts only.
    pub(super) clerk: Caller,
    /// Of the tenant `reports`; its token claims more than the tenant may.
    pub(super) reports: Caller,
    /// Of the tenant `acme`, with an API key; may list payments.
    pub(super) job: Caller,
    /// The digest of that key, as configuration keeps it.
    pub(super) job_sha256: String,
}

/// Why there are no callers.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallersError {
    #[error("a credential cannot be written to a file: {0}")]
    File(#[from] io::Error),
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl Callers {
    /// Signs the tokens and makes the key.
    pub(super) fn make(issuer: &Issuer, folder: &Folder, clock: &dyn Clock) -> Result<Self, CallersError> {
        let now = clock.wall().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let bearer = |name: &'static str, tenant: &str, scope: &str| -> Result<Caller, CallersError> {
            let token = issuer.token(tenant, scope, now, LIFETIME)?;
            let file = folder.write(name, &format!("Authorization: Bearer {token}\n"))?;
            Ok(Caller { name, credential: Secret::new(token), file })
        };
        let (key, job_sha256) = new_key();
        let file = folder.write("job", &format!("X-Api-Key: {key}\n"))?;
        Ok(Self {
            acme: bearer("acme", "acme", "paas.core.*")?,
            clerk: bearer("clerk", "acme", "paas.core.accounts.*")?,
            reports: bearer("reports", "reports", "paas.core.*")?,
            job: Caller { name: "job", credential: Secret::new(key), file },
            job_sha256,
        })
    }
}
