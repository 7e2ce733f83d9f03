//! How the cache is doing, in numbers: what `/status` shows of it.

use std::time::Duration;

use crate::exchange::CacheResult;

/// Ways in which a request was dealt with.
pub(super) const RESULTS: [CacheResult; 6] = [
    CacheResult::Hit,
    CacheResult::Stale,
    CacheResult::Collapsed,
    CacheResult::Revalidated,
    CacheResult::Miss,
    CacheResult::Bypass,
];
/// Reasons for which entries leave.
pub(super) const CAUSES: [&str; 4] = ["size", "replaced", "invalidated", "purged"];
/// Those who invalidate.
pub(super) const SOURCES: [&str; 4] = ["write", "purge", "replica", "reconnect"];

/// The cache's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheReport {
    /// Bytes it may hold; 0 is off.
    pub max_bytes: u64,
    /// Bytes it holds.
    pub bytes: u64,
    /// Entries it holds, invalidated ones that nobody asked for since included.
    pub entries: usize,
    /// Upstream calls under way for it.
    pub flights: usize,
    /// Requests for cacheable operations since the start, by how they were dealt with.
    pub results: [(&'static str, u64); RESULTS.len()],
    /// Entries that left since the start, by why.
    pub evictions: [(&'static str, u64); CAUSES.len()],
    /// Invalidations since the start, by whom.
    pub invalidations: [(&'static str, u64); SOURCES.len()],
    /// How it stands with other replicas; none if there is no way to them.
    pub replicas: Option<ReplicasReport>,
}

/// How it stands with other replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicasReport {
    /// Whether what they tell is heard, as far as anybody knows.
    pub heard: bool,
    /// Invalidations that were not yet accepted for them.
    pub untold: u64,
    /// How late the last of theirs was heard of.
    pub last_lag: Option<Duration>,
}

impl CacheReport {
    /// The part of requests that needed no call to Passport, of those that the cache was asked for.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share, to be read by people")]
    pub fn hit_ratio(&self) -> Option<f64> {
        let count = |wanted: &[CacheResult]| {
            let wanted = |(name, _): &&(&str, u64)| wanted.iter().any(|result| result.label() == *name);
            self.results.iter().filter(wanted).map(|(_, count)| count).sum::<u64>()
        };
        let spared = count(&[CacheResult::Hit, CacheResult::Stale, CacheResult::Collapsed]);
        let asked = spared + count(&[CacheResult::Miss, CacheResult::Revalidated]);
        (asked > 0).then(|| spared as f64 / asked as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(results: [u64; 6]) -> CacheReport {
        let mut counts = results.into_iter();
        CacheReport {
            max_bytes: 1,
            bytes: 0,
            entries: 0,
            flights: 0,
            results: RESULTS.map(|result| (result.label(), counts.next().unwrap())),
            evictions: CAUSES.map(|cause| (cause, 0)),
            invalidations: SOURCES.map(|source| (source, 0)),
            replicas: None,
        }
    }

    #[test]
    fn a_hit_is_whatever_spared_a_call_to_passport() {
        assert_eq!(report([0; 6]).hit_ratio(), None);
        assert_eq!(report([0, 0, 0, 0, 0, 7]).hit_ratio(), None, "it was not asked");
        assert_eq!(report([1, 1, 1, 0, 1, 7]).hit_ratio(), Some(0.75));
        assert_eq!(report([0, 0, 0, 1, 0, 0]).hit_ratio(), Some(0.0), "Passport was asked, if only whether it holds");
    }
}
