//! What a sandbox is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::moment::FURTHEST;
use crate::clock::{SharedClock, SystemClock};
use crate::secret::Secret;

/// The sandbox's options; the default is a demo client with sample data on a free loopback port.
#[derive(Clone)]
pub struct Options {
    /// Where it listens. Keep it on loopback: it is a test double, and its secrets are public.
    pub listen: SocketAddr,
    /// What ids, tokens and sample data are derived from.
    pub seed: u64,
    /// How long a token lives.
    pub token_ttl: Duration,
    /// Who may ask for tokens.
    pub clients: Vec<Client>,
    /// How long a payment takes from its confirmation (ACH: its creation) until it is settled.
    pub settle_after: Duration,
    /// How long a resolved key may be paid.
    pub resolution_ttl: Duration,
    /// Whether the clients' entities start with sample data.
    pub sample_data: bool,
    /// How long a connection may stay idle.
    pub idle_timeout: Duration,
    /// What decides validity and settlement, and dates records.
    pub clock: SharedClock,
}

/// A client of the token endpoint.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// What its tokens are good for: scopes, or prefixes such as `paas.core.*`.
    pub scopes: Vec<String>,
    /// The Passport account whose records it sees; clients of one account see the same.
    pub account_id: String,
}

impl Client {
    /// The client the demo, the documentation and the default options use; may do everything.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            client_id: "sandbox-client".to_owned(),
            client_secret: Secret::new("sandbox-secret".to_owned()),
            scopes: vec!["paas.core.*".to_owned(), "iam.oauth.*".to_owned()],
            account_id: "5a0d8c1e-0000-4000-8000-000000000001".to_owned(),
        }
    }
}

impl Options {
    /// Cuts durations to what can be added to any present.
    pub(crate) fn within_reason(self) -> Self {
        Self {
            token_ttl: self.token_ttl.min(FURTHEST),
            settle_after: self.settle_after.min(FURTHEST),
            resolution_ttl: self.resolution_ttl.min(FURTHEST),
            ..self
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            token_ttl: Duration::from_hours(24),
            clients: vec![Client::demo()],
            settle_after: Duration::from_secs(2),
            resolution_ttl: Duration::from_mins(5),
            sample_data: true,
            idle_timeout: Duration::from_mins(2),
            clock: SystemClock::shared(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("seed", &self.seed)
            .field("token_ttl", &self.token_ttl)
            .field("clients", &self.clients)
            .field("settle_after", &self.settle_after)
            .field("resolution_ttl", &self.resolution_ttl)
            .field("sample_data", &self.sample_data)
            .field("idle_timeout", &self.idle_timeout)
            .finish_non_exhaustive()
    }
}
