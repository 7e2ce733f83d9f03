//! A request that keeps its operation's rules, and the one that goes upstream for it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;
use http::uri::PathAndQuery;
use tokio::time::Instant;

use super::Authorized;
use crate::catalogue::{Operation, OperationId};
use crate::exchange::Exchange;
use crate::snapshot::{Credential, CredentialId, Snapshot, Tenant};

/// An authorized request whose path, query and body keep the operation's rules; cheap to clone, for another attempt.
#[derive(Clone, Debug)]
pub struct Validated {
    proven: Arc<Proven>,
    deadline: Instant,
    held: Option<Arc<Validators>>,
    background: Option<Exchange>,
}

/// What Passport itself told an answer by that the gateway holds: it need not send that one again (RFC 9110 §8.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    /// Its `ETag`.
    pub entity_tag: Option<HeaderValue>,
    /// Its `Last-Modified`.
    pub last_modified: Option<HeaderValue>,
}

/// What all attempts of one request share. It may hold personal data and does not print.
struct Proven {
    authorized: Authorized,
    target: PathAndQuery,
    body: Bytes,
}

/// A validated request that carries the tenant's bearer in place of the caller's credential.
pub struct Outbound {
    validated: Validated,
    bearer: HeaderValue,
}

impl Validated {
    /// What validation, and nothing else, makes.
    pub(super) fn proven(authorized: Authorized, target: PathAndQuery, body: Bytes, deadline: Instant) -> Self {
        Self { proven: Arc::new(Proven { authorized, target, body }), deadline, held: None, background: None }
    }

    /// The same request with a time budget of its own that starts now.
    #[must_use]
    pub fn with_own_budget(self, now: Instant) -> Self {
        let deadline = now + self.snapshot().timeout(self.operation());
        Self { deadline, ..self }
    }

    /// The same request, to be answered by a 304 if Passport would send what is held already (RFC 9111 §4.3.1).
    #[must_use]
    pub fn unless_unchanged(self, held: Arc<Validators>) -> Self {
        Self { held: Some(held), ..self }
    }

    /// The same request for nobody who waits: what happens to it is no fact about the caller's own.
    #[must_use]
    pub fn in_background(self, now: Instant) -> Self {
        let caused_by = self.exchange();
        let own = Exchange::new(caused_by.id().clone(), now);
        caused_by.operation().cloned().into_iter().for_each(|operation| own.set_operation(operation));
        caused_by.tenant().cloned().into_iter().for_each(|tenant| own.set_tenant(tenant));
        Self { background: Some(own), ..self }
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

    /// What the gateway holds, if the answer is only wanted when it is another.
    #[must_use]
    pub fn held(&self) -> Option<&Validators> {
        self.held.as_deref()
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
        self.proven.authorized.operation_id()
    }

    /// Path and query that go up, and what the cache is keyed by: built from the catalogue, validated segments and the canonical query.
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
        self.background.as_ref().unwrap_or_else(|| self.proven.authorized.exchange())
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
