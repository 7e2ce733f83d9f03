//! Records who was denied, and writes that were refused or given up before they began.

use std::sync::Arc;

use tower_layer::Layer;

use super::unfinished;
use crate::audit::{Answered, Audit, Denial, Place, Write};
use crate::catalogue::{Effect, OperationId};
use crate::exchange::Exchange;
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::snapshot::Snapshot;
use crate::stage::Routed;
use crate::tenant::TenantName;

/// Looks at every request whose operation is known.
#[derive(Clone)]
pub struct AuditAskedLayer(Option<Arc<Audit>>);

impl AuditAskedLayer {
    /// Records in `audit`, if there is one.
    #[must_use]
    pub fn new(audit: Option<Arc<Audit>>) -> Self {
        Self(audit)
    }
}

impl<S> Layer<S> for AuditAskedLayer {
    type Service = AuditAsked<S>;

    fn layer(&self, inner: S) -> AuditAsked<S> {
        AuditAsked { audit: self.0.clone(), inner }
    }
}

/// The service of [`AuditAskedLayer`].
pub struct AuditAsked<S> {
    audit: Option<Arc<Audit>>,
    inner: S,
}

impl<S: Service<Routed, Error = Refusal>> Service<Routed> for AuditAsked<S> {
    type Error = Refusal;

    async fn call(&self, request: Routed) -> Result<Response, Refusal> {
        let Some(audit) = &self.audit else { return self.inner.call(request).await };
        let mut asked = Asked {
            audit,
            exchange: request.exchange().clone(),
            snapshot: Arc::clone(request.snapshot()),
            operation: request.operation_id(),
            ended: false,
        };
        let answer = self.inner.call(request).await;
        asked.ended(answer.as_ref().err());
        answer
    }
}

/// A request that is to be recorded if it is denied, or a write that never begins. One that does not end was given up.
struct Asked<'a> {
    audit: &'a Audit,
    exchange: Exchange,
    snapshot: Arc<Snapshot>,
    operation: OperationId,
    ended: bool,
}

impl Asked<'_> {
    fn ended(&mut self, refusal: Option<&Refusal>) {
        self.ended = true;
        let Some(refusal) = refusal else { return };
        let kind = refusal.kind();
        if is_denial(refusal) {
            self.deny(kind.status.as_u16(), kind.name);
        } else {
            self.record(Some(kind.status.as_u16()), kind.name);
        }
    }

    fn deny(&self, status: u16, outcome: &str) {
        let operation = self.snapshot.catalogue.operation(self.operation);
        self.audit.denial(&Denial {
            request_id: self.exchange.id().to_str().unwrap_or_default(),
            tenant: self.exchange.tenant().map(TenantName::as_str),
            caller: self.exchange.caller().map(|caller| &**caller),
            operation: &operation.name,
            effect: operation.effect,
            scope: operation.scope.as_str(),
            status,
            outcome,
        });
    }

    /// Records a write of a known caller, unless it began: then its own task records it.
    fn record(&self, status: Option<u16>, outcome: &str) {
        let operation = self.snapshot.catalogue.operation(self.operation);
        let (Some(tenant), Some(caller)) = (self.exchange.tenant(), self.exchange.caller()) else { return };
        if operation.effect == Effect::Read || self.exchange.audited().is_some() {
            return;
        }
        let write = Write {
            request_id: self.exchange.id().to_str().unwrap_or_default(),
            tenant: tenant.as_str(),
            caller,
            operation: &operation.name,
            effect: operation.effect,
            scope: operation.scope.as_str(),
            status,
            outcome,
            idempotency: None,
            attempts: 0,
            idempotency_key_hmac: None,
            body_hmac: None,
            answered: Answered::default(),
        };
        self.audit.write(&write, Place::none());
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.record(None, unfinished());
        }
    }
}

/// Whether it is refused for who sent it.
fn is_denial(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::MissingCredential
            | Refusal::InvalidCredential(_)
            | Refusal::AmbiguousCredential
            | Refusal::UnknownTenant
            | Refusal::InsufficientScope(_)
            | Refusal::TooManyFailures(_)
    )
}
