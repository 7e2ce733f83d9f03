//! A gate is a pure decision about a request: it lets it through, as the next stage, or refuses it.
//!
//! Layer, service and future are written once, here; a policy file holds only its decision and is tested without a runtime.

use std::sync::Arc;

use tower_layer::Layer;

use crate::refusal::Refusal;
use crate::service::{Response, Service};

/// A decision that needs no waiting.
#[diagnostic::on_unimplemented(
    message = "the gate `{Self}` does not decide about a request at stage `{In}`",
    label = "decides about another stage than `{In}`",
    note = "a security layer is missing or stands in the wrong place: put the layers in the order of `src/stack.rs`"
)]
pub trait Gate<In>: Send + Sync + 'static {
    /// The stage of a request that was let through.
    type Out: Send;

    /// Lets the request through or refuses it.
    ///
    /// # Errors
    ///
    /// The refusal that ends the request.
    fn admit(&self, request: In) -> Result<Self::Out, Refusal>;
}

/// Puts a gate before a service.
#[derive(Debug)]
pub struct GateLayer<G>(Arc<G>);

impl<G> GateLayer<G> {
    /// Makes a layer of a decision.
    pub fn new(gate: G) -> Self {
        Self(Arc::new(gate))
    }
}

impl<G, S> Layer<S> for GateLayer<G> {
    type Service = Gated<G, S>;

    fn layer(&self, inner: S) -> Gated<G, S> {
        Gated { gate: Arc::clone(&self.0), inner }
    }
}

/// A service behind a gate.
#[derive(Debug)]
pub struct Gated<G, S> {
    gate: Arc<G>,
    inner: S,
}

impl<In, G, S> Service<In> for Gated<G, S>
where
    In: Send,
    G: Gate<In>,
    S: Service<G::Out, Error = Refusal>,
{
    type Error = Refusal;

    async fn call(&self, request: In) -> Result<Response, Refusal> {
        self.inner.call(self.gate.admit(request)?).await
    }
}
