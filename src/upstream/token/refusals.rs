//! Passport's ambiguous 401, told apart by generations: a token that is gone, or a scope that it never had.
//!
//! An operation is suspected once a token was refused on it. If a token that was minted after that is refused there as well, the
//! credential lacks the operation's scope, and no further token would help until the cool-down is over.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Token;

/// How long an operation stays suspected, and how long its scope counts as missing.
pub(super) const COOL_DOWN: Duration = Duration::from_mins(1);

/// Operations on which tokens were refused, by name: an operation's id would not outlive its snapshot.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<Arc<str>, Entry>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The generation that was refused first.
    generation: u64,
    /// When it was, or when the scope was found to be missing.
    at: Instant,
    /// Whether a newer token was refused as well.
    missing: bool,
}

impl Refusals {
    /// Notes that `token` was refused on `operation` at `now`. True if this means that the scope is missing.
    pub(super) fn note(&mut self, operation: &Arc<str>, token: &Token, now: Instant) -> bool {
        self.0.retain(|_, entry| now < entry.at + COOL_DOWN);
        let first = Entry { generation: token.generation, at: now, missing: false };
        let entry = self.0.entry(Arc::clone(operation)).or_insert(first);
        // Both are asked: instants alone may be equal, and a newer token may still be older than the suspicion.
        if !entry.missing && token.generation > entry.generation && token.sent >= entry.at {
            *entry = Entry { generation: token.generation, at: now, missing: true };
        }
        entry.missing
    }

    /// Notes that `token` was accepted on `operation`: whatever was suspected of an older one is over.
    pub(super) fn clear(&mut self, operation: &str, token: &Token) {
        if self.0.get(operation).is_some_and(|entry| token.generation >= entry.generation) {
            self.0.remove(operation);
        }
    }

    /// Whether no operation is suspected or found out.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The operations whose scope counts as missing at `now`.
    pub(super) fn missing(&self, now: Instant) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().filter(move |(_, entry)| entry.missing && now < entry.at + COOL_DOWN).map(|(operation, _)| operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::token::testing::token;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_refusal_of_a_fresh_token_after_another_means_a_missing_scope() {
        let (mut refusals, start, list) = (Refusals::default(), Instant::now(), Arc::from("list_payments"));

        assert!(!refusals.note(&list, &token(1, start), start + SECOND));
        assert!(!refusals.note(&list, &token(1, start), start + SECOND * 2));
        assert!(refusals.note(&list, &token(2, start + SECOND), start + SECOND * 3));
        assert!(refusals.note(&list, &token(1, start), start + SECOND * 4));
        assert_eq!(refusals.missing(start + SECOND * 4).count(), 1);
    }

    #[test]
    fn a_newer_token_that_is_older_than_the_suspicion_proves_nothing() {
        let (mut refusals, start, list) = (Refusals::default(), Instant::now(), Arc::from("list_payments"));

        assert!(!refusals.note(&list, &token(1, start), start + SECOND * 9));
        assert!(!refusals.note(&list, &token(2, start + SECOND), start + SECOND * 9));
        assert!(refusals.note(&list, &token(3, start + SECOND * 9), start + SECOND * 10));
    }

    #[test]
    fn other_operations_are_not_suspected() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());

        assert!(!refusals.note(&Arc::from("list_payments"), &token(1, start), start));
        assert!(!refusals.note(&Arc::from("get_payment"), &token(2, start), start));
    }

    #[test]
    fn a_success_ends_the_suspicion() {
        let (mut refusals, start, list) = (Refusals::default(), Instant::now(), Arc::from("list_payments"));

        refusals.note(&list, &token(2, start), start);
        refusals.clear(&list, &token(1, start));
        assert!(!refusals.is_empty());
        refusals.clear(&list, &token(2, start));
        assert!(refusals.is_empty());
    }

    #[test]
    fn the_cool_down_ends() {
        let (mut refusals, start, list) = (Refusals::default(), Instant::now(), Arc::from("list_payments"));

        refusals.note(&list, &token(1, start), start);
        assert!(refusals.note(&list, &token(2, start), start));
        assert!(refusals.note(&list, &token(3, start), start + COOL_DOWN - SECOND));
        assert!(!refusals.note(&list, &token(3, start), start + COOL_DOWN));
        assert_eq!(refusals.missing(start + COOL_DOWN).count(), 0);
    }
}
