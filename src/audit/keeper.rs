//! The thread that writes records: in batches, again and again until they are written, and synced every second.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use super::sink::Sink;
use super::{ROOM, Shared};
use crate::lines::{Batch, Lines, Next};

/// How often what is written is synced, and how often what cannot be written is tried again.
const TURN: Duration = Duration::from_secs(1);

/// Who writes.
pub(super) struct Keeper {
    sink: Sink,
    lines: Arc<Lines>,
    shared: Arc<Shared>,
    /// What is not written yet, and how much of that is.
    pending: Pending,
    /// Since when what is written is not synced.
    unsynced: Option<Instant>,
    available: bool,
}

/// Records that were taken and are not all written.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    written: usize,
    lines: u64,
    placed: u64,
}

impl Keeper {
    pub(super) fn new(sink: Sink, lines: Arc<Lines>, shared: Arc<Shared>) -> Self {
        Self { sink, lines, shared, pending: Pending::default(), unsynced: None, available: true }
    }

    /// Starts the thread. Whether records can be written is known when this returns.
    pub(super) fn start(mut self) -> io::Result<()> {
        self.turn();
        thread::Builder::new().name("audit".to_owned()).spawn(move || self.run()).map(drop)
    }

    fn run(mut self) {
        let mut spare = Batch::default();
        loop {
            let busy = !self.available || self.unsynced.is_some();
            let Next { batch, closed } = self.lines.next(spare, busy.then_some(TURN));
            self.pending.add(&batch);
            self.turn();
            if closed {
                self.end();
            }
            self.lines.finish();
            if closed {
                return;
            }
            self.give_up_some();
            spare = batch;
        }
    }

    /// Writes what there is, sets room aside for what is to come, and syncs when it is time.
    fn turn(&mut self) {
        let done = self.written().and_then(|()| self.sink.reserve());
        self.tell(done.as_ref().err());
        if self.unsynced.is_some_and(|since| since.elapsed() >= TURN) {
            self.sync();
        }
    }

    fn written(&mut self) -> io::Result<()> {
        let asked = self.shared.reopen.swap(false, Relaxed);
        match self.sink.renew(asked) {
            // The rest of a torn record would make no sense in another file.
            Ok(true) => self.pending.rewind(),
            Ok(false) => {}
            Err(error) if asked => {
                self.shared.reopen.store(true, Relaxed);
                tracing::warn!(%error, "the audit file cannot be opened anew; the old one goes on");
            }
            Err(error) => tracing::warn!(%error, "the audit file was moved and cannot be opened anew; the old one goes on"),
        }
        while !self.pending.rest().is_empty() {
            match self.sink.write(self.pending.rest()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.pending.written += bytes;
                    self.unsynced.get_or_insert_with(Instant::now);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.shared.written.inc_by(self.pending.lines);
        self.free(self.pending.placed);
        self.pending.clear();
        Ok(())
    }

    fn sync(&mut self) {
        self.unsynced = None;
        if let Err(error) = self.sink.sync() {
            tracing::error!(%error, "audit records may not outlive the machine's end: they cannot be synced");
        }
    }

    /// Lets go of what waits if it is more than there is to be room for, so that memory is bounded. Payments' places bound theirs.
    fn give_up_some(&mut self) {
        if self.pending.bytes.len() > ROOM && self.pending.placed == 0 {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.lines.lose(self.pending.lines);
        self.free(self.pending.placed);
        self.pending.clear();
    }

    /// The end: nothing more comes, and what cannot be written now is lost.
    fn end(&mut self) {
        if self.pending.lines > 0 {
            tracing::error!(records = self.pending.lines, "audit records are lost: they could not be written before the end");
            self.give_up();
        }
        if self.unsynced.is_some() {
            self.sync();
        }
    }

    fn free(&self, places: u64) {
        self.shared.places.fetch_add(u32::try_from(places).unwrap_or(u32::MAX), Relaxed);
    }

    /// Takes note of whether records can be written, and tells when that changes.
    fn tell(&mut self, failed: Option<&io::Error>) {
        match failed {
            Some(error) if self.available => tracing::error!(%error, "audit records cannot be written"),
            None if !self.available => tracing::info!("audit records are written again"),
            _ => {}
        }
        self.available = failed.is_none();
        self.shared.available(self.available);
    }
}

impl Pending {
    fn add(&mut self, batch: &Batch) {
        self.bytes.extend_from_slice(&batch.bytes);
        self.lines += batch.lines;
        self.placed += batch.placed;
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Back to the beginning of the record that was cut.
    fn rewind(&mut self) {
        let before = &self.bytes[..self.written];
        self.written = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        (self.written, self.lines, self.placed) = (0, 0, 0);
    }
}
