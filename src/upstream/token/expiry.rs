//! The metric that tells when a credential's token expires: the first one to do so, where a credential has several.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::metrics::{Credential, Metrics};
use crate::tenant::CredentialName;

/// No token yet.
const NONE: i64 = i64::MAX;

/// The expiry instants of one credential's tokens.
#[derive(Clone, Debug)]
pub(super) struct Expiries {
    credential: CredentialName,
    instants: Arc<[AtomicI64]>,
    metrics: Arc<Metrics>,
}

/// The expiry instant of one of them.
#[derive(Debug)]
pub(super) struct Expiry {
    all: Expiries,
    place: usize,
}

impl Expiries {
    /// The instants of so many tokens of a credential.
    pub(super) fn new(credential: &CredentialName, count: usize, metrics: &Arc<Metrics>) -> Self {
        let instants = (0..count).map(|_| AtomicI64::new(NONE)).collect();
        Self { credential: credential.clone(), instants, metrics: Arc::clone(metrics) }
    }

    /// The instant of the token at this place.
    pub(super) fn at(&self, place: usize) -> Expiry {
        Expiry { all: self.clone(), place }
    }
}

impl Expiry {
    /// Tells when the newest token expires.
    pub(super) fn set(&self, at: SystemTime) {
        let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.all.instants[self.place].store(i64::try_from(seconds).unwrap_or(NONE), Ordering::Relaxed);
        let first = self.all.instants.iter().map(|instant| instant.load(Ordering::Relaxed)).min().unwrap_or(NONE);
        let labels = Credential { credential: self.all.credential.as_str() };
        self.all.metrics.upstream_token_expiry_timestamp_seconds.with(labels).set(first);
    }
}
