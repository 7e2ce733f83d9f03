//! Tokens that were verified under this snapshot, so that a hot caller costs a look-up and not a signature.
//!
//! What is remembered is the prepared caller, by the whole token, and only while the token is valid. The memory is dropped, and wiped,
//! with its snapshot, so that neither a withdrawn key nor a changed grant is outlived.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, Weighter};

use super::Caller;
use crate::secret::Secret;

/// Bytes of tokens remembered at most, with what each takes besides.
const CAPACITY: u64 = 16 << 20;
/// What a token takes besides its text.
const OVERHEAD: usize = 256;
/// What tokens are expected to take.
const TYPICAL: u64 = 1024;

/// How long a token is remembered at most.
const LONGEST: Duration = Duration::from_mins(5);

/// Callers by verified token.
pub(super) struct Remembered(Cache<Token, Entry, ByBytes, foldhash::fast::RandomState>);

#[derive(Clone, PartialEq, Eq)]
struct Token(Secret);

/// A token that is borrowed from a request. Its hash has a key of this process, and only tokens that were verified are stored.
#[derive(Hash)]
struct TokenRef<'a>(&'a str);

#[derive(Clone)]
struct Entry {
    caller: Arc<Caller>,
    since: SystemTime,
    until: SystemTime,
}

impl Remembered {
    pub(super) fn new() -> Self {
        let typical = usize::try_from(CAPACITY / TYPICAL).unwrap_or(usize::MAX);
        Self(Cache::with(typical, CAPACITY, ByBytes, foldhash::fast::RandomState::default(), DefaultLifecycle::default()))
    }

    /// The caller of a token that was verified and still holds.
    ///
    /// A wall clock that was set back asks for verification anew: `nbf` was judged by a later time.
    pub(super) fn recall(&self, token: &str, wall: SystemTime) -> Option<Arc<Caller>> {
        let entry = self.0.get(&TokenRef(token))?;
        (entry.since..entry.until).contains(&wall).then_some(entry.caller)
    }

    /// Remembers a token verified at `wall` for some minutes, and never past `expires`.
    pub(super) fn remember(&self, token: &str, caller: &Arc<Caller>, wall: SystemTime, expires: SystemTime) {
        let until = expires.min(wall + LONGEST);
        if wall < until {
            let token = Token(Secret::new(token.to_owned()));
            self.0.insert(token, Entry { caller: Arc::clone(caller), since: wall, until });
        }
    }
}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        TokenRef(self.0.expose()).hash(state);
    }
}

impl Equivalent<Token> for TokenRef<'_> {
    fn equivalent(&self, token: &Token) -> bool {
        self.0 == token.0.expose()
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Token, Entry> for ByBytes {
    fn weight(&self, token: &Token, _: &Entry) -> u64 {
        (token.0.expose().len() + OVERHEAD) as u64
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
        remembered.remember("token", &caller(), at(1000), at(9000));

        assert!(remembered.recall("token", at(1000)).is_some());
        assert!(remembered.recall("token", at(1299)).is_some());
        assert!(remembered.recall("token", at(1300)).is_none());
        assert!(remembered.recall("other", at(1000)).is_none());
    }

    #[test]
    fn a_token_is_not_recalled_once_it_has_expired() {
        let remembered = Remembered::new();
        remembered.remember("token", &caller(), at(1000), at(1010));

        assert!(remembered.recall("token", at(1009)).is_some());
        assert!(remembered.recall("token", at(1010)).is_none());
    }

    #[test]
    fn a_clock_set_back_recalls_nothing() {
        let remembered = Remembered::new();
        remembered.remember("token", &caller(), at(1000), at(9000));

        assert!(remembered.recall("token", at(999)).is_none());
    }

    #[test]
    fn no_number_of_tokens_exceeds_the_bound() {
        let remembered = Remembered::new();
        let caller = caller();

        for number in 0..20_000 {
            remembered.remember(&format!("{number:01000}"), &caller, at(1000), at(9000));
        }

        assert!(remembered.0.weight() <= CAPACITY);
        assert!(remembered.0.len() > 10_000);
    }

    #[test]
    fn a_token_that_differs_in_one_character_is_another() {
        let remembered = Remembered::new();
        let token = "a".repeat(700);
        remembered.remember(&token, &caller(), at(1000), at(9000));

        for place in 0..token.len() {
            let mut other = token.clone();
            other.replace_range(place..=place, "b");
            assert!(remembered.recall(&other, at(1000)).is_none(), "{place}");
        }
        assert!(remembered.recall(&token[1..], at(1000)).is_none());
    }
}
