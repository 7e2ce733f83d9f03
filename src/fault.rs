//! A fault in a file the operator wrote: where it is, what is wrong and what to do about it.
//!
//! Faults are collected, never returned one at a time: whoever mends a file wants to see all of them.

use std::ops::Range;

/// How much a fault matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Legal, but unwise; the gateway starts.
    Warning,
    /// The gateway does not start.
    Error,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whether it prevents the start.
    pub severity: Severity,
    /// Which of the sources it stands in.
    pub source: SourceId,
    /// The bytes of the source it is about, if any are.
    pub span: Option<Range<usize>>,
    /// The dotted key path, such as `tenants.acme.scopes`.
    pub key: String,
    /// What is wrong. Never holds a secret's value.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// The files faults may stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum SourceId {
    /// The gateway's configuration file.
    #[default]
    Config,
    /// The catalogue of operations.
    Catalogue,
}

impl Fault {
    /// A fault that prevents the start.
    pub fn error(key: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            source: SourceId::Config,
            span: None,
            key: key.into(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// Advice about something legal but unwise.
    pub fn warning(key: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(key, message, remedy) }
    }

    /// Says where it stands.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// Says which file it stands in.
    #[must_use]
    pub fn in_source(mut self, source: SourceId) -> Self {
        self.source = source;
        self
    }
}
