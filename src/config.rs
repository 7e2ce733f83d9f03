//! Configuration: the file as it is written (`raw`) becomes types that cannot be wrong (`validate`), or every fault at once.
//!
//! Nothing below the composition root sees the whole [`Config`]: each part takes its own slice.

use std::fs;
use std::path::Path;

pub use self::effective::{effective, grace_period};
pub use self::listen::ListenError;
pub use self::report::Report;
use self::report::Source;
pub use self::secret::{Environment, SecretError, process_environment};
pub use self::settings::*;
use self::validate::Invalid;
use crate::fault::{Fault, SourceId};

mod effective;
mod listen;
mod raw;
mod report;
mod secret;
pub mod settings;
#[cfg(test)]
mod tests;
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
    match read(path) {
        Ok(text) => parse(&text, path, environment),
        Err(message) => {
            let remedy = "name a file that can be read with --config or PASSPORT_GATEWAY_CONFIG";
            Err(Report::new(vec![Fault::error("", message, remedy)], &[Source::new(SourceId::Config, path, "")]))
        }
    }
}

/// Checks a configuration's text as if it stood in the file `path`, which need not exist.
///
/// # Errors
/// Every fault there is, and the warnings with them.
pub fn parse(text: &str, path: &Path, environment: &Environment<'_>) -> Result<Loaded, Report> {
    let source = Source::new(SourceId::Config, path, text);
    match validate::config(text, path, environment) {
        Ok((config, warnings)) => Ok(Loaded { config, warnings: Report::new(warnings, &[source]) }),
        Err(Invalid { faults, catalogue }) => {
            let catalogue = Source::new(SourceId::Catalogue, &catalogue.path, &catalogue.text);
            Err(Report::new(faults, &[source, catalogue]))
        }
    }
}

/// Reads a text file of bounded length; fails with what to tell the operator.
fn read(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| format!("the file cannot be read: {}", error.kind()))?.len();
    if length > LIMIT {
        return Err(format!("the file is longer than {} MiB", LIMIT >> 20));
    }
    let bytes = fs::read(path).map_err(|error| format!("the file cannot be read: {}", error.kind()))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        format!("the file is not UTF-8: line {line} holds other bytes")
    })
}
