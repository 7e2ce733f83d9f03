//! Layer 12: a write belongs to the gateway once its bytes may leave.
//!
//! From here on a write runs in a task of its own with a time budget of its own: the caller's leaving or deadline ends the
//! waiting, not the write. Drain waits for these tasks.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tower_layer::Layer;

use crate::catalogue::Effect;
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::stage::Validated;

/// Runs writes to their end.
#[derive(Clone, Debug)]
pub struct CompleteLayer(TaskTracker);

impl CompleteLayer {
    /// Spawns writes on `tasks`, which drain waits for.
    #[must_use]
    pub fn new(tasks: TaskTracker) -> Self {
        Self(tasks)
    }
}

impl<S> Layer<S> for CompleteLayer {
    type Service = Complete<S>;

    fn layer(&self, inner: S) -> Complete<S> {
        Complete { tasks: self.0.clone(), inner: Arc::new(inner) }
    }
}

/// The service of [`CompleteLayer`].
#[derive(Debug)]
pub struct Complete<S> {
    tasks: TaskTracker,
    inner: Arc<S>,
}

impl<S: Service<Validated, Error = Refusal>> Service<Validated> for Complete<S> {
    type Error = Refusal;

    async fn call(&self, request: Validated) -> Result<Response, Refusal> {
        if request.operation().effect == Effect::Read {
            return self.inner.call(request).await;
        }
        let inner = Arc::clone(&self.inner);
        let request = request.with_own_budget(Instant::now());
        let write = self.tasks.spawn(async move { inner.call(request).await });
        write.await.unwrap_or(Err(Refusal::Internal))
    }
}
