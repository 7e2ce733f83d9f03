//! `check`: every fault of a configuration, or its warnings and what is in effect.

use std::io::{self, IsTerminal};
use std::path::Path;

use super::{Exit, complain, say};
use crate::config::{self, Loaded, Report};

/// Prints the effective configuration, or every fault.
pub(super) fn check(path: &Path) -> Exit {
    match load(path) {
        Ok(Loaded { config, warnings }) => {
            if !warnings.is_empty() {
                report(&warnings);
            }
            say(config::effective(&config));
            Exit::Done
        }
        Err(exit) => exit,
    }
}

/// Loads a configuration, or tells all its faults.
pub(super) fn load(path: &Path) -> Result<Loaded, Exit> {
    config::load(path).map_err(|faults| refuse(&faults))
}

/// Tells all faults of a configuration.
pub(super) fn refuse(faults: &Report) -> Exit {
    report(faults);
    Exit::Configuration
}

fn report(faults: &Report) {
    complain(faults.render(io::stderr().is_terminal()).trim_end());
}
