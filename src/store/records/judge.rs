//! The life of a record, as pure functions: in flight → done · free again · unknown.
//!
//! This is the whole of what makes a key be forwarded at most once; stores only see to it that each step is atomic and durable.
//!
//! - A request may be forwarded only by who got [`Verdict::Start`], which is given only where there is no record.
//! - A record goes away in three ways alone: its owner says that nothing was done ([`Ending::Free`]), an operator does, or its time
//!   is over. An owner that died says nothing, so its record becomes unknown.
//! - What an owner says counts only as long as the record is still its own (the fence).

use super::record::{Ending, Fence, Fingerprint, Millis, Outcome, Past, Record, Resolution, State, Trace};

/// How long records are kept after their last change.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Of those that are done.
    pub done: Millis,
    /// Of those whose outcome is unknown.
    pub unknown: Millis,
}

/// A request with a key that asks to be forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who would own it.
    pub fence: Fence,
    /// Which request it is.
    pub fingerprint: Fingerprint,
    /// What it is.
    pub trace: Trace,
}

/// What comes of asking to be forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This record is to be made; once it is durable, its owner may forward the request.
    Start(Record),
    /// Its owner is at it.
    InFlight,
    /// It ended so.
    Done(Outcome, Past),
    /// Nobody knows how it ended.
    Unknown(Past),
    /// The key was used for another request.
    Mismatch,
}

/// What is to become of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This.
    Put(Record),
    /// It goes: its key is free again.
    Remove,
    /// Nothing: it is not the speaker's to change.
    None,
}

/// Why an operator cannot resolve a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolvable {
    /// There is none.
    #[error("there is no record of this key")]
    Absent,
    /// Its owner is at it.
    #[error("the request is under way; its outcome is not unknown")]
    InFlight,
    /// It is done.
    #[error("the outcome of the request is known")]
    Done,
}

impl Retention {
    /// When a record's time is over; that of one in flight never is.
    #[must_use]
    pub fn expiry(&self, record: &Record) -> Option<Millis> {
        match record.state {
            State::InFlight => None,
            State::Done(_) => Some(record.changed.saturating_add(self.done)),
            State::Unknown => Some(record.changed.saturating_add(self.unknown)),
        }
    }

    /// What a record that was found is by now: nothing, if its time is over; unknown, if its owner died over it.
    #[must_use]
    pub fn settle(&self, found: Option<Record>, is_alive: impl FnOnce(Fence) -> bool, now: Millis) -> Option<Record> {
        let record = found?;
        if self.expiry(&record).is_some_and(|expiry| expiry <= now) {
            return None;
        }
        if record.state == State::InFlight && !is_alive(record.fence) {
            return Some(Record { state: State::Unknown, changed: now, ..record });
        }
        Some(record)
    }
}

/// Decides about a request whose record, as [settled](Retention::settle), is `found`.
#[must_use]
pub fn begin(found: Option<&Record>, asked: &Asked, now: Millis) -> Verdict {
    let Some(found) = found else {
        let Asked { fence, fingerprint, trace } = asked.clone();
        return Verdict::Start(Record { fence, begun: now, changed: now, state: State::InFlight, trace, fingerprint });
    };
    let past = || Past { trace: found.trace.clone(), begun: found.begun };
    match &found.state {
        _ if found.fingerprint != asked.fingerprint => Verdict::Mismatch,
        State::InFlight => Verdict::InFlight,
        State::Done(outcome) => Verdict::Done(outcome.clone(), past()),
        State::Unknown => Verdict::Unknown(past()),
    }
}

/// What an owner's word makes of the record that is `found`.
///
/// It counts even if the record was taken for unknown meanwhile: its owner knows better. It does not count once the record is
/// another's or an operator has spoken.
#[must_use]
pub fn end(found: Option<&Record>, fence: Fence, ending: Ending, now: Millis) -> Change {
    let Some(own) = found.filter(|record| record.fence == fence && !matches!(record.state, State::Done(_))) else {
        return Change::None;
    };
    match ending {
        Ending::Free => Change::Remove,
        Ending::Done(outcome) => Change::Put(Record { state: State::Done(outcome), changed: now, ..own.clone() }),
        Ending::Unknown if own.state == State::Unknown => Change::None,
        Ending::Unknown => Change::Put(Record { state: State::Unknown, changed: now, ..own.clone() }),
    }
}

/// What an operator's word makes of the record that is `found`, [settled](Retention::settle).
///
/// # Errors
///
/// Its outcome is not unknown.
pub fn resolve(found: Option<&Record>, resolution: Resolution, now: Millis) -> Result<Change, Unresolvable> {
    let found = found.ok_or(Unresolvable::Absent)?;
    match (&found.state, resolution) {
        (State::InFlight, _) => Err(Unresolvable::InFlight),
        (State::Done(_), _) => Err(Unresolvable::Done),
        (State::Unknown, Resolution::Free) => Ok(Change::Remove),
        (State::Unknown, Resolution::Done) => {
            Ok(Change::Put(Record { state: State::Done(Outcome::Resolved), changed: now, ..found.clone() }))
        }
    }
}

#[cfg(test)]
mod tests;
