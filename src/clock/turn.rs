//! The turns of a worker's event loop, and what can be known without asking the system because the loop has just looked.
//!
//! What a look finds is known of each socket before any task runs again (of a thousand sockets at once; the rest has its turn
//! next): a socket on which nothing was found since an earlier turn had nothing to be read when this one began. And one reading of
//! the clock is good enough for all who ask within a turn: a reading costs as much as a hundred instructions.

use std::cell::Cell;
use std::time::SystemTime;

use tokio::time::Instant;

/// A busy loop may not look for long: then a reading serves so many questions, which are some requests' worth.
const QUESTIONS: u8 = 32;

thread_local! {
    static TURNS: Cell<u64> = const { Cell::new(0) };
    static NOW: Cell<Option<Reading<Instant>>> = const { Cell::new(None) };
    static WALL: Cell<Option<Reading<SystemTime>>> = const { Cell::new(None) };
}

/// A turn of one event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(u64);

#[derive(Clone, Copy)]
struct Reading<T> {
    at: T,
    questions: u8,
}

/// Takes note that this thread's event loop has looked; to be called by it, after each time.
pub fn looked() {
    TURNS.set(TURNS.get() + 1);
    NOW.set(None);
    WALL.set(None);
}

/// The present turn; none on a thread whose event loop does not count.
#[must_use]
pub fn present() -> Option<Turn> {
    Some(Turn(TURNS.get())).filter(|turn| turn.0 > 0)
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
            place.set(present().map(|_| Reading { at, questions: QUESTIONS }));
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
        let other = thread::spawn(|| (present(), now() < now()));

        assert_eq!(other.join().unwrap(), (None, true));
    }
}
