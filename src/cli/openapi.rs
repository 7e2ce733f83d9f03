//! `openapi`: the gateway's own face, in OpenAPI 3.1.

use super::{ConfigFile, Exit, check, say};
use crate::config;
use crate::openapi::document;

/// Prints the description of the configuration's operations, or of the embedded catalogue's without a configuration.
pub(super) fn openapi(config: &ConfigFile) -> Exit {
    match config::offer(config.if_any()) {
        Ok(offer) => {
            say(format_args!("{:#}", document(&offer)));
            Exit::Done
        }
        Err(faults) => check::refuse(&faults),
    }
}
