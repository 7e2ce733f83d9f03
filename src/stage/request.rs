//! A request that is observed: its operation is looked for.

use std::sync::Arc;

use http::request::Parts;

use super::{Arrival, Routed};
use crate::catalogue::NoMatch;
use crate::exchange::Exchange;
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;

/// A request that is observed.
#[derive(Debug)]
pub struct Request {
    pub(super) arrival: Box<Arrival>,
    pub(super) exchange: Exchange,
}

impl Request {
    /// Takes up an arrival whose facts `exchange` will hold.
    #[must_use]
    pub fn observed(arrival: Arrival, exchange: Exchange) -> Self {
        Self { arrival: Box::new(arrival), exchange }
    }

    /// Finds the operation in `snapshot`, to which the request is bound from here on.
    ///
    /// # Errors
    ///
    /// Unknown operation, wrong method, ambiguous path, or an operation that is not available.
    pub fn route(self, snapshot: Arc<Snapshot>) -> Result<Routed, Refusal> {
        let head = self.head();
        let matched = snapshot.catalogue.find(&head.method, head.uri.path()).map_err(|no_match| match no_match {
            NoMatch::Unknown => Refusal::UnknownOperation,
            NoMatch::Method { allow } => Refusal::MethodNotAllowed(allow),
            NoMatch::Malformed(reason) => Refusal::MalformedRequest(reason),
        })?;
        let operation = snapshot.catalogue.operation(matched.operation);
        self.exchange.set_operation((matched.operation, Arc::clone(&operation.name)));
        if !snapshot.is_available(matched.operation) {
            return Err(Refusal::OperationUnavailable);
        }
        Ok(Routed { request: self, snapshot, matched })
    }

    /// The head, as the caller sent it and the edge left it.
    #[must_use]
    pub fn head(&self) -> &Parts {
        &self.arrival.head
    }

    /// The head, for the edge to clean.
    pub fn head_mut(&mut self) -> &mut Parts {
        &mut self.arrival.head
    }

    /// What makes its bytes ambiguous.
    #[must_use]
    pub fn flaw(&self) -> Option<&'static str> {
        self.arrival.flaw
    }

    /// The facts of this request.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }
}
