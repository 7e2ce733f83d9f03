//! What a connection is doing, and since when: what its time-outs are judged by.
//!
//! A phase's time starts when it is entered and never anew with each byte, so a caller that drips cannot stretch it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::turn;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waiting for the first byte of a request.
    Idle,
    /// Receiving a request's head.
    Head,
    /// The stack is at it, which has time-outs of its own.
    Working,
    /// The answer's body is being sent.
    Answering,
    /// The answer's last bytes are on their way.
    Flushing,
    /// Our side is closed; what the caller still sends is read and dropped, for a while.
    Lingering,
}

const PHASES: [Phase; 6] = [Phase::Idle, Phase::Head, Phase::Working, Phase::Answering, Phase::Flushing, Phase::Lingering];
/// Bits of the word that hold the phase; the others hold milliseconds.
const PHASE_BITS: u32 = 3;

/// A connection's phase, written by its parts and read by its watch.
///
/// All of them run in the one task of the connection; the atomics only make it `Send`.
#[derive(Debug)]
pub(super) struct Phases {
    opened: Instant,
    word: AtomicU64,
    had_body: AtomicBool,
    flaw: OnceLock<&'static str>,
}

impl Phases {
    /// A connection that was opened now and is idle.
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            word: AtomicU64::new(Phase::Idle as u64),
            had_body: AtomicBool::new(false),
            flaw: OnceLock::new(),
        }
    }

    /// The phase, and when it was entered, to the millisecond.
    pub(super) fn current(&self) -> (Phase, Instant) {
        let word = self.word.load(Relaxed);
        let phase = PHASES[usize::try_from(word & ((1 << PHASE_BITS) - 1)).unwrap_or(0)];
        (phase, self.opened + Duration::from_millis(word >> PHASE_BITS))
    }

    /// Whether it waits for a request.
    pub(super) fn is_idle(&self) -> bool {
        self.current().0 == Phase::Idle
    }

    /// Bytes of a head came; its time counts from the first.
    pub(super) fn received(&self) {
        if self.is_idle() {
            self.enter(Phase::Head);
        }
    }

    /// The head that has come is ambiguous. It is the last one that is taken from this connection.
    pub(super) fn flawed(&self, flaw: &'static str) {
        self.flaw.get_or_init(|| flaw);
    }

    /// What makes the last head ambiguous.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        self.flaw.get().copied()
    }

    /// A head is complete and goes to the stack.
    pub(super) fn called(&self, has_body: bool) {
        self.had_body.store(has_body, Relaxed);
        self.enter(Phase::Working);
    }

    /// The stack gave the head of its answer.
    pub(super) fn answered(&self) {
        self.enter(Phase::Answering);
    }

    /// The answer's body has ended; its time goes on until the last byte is out.
    pub(super) fn ended(&self) {
        let since = self.word.load(Relaxed) >> PHASE_BITS;
        self.word.store(since << PHASE_BITS | Phase::Flushing as u64, Relaxed);
    }

    /// Nothing is left to send. Says whether that ends an answer.
    pub(super) fn flushed(&self) -> bool {
        let ends = self.current().0 == Phase::Flushing;
        if ends {
            self.enter(Phase::Idle);
        }
        ends
    }

    /// Our side is closed. Says whether the caller may still be sending: a body, or a head that was refused half read.
    pub(super) fn closed(&self) -> bool {
        match self.current().0 {
            Phase::Lingering => true,
            phase if phase == Phase::Head || self.had_body.load(Relaxed) => {
                self.enter(Phase::Lingering);
                true
            }
            _ => false,
        }
    }

    fn enter(&self, phase: Phase) {
        let since =
            u64::try_from(turn::now().saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX >> PHASE_BITS);
        self.word.store(since << PHASE_BITS | phase as u64, Relaxed);
    }
}
