//! Layer 20: so many requests in flight per upstream, over all workers; one more is refused, never queued.

use std::sync::Arc;

use http_body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_layer::Layer;

use super::destination::Destinations;
use crate::catalogue::UpstreamId;
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::stage::Outbound;

/// The permits of all upstreams, made once.
#[derive(Debug)]
pub struct InFlight(Box<[Arc<Semaphore>]>);

impl InFlight {
    /// `max` permits for each upstream.
    #[must_use]
    pub fn new(destinations: &Destinations, max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self(destinations.iter().map(|_| Arc::new(Semaphore::new(max))).collect())
    }

    fn permit(&self, upstream: UpstreamId) -> Result<OwnedSemaphorePermit, Refusal> {
        let permits = self.0.get(upstream.index()).ok_or(Refusal::OperationUnavailable)?;
        Arc::clone(permits).try_acquire_owned().map_err(|_| Refusal::Overloaded)
    }
}

/// Bounds the requests in flight.
#[derive(Clone, Debug)]
pub struct ConcurrencyLayer(Arc<InFlight>);

impl ConcurrencyLayer {
    /// Takes permits from `in_flight`.
    #[must_use]
    pub fn new(in_flight: Arc<InFlight>) -> Self {
        Self(in_flight)
    }
}

impl<S> Layer<S> for ConcurrencyLayer {
    type Service = Concurrency<S>;

    fn layer(&self, inner: S) -> Concurrency<S> {
        Concurrency { in_flight: Arc::clone(&self.0), inner }
    }
}

/// The service of [`ConcurrencyLayer`].
#[derive(Debug)]
pub struct Concurrency<S> {
    in_flight: Arc<InFlight>,
    inner: S,
}

impl<S: Service<Outbound, Error = Refusal>> Service<Outbound> for Concurrency<S> {
    type Error = Refusal;

    async fn call(&self, request: Outbound) -> Result<Response, Refusal> {
        let permit = self.in_flight.permit(request.validated().operation().upstream)?;
        let answer = self.inner.call(request).await?;
        // An answer without a body has ended already.
        Ok(answer.map(|body| if body.is_end_stream() { body } else { body.holding(permit) }))
    }
}

#[cfg(test)]
mod tests;
