//! What has been proven about a request is its type: `Request → Routed → Authenticated → Authorized → Validated → Outbound`.
//!
//! A stage is reached through the transition that performs its check and in no other way, so a service that takes an
//! [`Outbound`] cannot be given a request that skipped one.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;
use http::uri::PathAndQuery;
use tokio::time::Instant;

use crate::body::Body;
use crate::catalogue::{CanonicalQuery, Location, Match, NoMatch, Operation, OperationId, Report, Violation};
use crate::exchange::Exchange;
use crate::identity::{Attempts, Caller, IssuerId, Unauthenticated};
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::snapshot::{Credential, CredentialId, Snapshot, Tenant};

/// A request as it came from the connection; nothing about it is known. It may hold secrets and personal data and does not print.
pub struct Arrival {
    /// The head.
    pub head: Parts,
    /// The body, unread.
    pub body: Body,
    /// Who sent it.
    pub peer: Peer,
}

/// A request that is observed.
#[derive(Debug)]
pub struct Request {
    arrival: Box<Arrival>,
    exchange: Exchange,
}

/// A request for a known, enabled operation, bound to one snapshot.
#[derive(Debug)]
pub struct Routed {
    request: Request,
    snapshot: Arc<Snapshot>,
    matched: Match,
}

/// A routed request of a known caller of a known tenant.
#[derive(Debug)]
pub struct Authenticated {
    routed: Routed,
    caller: Arc<Caller>,
}

/// An authenticated request whose caller and tenant hold the operation's scope.
#[derive(Debug)]
pub struct Authorized(Authenticated);

/// An authorized request whose path, query and body keep the operation's rules; cheap to clone, for another attempt.
#[derive(Clone, Debug)]
pub struct Validated {
    proven: Arc<Proven>,
    deadline: Instant,
}

/// What all attempts of one request share. It may hold personal data and does not print.
struct Proven {
    authorized: Authorized,
    query: CanonicalQuery,
    target: PathAndQuery,
    body: Bytes,
}

/// A validated request that carries the tenant's bearer in place of the caller's credential.
pub struct Outbound {
    validated: Validated,
    bearer: HeaderValue,
}

/// Why a routed request is not authenticated.
#[derive(Debug)]
pub enum Unproven {
    /// It is refused.
    Refused(Refusal),
    /// Its token names a key that the snapshot does not hold; fetching the issuer's keys may help.
    UnknownKey(Routed, IssuerId),
}

impl Request {
    /// Takes up an arrival whose facts `exchange` will hold.
    #[must_use]
    pub fn observed(arrival: Arrival, exchange: Exchange) -> Self {
        Self { arrival: Box::new(arrival), exchange }
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

    /// The facts of this request.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
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
}

impl Routed {
    /// Checks the caller's credential against the snapshot's issuers and keys, as of `wall`.
    ///
    /// # Errors
    ///
    /// A refusal, or the request itself where the issuer's keys must be fetched first.
    pub fn authenticate(self, wall: SystemTime, attempts: &impl Attempts) -> Result<Authenticated, Unproven> {
        let Request { arrival, exchange } = &self.request;
        match self.snapshot.callers.authenticate(&arrival.head, &arrival.peer, wall, attempts) {
            Ok(caller) => {
                exchange.set_caller(Arc::clone(&caller.id));
                exchange.set_tenant(self.snapshot.tenant(caller.tenant).name.clone());
                Ok(Authenticated { routed: self, caller })
            }
            Err(Unauthenticated::Refused(refusal)) => Err(Unproven::Refused(refusal)),
            Err(Unauthenticated::UnknownKey(issuer)) => Err(Unproven::UnknownKey(self, issuer)),
        }
    }

    /// Routes the request anew, by a newer snapshot.
    ///
    /// # Errors
    ///
    /// As [`Request::route`].
    pub fn reroute(self, snapshot: Arc<Snapshot>) -> Result<Self, Refusal> {
        self.request.route(snapshot)
    }

    /// Who sent it.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.request.arrival.peer
    }

    /// The facts of this request.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.request.exchange
    }

    /// The snapshot it is bound to.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The operation it asks for.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        self.snapshot.catalogue.operation(self.matched.operation)
    }
}

impl Authenticated {
    /// Checks that caller and tenant both hold the operation's scope: one bit.
    ///
    /// # Errors
    ///
    /// The scope that is missing.
    pub fn authorize(self) -> Result<Authorized, Refusal> {
        if self.caller.allowed.contains(self.routed.matched.operation) {
            Ok(Authorized(self))
        } else {
            Err(Refusal::InsufficientScope(self.routed.operation().scope.clone()))
        }
    }
}

