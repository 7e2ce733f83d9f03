//! The turns of a worker's event loop: one reading of the clock is good enough for all who ask within a turn. A reading costs as
//! much as a hundred instructions.

use std::cell::Cell;
use std::time::SystemTime;

use tokio::time::Instant;

/// A busy loop may not look for long: then a reading serves so many questions, which are some requests' worth.
const QUESTIONS: u8 = 32;

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    static NOW: Cell<Option<Reading<Instant>>> = const { Cell::new(None) };
    static WALL: Cell<Option<Reading<SystemTime>>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Reading<T> {
    at: T,
    questions: u8,
}

/// Takes note that this thread's event loop has looked at its sockets; to be called by it, after each time.
pub fn looked() {
    COUNTS.set(true);
    NOW.set(None);
    WALL.set(None);
}

/// The monotonic instant, as of a moment of this turn: for bounds and ages, not to measure what is short.
#[must_use]
pub fn now() -> Instant {
    remembered(&NOW, Instant::now)
}

/// The wall time, likewise.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub(super) fn wall() -> SystemTime {
    remembered(&WALL, SystemTime::now)
}

/// The reading of this turn, or a new one; where turns are not counted, always a new one.
fn remembered<T: Copy>(place: &'static std::thread::LocalKey<Cell<Option<Reading<T>>>>, read: impl FnOnce() -> T) -> T {
    match place.get() {
        Some(Reading { at, questions }) if questions > 0 => {
            place.set(Some(Reading { at, questions: questions - 1 }));
            at
        }
        _ => {
            let at = read();
            place.set(COUNTS.get().then_some(Reading { at, questions: QUESTIONS }));
            at
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_reading_serves_a_turn_and_not_for_ever() {
        let worker = thread::spawn(|| {
            looked();
            let first = now();
            let same = (0..QUESTIONS).all(|_| now() == first);
            let renewed = now();
            looked();
            (same, first < renewed, renewed < now())
        });

        assert_eq!(worker.join().unwrap(), (true, true, true));
    }

    #[test]
    fn where_turns_are_not_counted_each_question_is_answered_anew() {
        let other = thread::spawn(|| now() < now());

        assert!(other.join().unwrap());
    }
}
