//! Client id and secret, read anew for each attempt: a rotated file counts from the next token on.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use super::failure::Failure;
use crate::config::{self, SecretSource};
use crate::secret::Secret;

/// The longest secret, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What a credential proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientSecrets {
    pub id: Secret,
    pub secret: Secret,
}

impl ClientSecrets {
    /// Reads both where they are kept. Blocks on files.
    pub(super) fn read(credential: &config::Credential) -> Result<Self, Failure> {
        let read = |source| load(source).ok_or(Failure::SecretUnreadable);
        Ok(Self { id: read(&credential.client_id)?, secret: read(&credential.client_secret)? })
    }
}

/// A file that is empty or half written is no secret: whoever rotates it may be at it just now.
fn load(source: &SecretSource) -> Option<Secret> {
    let secret = match source {
        SecretSource::File(path) => file(path)?,
        SecretSource::Env(name) => Secret::new(std::env::var(name).ok()?),
        SecretSource::Literal(secret) => secret.clone(),
    };
    (!secret.expose().is_empty()).then_some(secret)
}

fn file(path: &Path) -> Option<Secret> {
    let mut text = Zeroizing::new(String::with_capacity(4096));
    let read = File::open(path).ok()?.take(LONGEST + 1).read_to_string(&mut text).ok()?;
    if read as u64 > LONGEST {
        return None;
    }
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    Some(Secret::new(secret.strip_suffix('\r').unwrap_or(secret).to_owned()))
}
