//! Tokens that were verified under this snapshot, so that a hot caller costs a look-up and not a signature.
//!
//! What is remembered is the prepared caller, by the digest of the whole token, and only while the token is valid. The memory
//! is dropped with its snapshot, so that neither a withdrawn key nor a changed grant is outlived.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::Caller;
use super::digest::Digest;

/// Tokens remembered at most; some 200 bytes each.
const CAPACITY: usize = 10_000;

/// How long a token is remembered at most.
const LONGEST: Duration = Duration::from_mins(5);

/// Callers by verified token.
pub(super) struct Remembered(Cache<Digest, Entry, UnitWeighter, foldhash::fast::RandomState>);

#[derive(Clone)]
struct Entry {
    caller: Arc<Caller>,
    since: SystemTime,
    until: SystemTime,
}

impl Remembered {
    pub(super) fn new() -> Self {
        let capacity = u64::try_from(CAPACITY).unwrap_or(u64::MAX);
        Self(Cache::with(CAPACITY, capacity, UnitWeighter, foldhash::fast::RandomState::default(), DefaultLifecycle::default()))
    }

    /// The caller of a token that was verified and still holds.
    ///
    /// A wall clock that was set back asks for verification anew: `nbf` was judged by a later time.
    pub(super) fn recall(&self, token: &Digest, wall: SystemTime) -> Option<Arc<Caller>> {
        let entry = self.0.get(token)?;
        (entry.since..entry.until).contains(&wall).then_some(entry.caller)
    }

    /// Remembers a token verified at `wall` for some minutes, and never past `expires`.
    pub(super) fn remember(&self, token: Digest, caller: &Arc<Caller>, wall: SystemTime, expires: SystemTime) {
        let until = expires.min(wall + LONGEST);
        if wall < until {
            self.0.insert(token, Entry { caller: Arc::clone(caller), since: wall, until });
        }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("tokens", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::catalogue::OperationSet;
    use crate::identity::{CallerKey, TenantId};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn caller() -> Arc<Caller> {
        Arc::new(Caller { id: "app".into(), key: CallerKey::of(&["app"]), tenant: TenantId(0), allowed: OperationSet::new() })
    }

    #[test]
    fn a_token_is_recalled_until_five_minutes_are_over() {
        let remembered = Remembered::new();
        let token = Digest::of("token");
        remembered.remember(token, &caller(), at(1000), at(9000));

        assert!(remembered.recall(&token, at(1000)).is_some());
        assert!(remembered.recall(&token, at(1299)).is_some());
        assert!(remembered.recall(&token, at(1300)).is_none());
        assert!(remembered.recall(&Digest::of("other"), at(1000)).is_none());
    }

    #[test]
    fn a_token_is_not_recalled_once_it_has_expired() {
        let remembered = Remembered::new();
        let token = Digest::of("token");
        remembered.remember(token, &caller(), at(1000), at(1010));

        assert!(remembered.recall(&token, at(1009)).is_some());
        assert!(remembered.recall(&token, at(1010)).is_none());
    }

    #[test]
    fn a_clock_set_back_recalls_nothing() {
        let remembered = Remembered::new();
        let token = Digest::of("token");
        remembered.remember(token, &caller(), at(1000), at(9000));

        assert!(remembered.recall(&token, at(999)).is_none());
    }

    #[test]
    fn no_number_of_tokens_exceeds_the_bound() {
        let remembered = Remembered::new();
        let caller = caller();

        for number in 0..2 * CAPACITY {
            remembered.remember(Digest::of(&number.to_string()), &caller, at(1000), at(9000));
        }

        assert!(remembered.0.len() <= CAPACITY);
    }
}
