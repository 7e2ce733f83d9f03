//! What an answer to a write means for its idempotency key.

use super::Effect;

/// What an answer says of the write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Its outcome is known: the answer is kept, and repeated to who asks again.
    Done,
    /// Nothing was done: the key may be used again.
    Free,
    /// Nobody can know what was done.
    Unknown,
}

/// The meaning of every status, for payments and for other writes.
#[derive(Clone, Debug)]
pub struct Answers {
    pub(super) money: Statuses,
    pub(super) write: Statuses,
}

/// The meaning of each status from 100 to 599.
#[derive(Clone, Debug)]
pub(super) struct Statuses(Box<[Meaning]>);

impl Answers {
    /// What an answer of this status means; one that is no status of HTTP means nothing known.
    #[must_use]
    pub fn meaning(&self, effect: Effect, status: u16) -> Meaning {
        let statuses = match effect {
            Effect::Money => &self.money,
            Effect::Write | Effect::Read => &self.write,
        };
        let place = status.checked_sub(100).map(usize::from);
        place.and_then(|place| statuses.0.get(place)).copied().unwrap_or(Meaning::Unknown)
    }
}

impl Statuses {
    /// Nothing is known of any.
    pub(super) fn unknown() -> Self {
        Self(vec![Meaning::Unknown; 500].into())
    }

    /// Gives every status of a class, such as 2 for `2xx`, a meaning.
    pub(super) fn set_class(&mut self, class: u16, meaning: Meaning) {
        let from = usize::from(class.saturating_sub(1)) * 100;
        if let Some(statuses) = self.0.get_mut(from..from + 100) {
            statuses.fill(meaning);
        }
    }

    /// Gives one status a meaning.
    pub(super) fn set(&mut self, status: u16, meaning: Meaning) {
        let place = status.checked_sub(100).map(usize::from);
        if let Some(known) = place.and_then(|place| self.0.get_mut(place)) {
            *known = meaning;
        }
    }
}
