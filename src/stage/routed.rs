//! A request for a known operation: its caller is asked for.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Authenticated, Request};
use crate::catalogue::{Match, Operation, OperationId};
use crate::exchange::Exchange;
use crate::identity::{Attempts, IssuerId, Unauthenticated};
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::snapshot::Snapshot;

/// A request for a known, enabled operation, bound to one snapshot.
#[derive(Debug)]
pub struct Routed {
    pub(super) request: Request,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) matched: Match,
}

/// Why a routed request is not authenticated.
#[derive(Debug)]
pub enum Unproven {
    /// It is refused.
    Refused(Refusal),
    /// Its token names a key that the snapshot does not hold; fetching the issuer's keys may help.
    UnknownKey(Routed, IssuerId),
}

impl Routed {
    /// Checks the caller's credential against the snapshot's issuers and keys, as of `wall`.
    ///
    /// # Errors
    ///
    /// A refusal, or the request itself where the issuer's keys must be fetched first.
    pub fn authenticate(self, wall: SystemTime, attempts: &impl Attempts) -> Result<Authenticated, Unproven> {
        let Request { arrival, exchange } = &self.request;
        match self.snapshot.callers.authenticate(&arrival.head, &arrival.peer, wall, attempts) {
            Ok(caller) => {
                exchange.set_caller(Arc::clone(&caller.id));
                exchange.set_tenant(self.snapshot.tenant(caller.tenant).name.clone());
                Ok(Authenticated { routed: self, caller, wall })
            }
            Err(Unauthenticated::Refused(refusal)) => Err(Unproven::Refused(refusal)),
            Err(Unauthenticated::UnknownKey(issuer)) => Err(Unproven::UnknownKey(self, issuer)),
        }
    }

    /// Routes the request anew, by a newer snapshot.
    ///
    /// # Errors
    ///
    /// As [`Request::route`].
    pub fn reroute(self, snapshot: Arc<Snapshot>) -> Result<Self, Refusal> {
        self.request.route(snapshot)
    }

    /// The operation's place in the catalogue.
    #[must_use]
    pub fn operation_id(&self) -> OperationId {
        self.matched.operation
    }

    /// Who sent it.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.request.arrival.peer
    }

    /// The facts of this request.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.request.exchange
    }

    /// The snapshot it is bound to.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The operation it asks for.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        self.snapshot.catalogue.operation(self.matched.operation)
    }
}