impl Authorized {
    /// Takes the unread body out, for the one layer that reads it.
    pub fn take_body(&mut self) -> Body {
        std::mem::take(&mut self.0.routed.request.arrival.body)
    }

    /// The head, as the edge left it.
    #[must_use]
    pub fn head(&self) -> &Parts {
        self.0.routed.request.head()
    }

    /// The operation it asks for.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        self.0.routed.operation()
    }

    /// The caller who asks.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.0.caller
    }

    /// The tenant it acts for.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        self.0.routed.snapshot.tenant(self.0.caller.tenant)
    }

    /// The facts of this request.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        self.0.routed.exchange()
    }

    /// The snapshot it is bound to.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        self.0.routed.snapshot()
    }

    /// Checks path, query and body against the operation's rules, and fixes the target that goes upstream.
    ///
    /// # Errors
    ///
    /// Every violation of a rule that is enforced.
    pub fn validate(self, body: Bytes, now: Instant) -> Result<Validated, Refusal> {
        let parameters = &self.0.routed.matched.parameters;
        let operation = self.operation();
        let mut report = Report::new(self.snapshot().validation);
        operation.check_path(parameters, &mut report);
        let query = operation.query.check(self.head().uri.query(), &mut report);
        check_body(operation, &body, &mut report);
        let Report { refused, reported, .. } = report;
        self.exchange().set_reported(reported);
        let Some(query) = query.filter(|_| refused.is_empty()) else {
            return Err(Refusal::InvalidRequest(refused));
        };
        let target = operation.target(parameters, &query);
        let deadline = now + self.snapshot().timeout(operation);
        Ok(Validated { proven: Arc::new(Proven { authorized: self, query, target, body }), deadline })
    }
}

impl Validated {
    /// The same request with a time budget of its own that starts now.
    #[must_use]
    pub fn with_own_budget(self, now: Instant) -> Self {
        let deadline = now + self.snapshot().timeout(self.operation());
        Self { deadline, ..self }
    }

    /// Puts the tenant's bearer in place of the caller's credential.
    #[must_use]
    pub fn outbound(self, bearer: HeaderValue) -> Outbound {
        Outbound { validated: self, bearer }
    }

    /// When the head of the answer must have come.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The body: the very bytes that were validated; none is empty.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.proven.body
    }

    /// The head, as the edge left it.
    #[must_use]
    pub fn head(&self) -> &Parts {
        self.proven.authorized.head()
    }

    /// The operation it asks for.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        self.proven.authorized.operation()
    }

    /// The operation's place in the catalogue.
    #[must_use]
    pub fn operation_id(&self) -> OperationId {
        self.proven.authorized.0.routed.matched.operation
    }

    /// The canonical query: what goes up, and what the cache is keyed by.
    #[must_use]
    pub fn query(&self) -> &CanonicalQuery {
        &self.proven.query
    }

    /// Path and query that go up, built from the catalogue and validated segments.
    #[must_use]
    pub fn target(&self) -> &PathAndQuery {
        &self.proven.target
    }

    /// The tenant it acts for.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        self.proven.authorized.tenant()
    }

    /// The credential its tenant's requests go up with.
    #[must_use]
    pub fn credential(&self) -> (CredentialId, &Credential) {
        let id = self.tenant().credential;
        (id, self.snapshot().credential(id))
    }

    /// The facts of this request.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        self.proven.authorized.exchange()
    }

    /// The snapshot it is bound to.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        self.proven.authorized.snapshot()
    }
}

impl Outbound {
    /// The request that goes up.
    #[must_use]
    pub fn validated(&self) -> &Validated {
        &self.validated
    }

    /// The tenant's bearer, as a whole `Authorization` value.
    #[must_use]
    pub fn bearer(&self) -> &HeaderValue {
        &self.bearer
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").field("method", &self.head.method).finish_non_exhaustive()
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("validated", &self.validated).finish_non_exhaustive()
    }
}

impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proven").field("operation", &self.authorized.operation().name).finish_non_exhaustive()
    }
}

/// An operation without a body takes no bytes; no bytes are no body, whatever the fields say.
fn check_body(operation: &Operation, body: &Bytes, report: &mut Report) {
    match &operation.body {
        Some(rules) if rules.required() || !body.is_empty() => rules.check(body, report),
        None if !body.is_empty() => report.add(Violation::safety(Location::Body, "", "the operation takes no body")),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
