//! Client id and secret, read anew for each attempt: a rotated file counts from the next token on.

use crate::config::{self, SecretError};
use crate::secret::Secret;

/// What a credential proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientSecrets {
    pub id: Secret,
    pub secret: Secret,
}

impl ClientSecrets {
    /// Reads both where they are kept. Blocks on files.
    pub(super) fn read(credential: &config::Credential) -> Result<Self, SecretError> {
        Ok(Self { id: credential.client_id.load()?, secret: credential.client_secret.load()? })
    }
}
