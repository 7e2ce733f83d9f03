//! What those who use a connection and the guard on its bytes tell each other.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use http::Method;

use super::Flaw;

/// The answers on one connection, seen from outside.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    stage: AtomicU8,
    flaw: OnceLock<Flaw>,
}

/// The last answer has ended as it should.
const SETTLED: u8 = 0;
/// A request is on its way to the guard.
const ASKED: u8 = 1;
/// The same, and its answer has no body.
const ASKED_HEAD: u8 = 2;
/// The request goes up, or its answer comes down.
const UNDER_WAY: u8 = 3;

impl Watch {
    /// Tells that a request with this method goes up: without this nothing may come down.
    pub fn ask(&self, method: &Method) {
        self.set(if *method == Method::HEAD { ASKED_HEAD } else { ASKED });
    }

    /// Whether the last answer has ended, with nothing after it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.stage() == SETTLED && self.flaw().is_none()
    }

    /// What was wrong with an answer; nothing is taken from the connection after that.
    #[must_use]
    pub fn flaw(&self) -> Option<Flaw> {
        self.0.flaw.get().copied()
    }

    /// Whether a request is to go up of which the guard has not seen a byte.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.stage(), ASKED | ASKED_HEAD)
    }

    /// The first byte of a request goes up: whether it is one whose answer has no body; none if the request is known already.
    pub(super) fn take(&self) -> Option<bool> {
        let stage = self.stage();
        self.is_asked().then(|| {
            self.set(UNDER_WAY);
            stage == ASKED_HEAD
        })
    }

    pub(super) fn settle(&self) {
        self.set(SETTLED);
    }

    pub(super) fn flawed(&self, flaw: Flaw) {
        // The first one is told.
        let _ = self.0.flaw.set(flaw);
    }

    fn stage(&self) -> u8 {
        self.0.stage.load(Relaxed)
    }

    fn set(&self, stage: u8) {
        self.0.stage.store(stage, Relaxed);
    }
}
