//! `[credentials]`: client ids and secrets at Passport.

use std::path::PathBuf;
use std::sync::Arc;

use super::Limit;
use crate::secret::Secret;
use crate::tenant::CredentialName;

/// How the token endpoint wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRequest {
    /// A JSON body (Passport).
    Json,
    /// A form with client id and secret (RFC 6749 §2.3.1).
    Form,
    /// A form, client id and secret in Basic authentication (RFC 6749 §2.3.1).
    Basic,
}

/// Where a secret is kept; read again whenever it is needed anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file; a trailing newline is not part of the secret.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// In the configuration itself.
    Literal(Secret),
}

/// A set of Passport client id and secret.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its name.
    pub name: CredentialName,
    /// OAuth client id.
    pub client_id: SecretSource,
    /// OAuth client secret.
    pub client_secret: SecretSource,
    /// How tokens are asked for.
    pub token_request: TokenRequest,
    /// Credentials of one Passport account share invalidation.
    pub account: Arc<str>,
    /// The budget toward Passport.
    pub quota: Option<Limit>,
    /// Whether tokens are revoked at the end.
    pub revoke_on_shutdown: bool,
}
