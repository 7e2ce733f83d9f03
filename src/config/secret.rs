//! Reading secrets from where they are kept.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::settings::SecretSource;
use crate::secret::Secret;

/// Looks an environment variable up; none if it is not set, or not UTF-8.
pub type Environment<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// The longest secret that is read, in bytes.
const LIMIT: usize = 64 * 1024;

/// Why a secret could not be read. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret's file `{}` cannot be read: {}", path.display(), super::reason(*kind))]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The environment variable is not there.
    #[error("the secret's environment variable `{0}` is not set")]
    Variable(String),
    /// There is nothing in it.
    #[error("the secret is empty")]
    Empty,
    /// It is longer than any secret.
    #[error("the secret is longer than 64 KiB")]
    TooLong,
    /// It holds a line break or another control character, which neither a header field nor a form carries.
    #[error("the secret holds a line break or another control character")]
    ControlCharacter,
}

impl SecretSource {
    /// Reads the secret anew. A file's trailing newline is not part of it.
    ///
    /// # Errors
    /// Fails when there is no such file or variable, or when what it holds cannot be a secret.
    pub fn load(&self) -> Result<Secret, SecretError> {
        self.load_with(&process_environment)
    }

    /// Reads the secret anew, asking `environment` for variables.
    ///
    /// # Errors
    /// Fails when there is no such file or variable, or when what it holds cannot be a secret.
    pub fn load_with(&self, environment: &Environment<'_>) -> Result<Secret, SecretError> {
        match self {
            Self::File(path) => checked(without_newline(&read(path)?)),
            Self::Env(name) => {
                let value = Zeroizing::new(environment(name).ok_or_else(|| SecretError::Variable(name.clone()))?);
                checked(&value)
            }
            Self::Literal(secret) => checked(secret.expose()),
        }
    }
}

/// The environment of this process.
#[must_use]
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn read(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let failed = |error: io::Error| SecretError::File { path: path.to_owned(), kind: error.kind() };
    let file = File::open(path).map_err(failed)?;
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(LIMIT + 1));
    file.take(LIMIT as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() > LIMIT { Err(SecretError::TooLong) } else { Ok(text) }
}

fn without_newline(text: &str) -> &str {
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}

fn checked(text: &str) -> Result<Secret, SecretError> {
    match text {
        "" => Err(SecretError::Empty),
        long if long.len() > LIMIT => Err(SecretError::TooLong),
        text if text.contains(char::is_control) => Err(SecretError::ControlCharacter),
        text => Ok(Secret::new(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(content: &[u8]) -> Result<String, SecretError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, content).unwrap();
        SecretSource::File(path).load().map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn one_trailing_newline_of_a_file_is_not_part_of_the_secret() {
        assert_eq!(from_file(b"s3cr3t\n"), Ok("s3cr3t".to_owned()));
        assert_eq!(from_file(b"s3cr3t\r\n"), Ok("s3cr3t".to_owned()));
        assert_eq!(from_file(b"s3cr3t"), Ok("s3cr3t".to_owned()));
        assert_eq!(from_file(b" s3cr3t "), Ok(" s3cr3t ".to_owned()));
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused() {
        assert_eq!(from_file(b"\n"), Err(SecretError::Empty));
        assert_eq!(from_file(b"one\ntwo\n"), Err(SecretError::ControlCharacter));
        assert_eq!(from_file("x".repeat(LIMIT + 1).as_bytes()), Err(SecretError::TooLong));
        assert!(matches!(from_file(b"\xff"), Err(SecretError::File { kind: io::ErrorKind::InvalidData, .. })));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = SecretSource::File("/nowhere/secret".into()).load().unwrap_err();

        assert_eq!(error.to_string(), "the secret's file `/nowhere/secret` cannot be read: there is none of this name");
    }

    #[test]
    fn variables_are_asked_of_the_environment_given() {
        let environment = |name: &str| (name == "ACME").then(|| "s3cr3t".to_owned());

        let found = SecretSource::Env("ACME".to_owned()).load_with(&environment);
        let missing = SecretSource::Env("OTHER".to_owned()).load_with(&environment);

        assert_eq!(found, Ok(Secret::new("s3cr3t".to_owned())));
        assert_eq!(missing, Err(SecretError::Variable("OTHER".to_owned())));
    }
}
