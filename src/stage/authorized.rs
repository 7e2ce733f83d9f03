//! A request of a known caller, and one that the caller may make: its rules are checked.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::request::Parts;
use http::uri::PathAndQuery;
use tokio::time::Instant;

use super::{Routed, Validated};
use crate::body::Body;
use crate::catalogue::{Effect, Location, Operation, OperationId, Report, Violation};
use crate::exchange::Exchange;
use crate::identity::Caller;
use crate::refusal::Refusal;
use crate::snapshot::{Snapshot, Tenant};

/// A routed request of a known caller of a known tenant.
#[derive(Debug)]
pub struct Authenticated {
    pub(super) routed: Routed,
    pub(super) caller: Arc<Caller>,
    /// When that was proven.
    pub(super) wall: SystemTime,
}

/// An authenticated request whose caller and tenant hold the operation's scope.
#[derive(Debug)]
pub struct Authorized(Authenticated);

impl Authenticated {
    /// Checks that caller and tenant both hold the operation's scope: one bit. While its tenant's scopes are in shadow, a read
    /// that lacks it passes, and that it would not have is a fact.
    ///
    /// # Errors
    ///
    /// The scope that is missing.
    pub fn authorize(self) -> Result<Authorized, Refusal> {
        if self.caller.allowed.contains(self.routed.matched.operation) {
            return Ok(Authorized(self));
        }
        if self.is_in_shadow() {
            self.routed.exchange().set_scope_missed(());
            return Ok(Authorized(self));
        }
        Err(Refusal::InsufficientScope(self.routed.operation().scope.clone()))
    }

    fn is_in_shadow(&self) -> bool {
        let tenant = self.routed.snapshot.tenant(self.caller.tenant);
        self.routed.operation().effect == Effect::Read && tenant.scope_shadow_until.is_some_and(|until| self.wall < until)
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

    /// The operation's place in the catalogue.
    #[must_use]
    pub fn operation_id(&self) -> OperationId {
        self.0.routed.matched.operation
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
        let target = self.target(&body)?;
        let deadline = now + self.snapshot().timeout(self.operation());
        Ok(Validated::proven(self, target, body, deadline))
    }

    /// The target that goes upstream, if the request keeps all rules.
    fn target(&self, body: &Bytes) -> Result<PathAndQuery, Refusal> {
        let parameters = &self.0.routed.matched.parameters;
        let operation = self.operation();
        let mut report = Report::new(self.snapshot().validation);
        operation.check_path(parameters, &mut report);
        let query = operation.query.check(self.head().uri.query(), &mut report);
        check_body(operation, body, &mut report);
        let Report { refused, reported, .. } = report;
        self.exchange().set_reported(reported);
        let Some(query) = query.filter(|_| refused.is_empty()) else {
            return Err(Refusal::InvalidRequest(refused));
        };
        Ok(operation.target(parameters, &query, &self.head().uri))
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
