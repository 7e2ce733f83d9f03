//! The control listener with all it changes.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use super::StartError;
use super::resolve::Resolver;
use crate::admin::{Control, ControlToken, Controls, Reloads, Resolve};
use crate::config;
use crate::edge::request_id::RequestIdLayer;
use crate::server::{Address, Passed, SideListener};
use crate::stack::Shared;
use crate::telemetry::Levels;

/// A bound control listener.
pub(super) struct ControlPoint {
    listener: SideListener,
    token: Arc<ControlToken>,
}

impl ControlPoint {
    /// Binds it, and reads its token.
    pub(super) fn bind(
        control: &config::Control,
        token: &Arc<ControlToken>,
        shared: bool,
        passed: &Passed,
    ) -> Result<Self, StartError> {
        let source = control.token.as_ref();
        token.replace(source.map(config::SecretSource::load).transpose()?.as_ref());
        let listener = SideListener::control(&control.listen, shared, passed).map_err(StartError::Bind)?;
        // What was passed is not what was checked.
        let address = listener.address();
        if !address.is_local() || (address.tcp().is_some() && source.is_none()) {
            return Err(StartError::ControlOpen(address.clone()));
        }
        Ok(Self { listener, token: Arc::clone(token) })
    }

    /// Where it can be reached.
    pub(super) fn address(&self) -> &Address {
        self.listener.address()
    }

    /// Serves until `ended`.
    pub(super) async fn serve(
        self,
        shared: Arc<Shared>,
        levels: Option<Levels>,
        reloads: Option<Reloads>,
        ended: CancellationToken,
    ) {
        let records: Option<Arc<dyn Resolve>> = match shared.idempotency.status() {
            Some(_) => Some(Arc::new(Resolver(Arc::clone(&shared)))),
            None => None,
        };
        let controls = Controls {
            levels,
            reloads,
            cache: Arc::clone(&shared.cache),
            snapshots: Arc::clone(&shared.snapshots),
            records,
            audit: shared.audit.clone(),
        };
        let ids = RequestIdLayer::new(Arc::clone(&shared.clock));
        let service = ServiceBuilder::new().layer(ids).service(Control::new(controls, self.token));
        if let Err(error) = self.listener.serve(Arc::new(service), ended.cancelled()).await {
            tracing::error!(%error, "the control listener failed");
        }
    }
}
