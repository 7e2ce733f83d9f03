//! The state of one breaker: closed, open, half open; a pure machine that is told the time.

use std::time::Duration;

use tokio::time::Instant;

use crate::catalogue::Effect;
use crate::config;
use crate::upstream::window::Window;

/// How long a half-open breaker keeps its free place for a read before a write may have it.
const READS_FIRST: Duration = Duration::from_secs(1);
/// What a caller is told to wait when the end is not known.
const SOON: Duration = Duration::from_secs(1);

/// One breaker.
#[derive(Debug)]
pub(super) struct State {
    settings: config::Breaker,
    phase: Phase,
    window: Window,
    /// Counts the changes of phase, so that a result from before one is told from those after it.
    turn: u64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Everything passes and is counted.
    Closed,
    /// Nothing passes; at `until` the gateway tries a connection.
    Open { until: Instant },
    /// One request at a time passes.
    HalfOpen { free_since: Instant, busy: bool },
}

/// The right to one request.
#[derive(Debug)]
pub(super) struct Ticket(u64);

/// What a request said about its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answered.
    Success,
    /// It could not be reached, did not answer in time, or said itself that something behind it failed.
    Failure,
    /// Nothing.
    None,
}

impl State {
    /// A closed breaker.
    pub(super) fn new(settings: config::Breaker, now: Instant) -> Self {
        Self { settings, phase: Phase::Closed, window: Window::new(settings.window, now), turn: 0 }
    }

    /// Lets a request pass, or says how long to wait.
    pub(super) fn admit(&mut self, effect: Effect, now: Instant) -> Result<Ticket, Duration> {
        match &mut self.phase {
            Phase::Closed => {}
            Phase::Open { until } => return Err(until.saturating_duration_since(now).max(SOON)),
            Phase::HalfOpen { busy: true, .. } => return Err(SOON),
            Phase::HalfOpen { free_since, busy } => {
                let writes_from = *free_since + READS_FIRST;
                if effect != Effect::Read && now < writes_from {
                    return Err(writes_from - now);
                }
                *busy = true;
            }
        }
        Ok(Ticket(self.turn))
    }

    /// Takes a request's verdict; says until when the breaker is open, if that opened it.
    #[expect(clippy::needless_pass_by_value, reason = "a ticket is good for one verdict")]
    pub(super) fn record(&mut self, ticket: Ticket, verdict: Verdict, now: Instant) -> Option<Instant> {
        if ticket.0 != self.turn {
            return None;
        }
        match (self.phase, verdict) {
            (Phase::Closed, Verdict::None) | (Phase::Open { .. }, _) => None,
            (Phase::Closed, verdict) => self.count(verdict, now),
            (Phase::HalfOpen { .. }, Verdict::Failure) => Some(self.open(now)),
            (Phase::HalfOpen { .. }, Verdict::Success) => {
                self.window = Window::new(self.settings.window, now);
                self.enter(Phase::Closed);
                None
            }
            (Phase::HalfOpen { .. }, Verdict::None) => {
                self.phase = Phase::HalfOpen { free_since: now, busy: false };
                None
            }
        }
    }

    /// Takes the result of the gateway's own try at connecting; says when to try again, if it failed.
    pub(super) fn probed(&mut self, connected: bool, now: Instant) -> Option<Instant> {
        if !matches!(self.phase, Phase::Open { .. }) {
            return None;
        }
        if connected {
            self.enter(Phase::HalfOpen { free_since: now, busy: false });
            return None;
        }
        Some(self.open(now))
    }

    /// The phase as the gauge shows it.
    pub(super) fn number(&self) -> i64 {
        match self.phase {
            Phase::Closed => 0,
            Phase::HalfOpen { .. } => 1,
            Phase::Open { .. } => 2,
        }
    }

    fn count(&mut self, verdict: Verdict, now: Instant) -> Option<Instant> {
        let counts = self.window.present(now);
        counts.all += 1;
        if verdict == Verdict::Success {
            return None;
        }
        counts.marked += 1;
        let sum = self.window.sum(now);
        let share = f64::from(sum.marked) / f64::from(sum.all);
        (sum.all >= self.settings.minimum && share >= self.settings.failures).then(|| self.open(now))
    }

    fn open(&mut self, now: Instant) -> Instant {
        let until = now + self.settings.open;
        self.enter(Phase::Open { until });
        until
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.turn += 1;
    }
}

#[cfg(test)]
mod tests;
