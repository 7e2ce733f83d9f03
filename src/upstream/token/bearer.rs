//! One token: what is sent, how long it lives, and which generation of its source it is.

use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use super::answer::Minted;
use super::granted::Granted;
use super::schedule;
use crate::scope::Scope;
use crate::secret::Secret;

/// A token of one source.
#[derive(Debug)]
pub struct Token {
    bearer: HeaderValue,
    /// Counts the tokens of its source, from 1.
    pub(super) generation: u64,
    /// When it was asked for: its life counts from here.
    pub(super) sent: Instant,
    lifetime: Duration,
    usable_until: Instant,
    granted: Option<Granted>,
    id: Option<Secret>,
}

impl Token {
    /// The token that was asked for at `sent`.
    pub(super) fn new(minted: Minted, generation: u64, sent: Instant) -> Self {
        let Minted { bearer, lifetime, granted, token_id } = minted;
        let usable_until = schedule::usable_until(sent, lifetime);
        Self { bearer, generation, sent, lifetime, usable_until, granted, id: token_id }
    }

    /// The whole `Authorization` value, ready to send and marked as sensitive.
    #[must_use]
    pub fn bearer(&self) -> HeaderValue {
        self.bearer.clone()
    }

    /// Which token of its source it is, from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether it may be sent at `now`.
    #[must_use]
    pub fn is_usable(&self, now: Instant) -> bool {
        now < self.usable_until
    }

    /// When its life ends; it is not used quite so long.
    #[must_use]
    pub fn expires(&self) -> Instant {
        self.sent + self.lifetime
    }

    /// Whether it is known not to be granted `scope`.
    #[must_use]
    pub fn lacks(&self, scope: &Scope) -> bool {
        self.granted.as_ref().is_some_and(|granted| !granted.covers(scope))
    }

    /// What it may do, if its answer said so.
    #[must_use]
    pub fn granted(&self) -> Option<&Granted> {
        self.granted.as_ref()
    }

    /// By which it could be revoked.
    #[must_use]
    pub fn id(&self) -> Option<&Secret> {
        self.id.as_ref()
    }
}
