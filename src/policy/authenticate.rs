//! Layer 8: the caller's credential becomes a caller and a tenant.
//!
//! Nearly always that needs no waiting. A token whose key is not at hand waits, within bounds, for one refetch of its issuer's
//! keys that all such tokens share, and is then judged once more, by the snapshot that came of it.

use std::sync::Arc;

use tower_layer::Layer;

use crate::clock::SharedClock;
use crate::identity::{Attempts, IssuerId};
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::snapshot::Snapshots;
use crate::stage::{Authenticated, Routed, Unproven};
use crate::trace::Stage;

pub use self::failures::Failures;
pub use self::issuer_keys::{IssuerKeys, KeyStatus};
pub use self::refresh::{KeyKeepers, KeyRefresh};
pub use self::source::{KeyEndpoint, KeysError};

mod failures;
mod issuer_keys;
mod refresh;
mod source;

/// Puts authentication before a service.
#[derive(Clone)]
pub struct AuthenticateLayer {
    snapshots: Arc<Snapshots>,
    keys: Arc<IssuerKeys>,
    failures: Arc<Failures>,
    clock: SharedClock,
}

impl AuthenticateLayer {
    /// Authenticates by `clock`'s wall time; all workers share `keys` and `failures`.
    #[must_use]
    pub fn new(snapshots: Arc<Snapshots>, keys: Arc<IssuerKeys>, failures: Arc<Failures>, clock: SharedClock) -> Self {
        Self { snapshots, keys, failures, clock }
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate { shared: self.clone(), inner }
    }
}

/// A service behind authentication.
pub struct Authenticate<S> {
    shared: AuthenticateLayer,
    inner: S,
}

impl<S: Service<Authenticated, Error = Refusal>> Service<Routed> for Authenticate<S> {
    type Error = Refusal;

    async fn call(&self, request: Routed) -> Result<Response, Refusal> {
        let AuthenticateLayer { failures, clock, .. } = &self.shared;
        let authenticated = match request.authenticate(clock.wall(), &**failures) {
            Ok(authenticated) => authenticated,
            Err(Unproven::Refused(refusal)) => return Err(refusal),
            Err(Unproven::UnknownKey(request, issuer)) => Box::pin(self.shared.after_refetch(request, issuer)).await?,
        };
        self.inner.call(authenticated).await
    }
}

impl AuthenticateLayer {
    /// Judges the request once more by the keys that have come since it was routed, or else by those that can be fetched now.
    async fn after_refetch(&self, request: Routed, issuer: IssuerId) -> Result<Authenticated, Refusal> {
        let request = match self.judged_anew(request)? {
            Judged::Proven(authenticated) => return Ok(authenticated),
            Judged::KeyStillUnknown(request) => request,
        };
        let asked = self.clock.now();
        let span = request.exchange().span(Stage::Keys);
        self.keys.refetched(issuer, asked).await;
        drop(span);
        request.exchange().add_waited(self.clock.now().saturating_duration_since(asked));
        match self.judged_anew(request)? {
            Judged::Proven(authenticated) => Ok(authenticated),
            Judged::KeyStillUnknown(request) => Err(self.unknown_key(&request, issuer)),
        }
    }

    /// Judges the request by the snapshot in force, if it is another than the one that did not know its key.
    fn judged_anew(&self, request: Routed) -> Result<Judged, Refusal> {
        let newest = self.snapshots.load();
        if Arc::ptr_eq(&newest, request.snapshot()) {
            return Ok(Judged::KeyStillUnknown(request));
        }
        match request.reroute(newest)?.authenticate(self.clock.wall(), &*self.failures) {
            Ok(authenticated) => Ok(Judged::Proven(authenticated)),
            Err(Unproven::Refused(refusal)) => Err(refusal),
            Err(Unproven::UnknownKey(request, _)) => Ok(Judged::KeyStillUnknown(request)),
        }
    }

    fn unknown_key(&self, request: &Routed, issuer: IssuerId) -> Refusal {
        let refusal = request.snapshot().callers.unknown_key(issuer);
        // Whoever comes before the issuer's keys could be fetched at all has not failed.
        if refusal != Refusal::JwksUnavailable {
            self.failures.failed(request.peer());
        }
        refusal
    }
}

/// What came of judging a request by newer keys.
enum Judged {
    Proven(Authenticated),
    KeyStillUnknown(Routed),
}

#[cfg(test)]
mod tests;
