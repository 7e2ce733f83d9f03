//! Lines on their way to one thread that writes them in batches: bounded, and no system call of those who hand them over.
//!
//! Whoever hands a line over copies it into memory and goes on; if there is no room, the line is lost and counted. The thread looks
//! every few milliseconds while lines come, and sleeps until it is woken once none has come for a while.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;

#[cfg(test)]
mod tests;

/// How long lines gather before they are written.
const PACE: Duration = Duration::from_millis(5);
/// How often the thread looks in vain before it sleeps.
const LOOKS: u32 = 200;

/// The lines that wait for their thread.
#[derive(Debug)]
pub struct Lines {
    state: Mutex<State>,
    /// Told when the thread is to look.
    woken: Condvar,
    /// Told when the thread has written.
    finished: Condvar,
    room: usize,
    lost: AtomicU64,
    counter: OnceLock<IntCounter>,
}

#[derive(Debug, Default)]
struct State {
    batch: Batch,
    /// Lines handed over, taken by the thread, and written, since the beginning.
    handed: u64,
    taken: u64,
    written: u64,
    asleep: bool,
    hurry: bool,
    closed: bool,
}

/// Lines that are written at once.
#[derive(Debug, Default)]
pub struct Batch {
    /// The lines, each with its end.
    pub bytes: Vec<u8>,
    /// How many there are.
    pub lines: u64,
    /// How many of them had a place of their own.
    pub placed: u64,
}

/// What the thread gets when it looks.
#[derive(Debug)]
pub struct Next {
    /// What there is, maybe nothing.
    pub batch: Batch,
    /// Whether nothing more will come.
    pub closed: bool,
}

impl Lines {
    /// Room for so many bytes that wait.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self {
            state: Mutex::default(),
            woken: Condvar::new(),
            finished: Condvar::new(),
            room,
            lost: AtomicU64::new(0),
            counter: OnceLock::new(),
        }
    }

    /// Hands a line over, which ends with a line feed; says whether there was room. If not, it is counted as lost.
    pub fn push(&self, line: &[u8]) -> bool {
        let state = self.lock();
        if state.closed || state.batch.bytes.len() + line.len() > self.room {
            drop(state);
            self.lose(1);
            return false;
        }
        self.add(state, line);
        true
    }

    /// Hands a line over whose room was set aside before.
    pub fn push_placed(&self, line: &[u8]) {
        let mut state = self.lock();
        state.batch.placed += 1;
        self.add(state, line);
    }

    /// Counts lines that are lost.
    pub fn lose(&self, lines: u64) {
        self.lost.fetch_add(lines, Relaxed);
        if let Some(counter) = self.counter.get() {
            counter.inc_by(lines);
        }
    }

    /// Lines that were lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Counts what is lost, and was so far, in this metric, too; the first one given stays.
    pub fn count_lost_in(&self, counter: IntCounter) {
        let so_far = self.lost();
        if self.counter.set(counter).is_ok()
            && let Some(counter) = self.counter.get()
        {
            counter.inc_by(so_far);
        }
    }

    /// Waits until all that was handed over so far is written, at most so long; says whether it is.
    pub fn flush(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        let wanted = state.handed;
        state.hurry = true;
        self.woken.notify_one();
        let told = self.finished.wait_timeout_while(state, patience, |state| state.written < wanted);
        let (state, _) = told.unwrap_or_else(PoisonError::into_inner);
        state.written >= wanted
    }

    /// Takes no more lines; the thread ends once it has written those it has.
    pub fn close(&self) {
        self.lock().closed = true;
        self.woken.notify_one();
    }

    /// For the thread: waits for lines, at most for `patience` if there is one, and takes them. `spare` is filled next.
    pub fn next(&self, mut spare: Batch, patience: Option<Duration>) -> Next {
        spare.clear();
        let until = patience.map(|patience| Instant::now() + patience);
        // Others come meanwhile, so that one call writes them all.
        let mut state = self.wait(self.lock(), Some(PACE));
        let mut looks = 0;
        while state.batch.lines == 0 && !state.hurry && !state.closed {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            state.asleep = looks >= LOOKS;
            let pace = if state.asleep { left } else { Some(left.map_or(PACE, |left| left.min(PACE))) };
            state = self.wait(state, pace);
            state.asleep = false;
            looks += 1;
        }
        state.hurry = false;
        state.taken = state.handed;
        Next { batch: mem::replace(&mut state.batch, spare), closed: state.closed }
    }

    /// For the thread: whatever was taken is written or lost.
    pub fn finish(&self) {
        let mut state = self.lock();
        state.written = state.taken;
        drop(state);
        self.finished.notify_all();
    }

    fn add(&self, mut state: MutexGuard<'_, State>, line: &[u8]) {
        state.batch.bytes.extend_from_slice(line);
        state.batch.lines += 1;
        state.handed += 1;
        let asleep = mem::take(&mut state.asleep);
        drop(state);
        if asleep {
            self.woken.notify_one();
        }
    }

    /// Waits until woken, or for so long; not at all if there is a hurry.
    fn wait<'s>(&self, state: MutexGuard<'s, State>, time: Option<Duration>) -> MutexGuard<'s, State> {
        if state.hurry || state.closed {
            return state;
        }
        match time {
            Some(time) => self.woken.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
            None => self.woken.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        (self.lines, self.placed) = (0, 0);
    }
}
