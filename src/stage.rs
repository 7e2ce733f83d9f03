//! What has been proven about a request is its type: `Request → Routed → Authenticated → Authorized → Validated → Outbound`.
//!
//! A stage is reached through the transition that performs its check and in no other way, so a service that takes an
//! [`Outbound`] cannot be given a request that skipped one.

use std::fmt;

use http::request::Parts;

use crate::body::Body;
use crate::peer::Peer;

pub use self::authorized::{Authenticated, Authorized};
pub use self::request::Request;
pub use self::routed::{Routed, Unproven};
pub use self::validated::{Outbound, Validated, Validators};

mod authorized;
mod request;
mod routed;
mod validated;

/// A request as it came from the connection; nothing about it is known. It may hold secrets and personal data and does not print.
pub struct Arrival {
    /// The head.
    pub head: Parts,
    /// The body, unread.
    pub body: Body,
    /// Who sent it.
    pub peer: Peer,
    /// What makes its bytes ambiguous, where the head no longer shows it.
    pub flaw: Option<&'static str>,
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").field("method", &self.head.method).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
