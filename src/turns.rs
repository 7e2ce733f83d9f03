//! How often a worker's event loop has looked at its sockets.
//!
//! What a look finds is known of each socket before any task runs again (of a thousand sockets at once; the rest has its turn
//! next). A socket on which nothing was found since some turn had nothing to be read when this one began, and need not be asked
//! by a system call.

use std::cell::Cell;

thread_local! {
    static TURNS: Cell<u64> = const { Cell::new(0) };
}

/// A turn of one event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(u64);

/// Takes note that this thread's event loop has looked; to be called by it, after each time.
pub fn looked() {
    TURNS.set(TURNS.get() + 1);
}

/// The present turn; none on a thread whose event loop does not count.
#[must_use]
pub fn present() -> Option<Turn> {
    Some(Turn(TURNS.get())).filter(|turn| turn.0 > 0)
}
