//! The file as it is written: a tree in which every key and value knows its place, and a reader that records faults and goes on.
//!
//! A reader never stops at the first fault: it answers with nothing, and whoever asked goes on with a default. The faults recorded
//! decide in the end whether there is a configuration at all.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::secret::Environment;
use crate::fault::{Fault, Severity};

pub(super) use self::syntax::Parsed;
pub(super) use self::table::{Table, quoted};
pub(super) use self::value::Value;

mod scalars;
mod syntax;
mod table;
mod value;

/// What all readers of one file share.
pub(super) struct Context<'e> {
    /// Where the file's relative paths start.
    directory: PathBuf,
    environment: &'e Environment<'e>,
    faults: RefCell<Vec<Fault>>,
}

impl<'e> Context<'e> {
    pub(super) fn new(directory: PathBuf, environment: &'e Environment<'e>) -> Self {
        Self { directory, environment, faults: RefCell::default() }
    }

    pub(super) fn environment(&self) -> &Environment<'e> {
        self.environment
    }

    /// A path of the file, which relative starts at the file's own directory.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        let joined = self.directory.join(path);
        std::path::absolute(&joined).unwrap_or(joined)
    }

    pub(super) fn record(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    pub(super) fn is_faulty(&self) -> bool {
        self.faults.borrow().iter().any(|fault| fault.severity == Severity::Error)
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults.into_inner()
    }
}

/// The place of something in the file: where a fault about it points.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The dotted key path.
    pub(super) key: String,
    /// The bytes.
    pub(super) span: Range<usize>,
}

impl Place {
    pub(super) fn error(&self, message: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault::error(self.key.as_str(), message, remedy).at(self.span.clone())
    }

    pub(super) fn warning(&self, message: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault::warning(self.key.as_str(), message, remedy).at(self.span.clone())
    }
}

/// The directory that a file's relative paths start at.
pub(super) fn directory(file: &Path) -> PathBuf {
    file.parent().map(Path::to_owned).unwrap_or_default()
}
