//! Records every write that belongs to the gateway, in the task in which it runs to its end.

use std::sync::Arc;

use tower_layer::Layer;

use super::{INTERNAL, answered, outcome};
use crate::audit::{Answered, Audit, Place, Write};
use crate::catalogue::Effect;
use crate::policy::idempotency::key_bytes;
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::stage::Validated;

/// Looks at every write that goes on.
#[derive(Clone)]
pub struct AuditWritesLayer(Option<Arc<Audit>>);

impl AuditWritesLayer {
    /// Records in `audit`, if there is one.
    #[must_use]
    pub fn new(audit: Option<Arc<Audit>>) -> Self {
        Self(audit)
    }
}

impl<S> Layer<S> for AuditWritesLayer {
    type Service = AuditWrites<S>;

    fn layer(&self, inner: S) -> AuditWrites<S> {
        AuditWrites { audit: self.0.clone(), inner }
    }
}

/// The service of [`AuditWritesLayer`].
pub struct AuditWrites<S> {
    audit: Option<Arc<Audit>>,
    inner: S,
}

impl<S: Service<Validated, Error = Refusal>> Service<Validated> for AuditWrites<S> {
    type Error = Refusal;

    async fn call(&self, request: Validated) -> Result<Response, Refusal> {
        let effect = request.operation().effect;
        let Some(audit) = self.audit.as_ref().filter(|_| effect != Effect::Read) else {
            return self.inner.call(request).await;
        };
        let Ok(place) = audit.place(effect) else {
            audit.refused();
            return Err(Refusal::AuditUnavailable);
        };
        let mut begun = Begun::new(Arc::clone(audit), place, request.clone());
        match self.inner.call(request).await {
            Ok(response) => {
                let (response, answered) = answered::read(response).await;
                begun.end(response.status().as_u16(), outcome(response.status()), answered);
                Ok(response)
            }
            Err(refusal) => {
                let kind = refusal.kind();
                begun.end(kind.status.as_u16(), kind.name, Answered::default());
                Err(refusal)
            }
        }
    }
}

/// A write that has begun and is recorded when it ends, also if that is by a panic or at the end of the drain.
struct Begun {
    audit: Arc<Audit>,
    place: Option<Place>,
    request: Validated,
}

impl Begun {
    fn new(audit: Arc<Audit>, place: Place, request: Validated) -> Self {
        request.exchange().set_audited(());
        Self { audit, place: Some(place), request }
    }

    fn end(&mut self, status: u16, outcome: &str, answered: Answered) {
        self.record(Some(status), outcome, answered);
    }

    fn record(&mut self, status: Option<u16>, outcome: &str, answered: Answered) {
        let Some(place) = self.place.take() else { return };
        let (request, exchange) = (&self.request, self.request.exchange());
        let operation = request.operation();
        let write = Write {
            request_id: exchange.id().to_str().unwrap_or_default(),
            tenant: request.tenant().name.as_str(),
            caller: exchange.caller().map_or("", |caller| caller),
            operation: &operation.name,
            effect: operation.effect,
            scope: operation.scope.as_str(),
            status,
            outcome,
            idempotency: exchange.idempotency().copied(),
            attempts: exchange.attempts(),
            idempotency_key_hmac: key_bytes(&request.head().headers).and_then(|key| self.audit.digest(&key)),
            body_hmac: self.audit.digest(request.body()),
            answered,
        };
        self.audit.write(&write, place);
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.record(None, INTERNAL, Answered::default());
    }
}
