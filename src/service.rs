//! What every layer of the stack is.
//!
//! A service is shared by reference and has nothing to poll before a call: a stack of such services is always ready, and no
//! layer can reserve what it then fails to give back. Layers compose with `tower`'s [`ServiceBuilder`](tower::ServiceBuilder).

use std::sync::Arc;

use crate::body::Body;

/// An answer, from Passport or from the gateway.
pub type Response = http::Response<Body>;

/// Takes a request at one stage and answers it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not take a request at stage `{Request}`",
    label = "expects another stage than `{Request}`",
    note = "a security layer is missing or stands in the wrong place: the stack goes Arrival → Request → Routed → Authenticated → Authorized → Validated → Outbound",
    note = "add the layer whose transition makes the expected stage, in the order of `src/stack.rs`"
)]
pub trait Service<Request>: Send + Sync + 'static {
    /// What ends a request without an answer: [`Refusal`](crate::refusal::Refusal) below rescue, nothing above it.
    type Error;

    /// Answers one request. Dropping the future abandons the request and gives back whatever it held.
    fn call(&self, request: Request) -> impl Future<Output = Result<Response, Self::Error>> + Send;
}

impl<S: Service<R>, R> Service<R> for Arc<S> {
    type Error = S::Error;

    fn call(&self, request: R) -> impl Future<Output = Result<Response, Self::Error>> + Send {
        S::call(self, request)
    }
}

/// A seam: below it, a request's future lives in an allocation of its own.
///
/// It keeps the future of the layers above small, which hyper holds inline for each connection, idle ones too.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeamLayer;

impl<S> tower_layer::Layer<S> for SeamLayer {
    type Service = Seam<S>;

    fn layer(&self, inner: S) -> Seam<S> {
        Seam(inner)
    }
}

/// The service of [`SeamLayer`].
#[derive(Clone, Debug)]
pub struct Seam<S>(S);

impl<R, S> Service<R> for Seam<S>
where
    S: Service<R>,
    R: Send + 'static,
{
    type Error = S::Error;

    fn call(&self, request: R) -> impl Future<Output = Result<Response, Self::Error>> + Send {
        Box::pin(self.0.call(request))
    }
}
