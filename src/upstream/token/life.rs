//! What one source knows and decides, as a state machine without a runtime: every decision takes the instant it is made at.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::answer::Minted;
use super::failure::Failure;
use super::refusals::Refusals;
use super::{Token, schedule};

/// A refused token is renewed at most once in this time, whatever is refused.
pub(super) const RENEWAL_PERIOD: Duration = Duration::from_secs(5);
/// How old a token that lacks a scope must be for a new one to be worth a try: the scope may have been granted since.
pub(super) const REGRANT_PERIOD: Duration = Duration::from_mins(5);
/// What callers are told to wait when an attempt is about to be made.
const SOON: Duration = Duration::from_secs(1);

/// The state of one source.
#[derive(Debug)]
pub(super) struct Life {
    token: Option<Arc<Token>>,
    generation: u64,
    /// How the last attempt failed, if it did.
    failure: Option<Failure>,
    /// Failures of its sort in a row.
    failures: u32,
    /// Attempts that ended, either way.
    ended: u64,
    in_flight: bool,
    due: Instant,
    /// When a refusal last caused a renewal.
    asked: Option<Instant>,
    refusals: Refusals,
    stopped: bool,
}

/// What a source has for a caller.
#[derive(Debug)]
pub(super) enum Standing {
    /// A token.
    Ready(Arc<Token>),
    /// None yet, but an attempt is under way or about to be.
    Wait,
    /// None.
    Withheld(Withheld),
}

/// Why a caller gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Withheld {
    /// The token endpoint rejects the credential.
    Rejected,
    /// There may be one after so long.
    For(Duration),
}

/// What a refused token means for the request that carried it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The credential lacks the operation's scope: no other token would help.
    ScopeMissing,
    /// A newer token is there, or its attempt is the one after so many ended ones.
    Replaced(Ended),
    /// There is no newer token to be had.
    Withheld(Withheld),
}

/// A count of attempts that ended, by which a caller knows whether the one it waits for has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ended(u64);

impl Life {
    /// A source whose first attempt is due.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            token: None,
            generation: 0,
            failure: None,
            failures: 0,
            ended: 0,
            in_flight: false,
            due: now,
            asked: None,
            refusals: Refusals::default(),
            stopped: false,
        }
    }

    /// When the next attempt is to be made.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Notes that an attempt begins.
    pub(super) fn begin(&mut self) {
        self.in_flight = true;
    }

    /// Notes how an attempt ended, and when the next one is due. The token asked for at `sent` counts from there.
    pub(super) fn finish(&mut self, outcome: Result<(Minted, Instant), Failure>, now: Instant, chance: f64) {
        self.in_flight = false;
        self.ended += 1;
        match outcome {
            Ok((minted, sent)) => {
                self.generation += 1;
                self.due = schedule::renewal(sent, now, minted.lifetime, chance);
                self.token = Some(Arc::new(Token::new(minted, self.generation, sent)));
                self.failure = None;
                self.failures = 0;
            }
            Err(failure) => {
                let same = self.failure.is_some_and(|last| last.is_rejection() == failure.is_rejection());
                self.failures = if same { self.failures.saturating_add(1) } else { 1 };
                self.due = now + schedule::pause(failure, self.failures, chance);
                self.failure = Some(failure);
            }
        }
    }

    /// Makes an attempt due now: what the last one failed for has changed.
    pub(super) fn hasten(&mut self, now: Instant) {
        self.due = self.due.min(now);
    }

    /// Notes that there will be no further attempt.
    pub(super) fn stop(&mut self) {
        self.in_flight = false;
        self.stopped = true;
    }

    /// What there is for a caller.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        match &self.token {
            Some(token) if token.is_usable(now) => Standing::Ready(Arc::clone(token)),
            _ if self.is_hopeful(now) => Standing::Wait,
            _ => Standing::Withheld(self.withheld(now)),
        }
    }

    /// What there is for a caller whose token of this generation was refused when so many attempts had ended.
    pub(super) fn successor(&self, generation: u64, then: Ended, now: Instant) -> Standing {
        match &self.token {
            Some(token) if token.generation > generation => self.standing(now),
            _ if self.ended == then.0 && !self.stopped => Standing::Wait,
            _ => Standing::Withheld(self.withheld(now)),
        }
    }

    /// Decides what it means that the upstream refused `token` on `operation`, and makes a renewal due if that may help.
    pub(super) fn refused(&mut self, operation: &Arc<str>, token: &Token, now: Instant) -> Verdict {
        if self.refusals.note(operation, token, now) {
            return Verdict::ScopeMissing;
        }
        if self.generation > token.generation || self.is_imminent(now) {
            return Verdict::Replaced(Ended(self.ended));
        }
        if self.failure.is_some() || self.stopped {
            return Verdict::Withheld(self.withheld(now));
        }
        if let Some(rest) = self.rest(now) {
            return Verdict::Withheld(Withheld::For(rest));
        }
        self.renew(now);
        Verdict::Replaced(Ended(self.ended))
    }

    /// Notes that the upstream accepted `token` on `operation`.
    pub(super) fn accepted(&mut self, operation: &str, token: &Token) {
        self.refusals.clear(operation, token);
    }

    /// Notes that `token` lacks a scope that is asked for, and makes a renewal due if it is old enough.
    pub(super) fn lacking(&mut self, token: &Token, now: Instant) {
        let settled = self.generation == token.generation && self.failure.is_none() && !self.is_imminent(now);
        if settled && now >= token.sent + REGRANT_PERIOD && self.rest(now).is_none() {
            self.renew(now);
        }
    }

    /// The newest token, usable or not.
    pub(super) fn token(&self) -> Option<&Arc<Token>> {
        self.token.as_ref()
    }

    /// How the last attempt failed, if it did.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Whether the first attempt has ended, or will never be made.
    pub(super) fn is_attempted(&self) -> bool {
        self.ended > 0 || self.stopped
    }

    /// Whether an attempt is in flight.
    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight
    }

    /// What is known of refused tokens.
    pub(super) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// What a caller is told that has waited long enough.
    pub(super) fn withheld(&self, now: Instant) -> Withheld {
        match self.failure {
            Some(failure) if failure.is_rejection() => Withheld::Rejected,
            _ => Withheld::For(self.due.saturating_duration_since(now).max(SOON)),
        }
    }

    fn renew(&mut self, now: Instant) {
        self.asked = Some(now);
        self.due = now;
    }

    /// What is left of the time in which no refusal causes another renewal.
    fn rest(&self, now: Instant) -> Option<Duration> {
        let rest = (self.asked? + RENEWAL_PERIOD).saturating_duration_since(now);
        (!rest.is_zero()).then_some(rest)
    }

    fn is_imminent(&self, now: Instant) -> bool {
        !self.stopped && (self.in_flight || self.due <= now)
    }

    /// Without a failure the next attempt is never far: only a token shorter-lived than its renewal leaves a gap.
    fn is_hopeful(&self, now: Instant) -> bool {
        !self.stopped && (self.failure.is_none() || self.is_imminent(now))
    }
}

#[cfg(test)]
mod tests;
