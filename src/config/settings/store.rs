//! `[store]`: where limits, invalidation and idempotency records are kept.

use std::path::PathBuf;
use std::time::Duration;

use super::SecretSource;

/// Where what replicas share is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Store {
    /// In this process: for one replica alone.
    Embedded,
    /// In Redis (or Valkey), which several replicas share.
    Redis(Redis),
}

/// A Redis, and how limits use it.
#[derive(Clone, Debug, PartialEq)]
pub struct Redis {
    /// Where it is; read anew for each connection, since it may hold a password.
    pub url: SecretSource,
    /// Trusted roots in PEM; none takes the system's.
    pub ca_file: Option<PathBuf>,
    /// What every key and channel begins with.
    pub prefix: String,
    /// What one answer may take.
    pub timeout: Duration,
    /// How limits are kept in it.
    pub mode: Sharing,
    /// The share of each limit that this replica admits while Redis is away.
    pub fallback: f64,
}

/// How a limit is kept in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// A round trip per decision.
    Exact,
    /// A replica takes small batches ahead.
    Leased,
}
