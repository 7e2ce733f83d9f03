//! Records in a file of this machine: one thread that commits what many requests ask for at once.
//!
//! **Why at most one forward per key.** The thread alone reads and writes the file, one batch of commands at a time, each command
//! judged by the state that the one before it left. A reply is given only once the batch is on the disk (`fsync`, the file's
//! checksummed root last), so by the time anybody forwards, the record is durable: a crash at any point finds it in flight. After a
//! crash nobody is alive, so what is in flight is unknown. If a batch fails, nobody of it forwards, and the file is opened anew.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::oneshot;

use self::file::open;
use self::ledger::{Alive, Ledger};
use super::judge::Retention;
use super::{Board, Command, Condition, Inbox, Millis, Reply, Unavailable};
use crate::clock::SharedClock;
use crate::secret::Secret;

pub use self::file::OpenError;

mod book;
mod file;
mod ledger;

/// How often a file that another process holds, or that failed, is tried again.
const AGAIN: Duration = Duration::from_millis(100);
/// Commands of one commit at most.
const BATCH: usize = 1024;

/// Where records are kept and how many.
pub struct Settings {
    /// The file; its folder must be there.
    pub path: PathBuf,
    /// The operator's key, if records are to be encrypted.
    pub key: Option<Secret>,
    /// How long records are kept.
    pub retention: Retention,
    /// Records at most.
    pub max_records: u64,
    /// Bytes of records at most.
    pub max_bytes: u64,
    /// How long to wait for another process to give the file up.
    pub lock_wait: Duration,
}

/// Opens the file and starts the thread that serves `inbox`; says in the end whether the file could be had.
///
/// If another process holds the file, the thread waits for it and refuses everything meanwhile.
///
/// # Errors
///
/// The file cannot be used: nothing in it was changed.
pub fn start(
    settings: Settings,
    inbox: Inbox,
    board: &Arc<Board>,
    clock: SharedClock,
) -> Result<oneshot::Receiver<Result<(), OpenError>>, OpenError> {
    let (tell, had) = oneshot::channel();
    let mut keeper =
        Keeper { ledger: None, settings, inbox, board: Arc::clone(board), clock, tell: Some(tell), alive: Alive::default() };
    match keeper.open() {
        Ok(()) => keeper.had(Ok(())),
        Err(OpenError::Held(_)) => {
            tracing::warn!(path = %keeper.settings.path.display(), "another process holds the idempotency records; waiting for it");
        }
        Err(error) => return Err(error),
    }
    thread::Builder::new().name("records".to_owned()).spawn(move || keeper.run()).map_err(OpenError::Thread)?;
    Ok(had)
}

/// What the thread has.
struct Keeper {
    ledger: Option<Ledger>,
    settings: Settings,
    inbox: Inbox,
    board: Arc<Board>,
    clock: SharedClock,
    tell: Option<oneshot::Sender<Result<(), OpenError>>>,
    alive: Alive,
}

impl Keeper {
    fn run(mut self) {
        if self.ledger.is_none() && !self.wait() {
            return;
        }
        while let Some(first) = self.inbox.blocking_recv() {
            let batch = self.batch(first);
            if let Some(closed) = self.keep(batch) {
                drop(self.ledger.take());
                self.board.set_condition(Condition::Closed);
                // Who does not wait for the end does not want to know.
                let _ = closed.send(());
                return;
            }
        }
        self.board.set_condition(Condition::Closed);
    }

    /// Waits until another process gives the file up, and refuses what is asked meanwhile.
    fn wait(&mut self) -> bool {
        let since = std::time::Instant::now();
        loop {
            thread::sleep(AGAIN);
            while let Ok(command) = self.inbox.try_recv() {
                if let Some(closed) = refuse(command, Unavailable::Held) {
                    let _ = closed.send(());
                    return false;
                }
            }
            match self.open() {
                Ok(()) => {
                    tracing::info!(path = %self.settings.path.display(), "the idempotency records are open");
                    self.had(Ok(()));
                    return true;
                }
                Err(OpenError::Held(_)) if since.elapsed() < self.settings.lock_wait => {}
                Err(error) => {
                    self.board.set_condition(Condition::Closed);
                    self.had(Err(error));
                    return false;
                }
            }
        }
    }

    fn open(&mut self) -> Result<(), OpenError> {
        let file = open(&self.settings.path, self.settings.key.as_ref())?;
        let bounds = ledger::Bounds {
            retention: self.settings.retention,
            max_records: self.settings.max_records,
            max_bytes: self.settings.max_bytes,
        };
        let now = self.now();
        let ledger = Ledger::read(file, bounds, &mut self.alive, now).map_err(|fault| fault.of(&self.settings.path))?;
        ledger.show(&self.board);
        self.ledger = Some(ledger);
        self.board.set_condition(Condition::Open);
        Ok(())
    }

    fn had(&mut self, had: Result<(), OpenError>) {
        if let Some(tell) = self.tell.take() {
            // A gateway that ended meanwhile does not want to know.
            let _ = tell.send(had);
        }
    }

    /// The first command and whatever waits behind it: they share one commit.
    fn batch(&mut self, first: Command) -> Vec<Command> {
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(next) = self.inbox.try_recv()
        {
            batch.push(next);
        }
        batch
    }

    /// Does what a batch asks, or nothing of it; gives back who waits for the end, if that was asked.
    fn keep(&mut self, batch: Vec<Command>) -> Option<oneshot::Sender<()>> {
        if self.ledger.is_none() && self.open().is_err() {
            self.board.failed();
        }
        let now = self.now();
        let Some(ledger) = &mut self.ledger else {
            return batch.into_iter().fold(None, |closed, command| {
                self.alive.owe(&command);
                refuse(command, Unavailable::Failed).or(closed)
            });
        };
        let ends = batch.iter().any(Command::ends);
        let (kept, closed) = ledger.apply(batch, &self.board, &mut self.alive, now);
        if let Err(error) = kept {
            tracing::error!(%error, "the idempotency records cannot be written");
            self.board.failed();
            self.board.set_condition(Condition::Failing);
            self.ledger = None;
        }
        if ends {
            self.board.ended.notify_waiters();
        }
        closed
    }

    fn now(&self) -> Millis {
        let since = self.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Tells that nothing is done; gives back who waits for the end.
fn refuse(command: Command, why: Unavailable) -> Option<oneshot::Sender<()>> {
    match command {
        Command::Begin(_, reply) => Reply::told(reply, Err(why)),
        // Who left does not want to know.
        Command::End(_, _, _, to) => _ = to.send(Err(why)),
        Command::Resolve(_, _, to) => _ = to.send(Err(why.into())),
        Command::Sweep => {}
        Command::Close(closed) => return Some(closed),
    }
    None
}

#[cfg(test)]
mod tests;
