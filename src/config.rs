//! Configuration: the file as it is written (`raw`) becomes types that cannot be wrong (`validate`), or every fault at once.
//!
//! Nothing below the composition root sees the whole [`Config`]: each part takes its own slice.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

pub use self::effective::{effective, grace_period};
pub use self::identity::Identity;
pub use self::listen::ListenError;
pub use self::live::Applicable;
pub use self::redis_url::{RedisUrl, RedisUrlError};
pub use self::report::Report;
use self::report::Source;
pub use self::secret::{Environment, SecretError, process_environment};
pub use self::settings::*;
pub use self::tls::{TlsError, TlsFile, TlsFiles, TlsMaterial, TlsProblem, Validity, crypto_provider};
use self::validate::Invalid;
use crate::catalogue::{Catalogue, Modes};
use crate::fault::{Fault, SourceId};

mod effective;
mod identity;
mod listen;
mod live;
mod raw;
mod redis_url;
mod report;
mod secret;
pub mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod validate;

/// The longest configuration or catalogue file that is read, in bytes.
const LIMIT: u64 = 4 << 20;

/// A configuration without faults, and advice about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is legal, but unwise.
    pub warnings: Report,
}

/// What callers may be given, where it goes and what is asked of them: all that a description of operations needs.
#[derive(Debug)]
pub struct Offer {
    /// The catalogue, with the file's overrides applied.
    pub catalogue: Catalogue,
    /// Indexed by the catalogue's `UpstreamId`.
    pub upstreams: Vec<Upstream>,
    /// How strictly requests are validated.
    pub validation: Modes,
    /// How callers may prove who they are; there is always a way.
    pub callers: Vec<CallerKind>,
    /// The requests that must bear an idempotency key.
    pub keys_for: RequiredFor,
}

/// A way in which callers may prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// By a token of an issuer.
    Token,
    /// By an API key.
    ApiKey,
    /// By a client certificate.
    Certificate,
    /// By being the sidecar's own app: without any credential.
    Local,
}

/// Reads and checks a configuration file, with all it refers to: secrets, key sets and the catalogue.
///
/// # Errors
/// Every fault there is, and the warnings with them.
pub fn load(path: &Path) -> Result<Loaded, Report> {
    load_with(path, &process_environment)
}

/// Reads and checks a configuration file, asking `environment` for variables.
///
/// # Errors
/// Every fault there is, and the warnings with them.
pub fn load_with(path: &Path, environment: &Environment<'_>) -> Result<Loaded, Report> {
    parse(&text(path)?, path, environment)
}

/// Reads what a configuration file says about operations and upstreams; secrets and callers need not be there.
///
/// Without a file it is the embedded catalogue, in the default environment.
///
/// # Errors
/// Every fault of that.
pub fn offer(path: Option<&Path>) -> Result<Offer, Report> {
    let text = path.map_or_else(|| Ok(String::new()), text)?;
    let path = path.unwrap_or(Path::new(""));
    validate::offer(&text, path).map_err(|invalid| invalid.report(&text, path))
}

/// Checks a configuration's text as if it stood in the file `path`, which need not exist.
///
/// # Errors
/// Every fault there is, and the warnings with them.
pub fn parse(text: &str, path: &Path, environment: &Environment<'_>) -> Result<Loaded, Report> {
    match validate::config(text, path, environment) {
        Ok((config, warnings)) => {
            Ok(Loaded { config, warnings: Report::new(warnings, &[Source::new(SourceId::Config, path, text)]) })
        }
        Err(invalid) => Err(invalid.report(text, path)),
    }
}

impl Invalid {
    fn report(self, text: &str, path: &Path) -> Report {
        let Self { faults, catalogue } = self;
        let catalogue = Source::new(SourceId::Catalogue, &catalogue.path, &catalogue.text);
        Report::new(faults, &[Source::new(SourceId::Config, path, text), catalogue])
    }
}

/// A configuration file's text.
fn text(path: &Path) -> Result<String, Report> {
    read(path).map_err(|Unread { message, remedy }| {
        let remedy = format!("{remedy} (--config or PASSPORT_GATEWAY_CONFIG)");
        Report::new(vec![Fault::error("", message, remedy)], &[Source::new(SourceId::Config, path, "")])
    })
}

/// Why a file was not read, and what to do about it.
struct Unread {
    message: String,
    remedy: &'static str,
}

/// Reads a text file of bounded length.
fn read(path: &Path) -> Result<String, Unread> {
    let unread = |message, remedy| Unread { message, remedy };
    let failed = |error: io::Error| {
        unread(
            format!("the file cannot be read: {}", reason(error.kind())),
            "name a file that exists and that the gateway may read",
        )
    };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        return Err(unread(
            format!("the file is longer than {} MiB", LIMIT >> 20),
            "name another: this is no file of the gateway",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        unread(format!("the file is not UTF-8: line {line} holds other bytes"), "save it as UTF-8, or name another file")
    })
}

/// Why the system refuses a file, in an operator's words.
fn reason(kind: io::ErrorKind) -> String {
    match kind {
        io::ErrorKind::NotFound => "there is none of this name".to_owned(),
        other => other.to_string(),
    }
}
