//! The operations of Passport's API that the gateway knows: data in `config/passport.toml`, checked once and then only looked at.
//!
//! Adding an operation is adding lines to that file, or to `[operations.NAME]` in the gateway's own configuration. Deny by default:
//! what is not in the catalogue does not exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;

use self::matcher::Matcher;
use crate::fault::Fault;
use crate::scope::Grant;

pub use self::answers::{Answers, Meaning};
pub use self::body::{BodyRules, Schema};
pub use self::build::build;
pub use self::matcher::{Match, NoMatch};
pub use self::operation::{CacheRule, Effect, Operation, PathParameter, Upstream, UpstreamId};
pub use self::path::{PathParameters, SEGMENT_PATTERN, Template, TemplateError};
pub use self::query::{CanonicalQuery, QueryParameter, QueryRules, Relation};
pub use self::raw::{RawCatalogue, RawOperation};
pub use self::rule::{ValueRule, ValueRules};
pub use self::set::{OperationId, OperationSet};
pub use self::violation::{Location, Mode, Modes, Report, Strictness, Violation};

mod answers;
mod body;
mod build;
mod matcher;
mod operation;
mod path;
mod query;
pub mod raw;
mod rule;
mod set;
#[cfg(test)]
mod tests;
mod violation;

/// All operations and upstreams, consistent with each other. Immutable; part of a snapshot.
#[derive(Debug)]
pub struct Catalogue {
    operations: Vec<Operation>,
    by_name: BTreeMap<Arc<str>, OperationId>,
    upstreams: Vec<Upstream>,
    token_endpoint: (UpstreamId, Box<str>),
    answers: Answers,
    matcher: Matcher,
}

impl Catalogue {
    /// The text of the catalogue that is part of the program.
    #[must_use]
    pub fn embedded_text() -> &'static str {
        include_str!("../config/passport.toml")
    }

    /// The embedded catalogue with the operator's `[operations]` laid over it.
    ///
    /// # Errors
    /// Every fault of the overrides.
    pub fn embedded(overrides: &raw::Named<RawOperation>) -> Result<Self, Vec<Fault>> {
        let base = RawCatalogue::parse(Self::embedded_text()).map_err(|fault| vec![fault])?;
        build(&base, overrides)
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are no operations at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The operations in the order of the file.
    pub fn operations(&self) -> impl ExactSizeIterator<Item = (OperationId, &Operation)> {
        self.operations.iter().enumerate().map(|(at, operation)| (Self::id(at), operation))
    }

    /// The operation with this id, which must be of this catalogue.
    #[must_use]
    pub fn operation(&self, id: OperationId) -> &Operation {
        &self.operations[id.index()]
    }

    /// The operation of this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<OperationId> {
        self.by_name.get(name).copied()
    }

    /// The upstreams; an [`UpstreamId`] is a place among them.
    #[must_use]
    pub fn upstreams(&self) -> &[Upstream] {
        &self.upstreams
    }

    /// The upstream with this id, which must be of this catalogue.
    #[must_use]
    pub fn upstream(&self, id: UpstreamId) -> &Upstream {
        &self.upstreams[id.index()]
    }

    /// Where tokens are made, unless the configuration says otherwise: an upstream and a path there.
    #[must_use]
    pub fn token_endpoint(&self) -> (UpstreamId, &str) {
        (self.token_endpoint.0, &self.token_endpoint.1)
    }

    /// What an answer of this status means for the key of a write.
    #[must_use]
    pub fn meaning(&self, effect: Effect, status: u16) -> Meaning {
        self.answers.meaning(effect, status)
    }

    /// The operation that a request asks for. A disabled one is found as well; whether it may be used is the caller's to look at.
    ///
    /// # Errors
    /// No operation has this path, or not with this method, or the path can be read in more than one way.
    pub fn find(&self, method: &Method, path: &str) -> Result<Match, NoMatch> {
        self.matcher.find(method, path)
    }

    /// The operations whose scope some grant covers.
    #[must_use]
    pub fn granted(&self, grants: &[Grant]) -> OperationSet {
        let covered = |operation: &Operation| grants.iter().any(|grant| grant.covers(&operation.scope));
        self.operations().filter(|(_, operation)| covered(operation)).map(|(id, _)| id).collect()
    }

    fn id(at: usize) -> OperationId {
        OperationId(u16::try_from(at).expect("the builder counts operations in 16 bits"))
    }
}
