//! `[audit]`: the record of writes and denials.

use std::fmt;
use std::path::PathBuf;

use super::SecretSource;

/// Where records go, and what happens when they cannot.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Where records go.
    pub to: AuditPlace,
    /// What happens when they cannot be written.
    pub when_full: WhenFull,
    /// What keys and bodies are digested with; none makes one up at each start.
    pub hmac_key: Option<SecretSource>,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditPlace {
    /// To a file.
    File(PathBuf),
    /// To standard output, among the log's lines.
    Stdout,
}

/// What happens when records cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Payments are refused; other records are lost and counted.
    RefuseMoney,
    /// Records are lost and counted.
    Continue,
}

impl WhenFull {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RefuseMoney => "refuse-money",
            Self::Continue => "continue",
        }
    }
}

/// As it is written.
impl fmt::Display for AuditPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdout => f.write_str("stdout"),
        }
    }
}
