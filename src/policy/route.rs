//! Layer 5: method and path become an operation of the one snapshot this request is judged by; deny by default.

use std::sync::Arc;

use crate::gate::Gate;
use crate::refusal::Refusal;
use crate::snapshot::Snapshots;
use crate::stage::{Request, Routed};

/// Binds a request to the snapshot in force.
pub struct Route(Arc<Snapshots>);

impl Route {
    /// Loads snapshots from `snapshots`.
    #[must_use]
    pub fn new(snapshots: Arc<Snapshots>) -> Self {
        Self(snapshots)
    }
}

impl Gate<Request> for Route {
    type Out = Routed;

    fn admit(&self, request: Request) -> Result<Routed, Refusal> {
        request.route(self.0.load())
    }
}
