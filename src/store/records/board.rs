//! What a store tells of itself: written by the store, read by requests, metrics, probes and `/status`.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::Millis;

/// Whether a store can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is being opened, or waits for another process to give it up.
    Opening = 0,
    /// It is in use.
    Open = 1,
    /// It fails; opening it is tried again.
    Failing = 2,
    /// It could not be had, or was given up.
    Closed = 3,
}

/// Numbers of one store.
#[derive(Debug, Default)]
pub struct Board {
    condition: AtomicU8,
    failure: Mutex<Option<String>>,
    /// Records in flight.
    pub in_flight: AtomicU64,
    /// Records that are done.
    pub done: AtomicU64,
    /// Records whose outcome is unknown.
    pub unknown: AtomicU64,
    /// Since when the oldest of those is unknown; zero: there is none.
    oldest_unknown: AtomicU64,
    /// Bytes that records take.
    pub bytes: AtomicU64,
    /// Times that the store failed.
    pub failures: AtomicU64,
    /// Tells who waits for a record that some record has ended.
    pub ended: Notify,
}

impl Board {
    /// Whether the store can be used.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self.condition.load(Relaxed) {
            0 => Condition::Opening,
            1 => Condition::Open,
            2 => Condition::Failing,
            _ => Condition::Closed,
        }
    }

    /// Tells whether the store can be used.
    pub fn set_condition(&self, condition: Condition) {
        self.condition.store(condition as u8, Relaxed);
    }

    /// Why it fails, if it does and that is known.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells why it fails, or that it does not; gives back what was told before.
    pub fn set_failure(&self, failure: Option<String>) -> Option<String> {
        std::mem::replace(&mut self.failure.lock().unwrap_or_else(PoisonError::into_inner), failure)
    }

    /// Since when the record that is unknown longest is unknown.
    #[must_use]
    pub fn oldest_unknown(&self) -> Option<Millis> {
        Some(self.oldest_unknown.load(Relaxed)).filter(|at| *at > 0)
    }

    /// Tells since when the record that is unknown longest is unknown.
    pub fn set_oldest_unknown(&self, at: Option<Millis>) {
        self.oldest_unknown.store(at.unwrap_or_default(), Relaxed);
    }

    /// Counts a failure.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
    }
}

impl Condition {
    /// How `/status` names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Failing => "failing",
            Self::Closed => "closed",
        }
    }
}
