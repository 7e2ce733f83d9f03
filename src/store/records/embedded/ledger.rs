//! Batches of commands, each one transaction: all of a batch is durable before any of it is answered.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

use redb::Database;
use tokio::sync::oneshot;

use super::book::{Book, Fault, Tally};
use super::file::{OpenError, Opened};
use super::refuse;
use crate::store::records::judge::{self, Asked, Change, Retention, Verdict};
use crate::store::records::record::{Ending, Outcome, Record, State};
use crate::store::records::seal::Seal;
use crate::store::records::{Begun, Board, Claim, Command, Digest, Fence, Millis, Name, Resolution, Unavailable, Unresolvable};

/// Records that one commit removes at most besides what it was asked for.
const SWEPT_ALONG: usize = 16;
/// Records that a sweep removes at most.
const SWEPT: usize = 10_000;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) retention: Retention,
    pub(super) max_records: u64,
    pub(super) max_bytes: u64,
}

/// Who is at a request in this process, and what owners said that is not written yet.
#[derive(Debug, Default)]
pub(in crate::store::records) struct Alive {
    owners: HashMap<Digest, Fence>,
    owed: Vec<(Digest, Fence, Ending)>,
}

/// An open file of records.
pub(super) struct Ledger {
    database: Database,
    seal: Seal,
    tally: Tally,
    bounds: Bounds,
}

/// What came of a command, to be told once it is durable.
enum Came {
    Started(Digest, Fence),
    Begun(Begun),
    Refused(Unavailable),
    Resolved(Result<(), Unresolvable>),
    Nothing,
}

impl Ledger {
    /// Reads what is there; what nobody is at any more becomes unknown.
    pub(super) fn read(opened: Opened, bounds: Bounds, alive: &mut Alive, now: Millis) -> Result<Self, Fault> {
        let Opened { database, seal } = opened;
        let mut ledger = Self { database, seal, tally: Tally::default(), bounds };
        ledger.transact(|book| {
            let in_flight = book.count()?;
            for (place, fence, ending) in &alive.owed {
                let found = book.find(place)?;
                book.make(place, &judge::end(found.as_ref(), *fence, ending.clone(), now))?;
            }
            for place in in_flight {
                if let Some(record) =
                    book.find(&place)?.filter(|record| record.state == State::InFlight && !alive.is(&place, record.fence))
                {
                    let died = Record { state: State::Unknown, changed: now, ..record };
                    book.make(&place, &Change::Put(died))?;
                }
            }
            book.sweep(bounds.retention, now, SWEPT)
        })?;
        alive.owed.clear();
        Ok(ledger)
    }

    /// Does what a batch asks, and then tells; gives back who waits for the end. On a failure nothing of it was done for sure.
    pub(super) fn apply(
        &mut self,
        batch: Vec<Command>,
        board: &Board,
        alive: &mut Alive,
        now: Millis,
    ) -> (Result<(), Fault>, Option<oneshot::Sender<()>>) {
        let mut came = Vec::with_capacity(batch.len());
        let (seal, bounds) = (Seal::clone(&self.seal), self.bounds);
        let done = self.transact(|book| {
            for command in &batch {
                came.push(Step { book, seal: &seal, bounds, alive, now }.take(command)?);
            }
            if book.dirty { book.sweep(bounds.retention, now, SWEPT_ALONG) } else { Ok(()) }
        });
        if done.is_ok() {
            // Whoever is told finds the numbers as they are.
            self.show(board);
        }
        let ended = batch.into_iter().zip(came.into_iter().map(Some).chain(std::iter::repeat_with(|| None)));
        let closed = ended.fold(None, |closed, (command, came)| {
            let told = match (&done, came) {
                (Ok(()), Some(came)) => tell(command, came),
                (_, came) => {
                    if let Some(Came::Started(place, fence)) = came {
                        alive.never_began(place, fence);
                    }
                    alive.owe(&command);
                    refuse(command, Unavailable::Failed)
                }
            };
            told.or(closed)
        });
        (done, closed)
    }

    /// Writes the numbers where everybody can read them.
    pub(super) fn show(&self, board: &Board) {
        let [in_flight, done, unknown] = self.tally.records;
        board.in_flight.store(in_flight, Relaxed);
        board.done.store(done, Relaxed);
        board.unknown.store(unknown, Relaxed);
        board.bytes.store(self.tally.bytes, Relaxed);
        board.set_oldest_unknown(self.tally.unknown.first().map(|(since, _)| *since));
    }

    /// One transaction; if nothing was written, nothing is committed.
    fn transact(&mut self, work: impl FnOnce(&mut Book<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
        let transaction = self.database.begin_write()?;
        let dirty = {
            let mut book = Book::open(&transaction, &self.seal, &mut self.tally)?;
            work(&mut book)?;
            book.dirty
        };
        if dirty { Ok(transaction.commit()?) } else { Ok(transaction.abort()?) }
    }
}

/// One command being decided.
struct Step<'s, 't> {
    book: &'s mut Book<'t>,
    seal: &'s Seal,
    bounds: Bounds,
    alive: &'s mut Alive,
    now: Millis,
}

impl Step<'_, '_> {
    fn take(&mut self, command: &Command) -> Result<Came, Fault> {
        match command {
            Command::Begin(claim, _) => self.begin(claim),
            Command::End(place, fence, ending, _) => {
                self.alive.gone(place, *fence);
                self.end(place, *fence, ending)?;
                Ok(Came::Nothing)
            }
            Command::Resolve(name, resolution, _) => Ok(Came::Resolved(self.resolve(name, *resolution)?)),
            Command::Sweep => {
                self.book.sweep(self.bounds.retention, self.now, SWEPT)?;
                Ok(Came::Nothing)
            }
            Command::Close(_) => Ok(Came::Nothing),
        }
    }

    fn begin(&mut self, claim: &Claim) -> Result<Came, Fault> {
        let place = self.seal.digest(claim.name.as_bytes());
        let found = self.settled(&place)?;
        let fence = fastrand::u64(..);
        let asked = Asked { fence, fingerprint: self.seal.fingerprint(&claim.fingerprint), trace: claim.trace.clone() };
        let begun = match judge::begin(found.as_ref(), &asked, self.now) {
            Verdict::Start(record) => return self.started(place, &record),
            Verdict::InFlight => Begun::InFlight,
            Verdict::Done(outcome, past) => Begun::Done(outcome, past),
            Verdict::Unknown(past) => Begun::Unknown(past),
            Verdict::Mismatch => Begun::Mismatch,
        };
        Ok(Came::Begun(begun))
    }

    fn started(&mut self, place: Digest, record: &Record) -> Result<Came, Fault> {
        let bytes = self.book.encoded(&place, record);
        let fits =
            |tally: &Tally| tally.all() < self.bounds.max_records && tally.bytes + bytes.len() as u64 <= self.bounds.max_bytes;
        if !fits(self.book.tally()) {
            self.book.sweep(self.bounds.retention, self.now, SWEPT_ALONG)?;
            if !fits(self.book.tally()) {
                return Ok(Came::Refused(Unavailable::Full));
            }
        }
        self.book.put(&place, &bytes)?;
        self.alive.owners.insert(place, record.fence);
        Ok(Came::Started(place, record.fence))
    }

    fn end(&mut self, place: &Digest, fence: Fence, ending: &Ending) -> Result<(), Fault> {
        let found = self.book.find(place)?;
        let fits = |ending: &Ending| match ending {
            Ending::Done(Outcome::Answer(answer)) => {
                self.book.tally().bytes + answer.body.len() as u64 * 2 <= self.bounds.max_bytes
            }
            _ => true,
        };
        let ending = match ending {
            // That it happened is worth more than how it was told.
            Ending::Done(Outcome::Answer(answer)) if !fits(ending) => Ending::Done(Outcome::Status(answer.status)),
            ending => ending.clone(),
        };
        self.book.make(place, &judge::end(found.as_ref(), fence, ending, self.now))
    }

    fn resolve(&mut self, name: &Name, resolution: Resolution) -> Result<Result<(), Unresolvable>, Fault> {
        let place = self.seal.digest(name.as_bytes());
        let found = self.settled(&place)?;
        match judge::resolve(found.as_ref(), resolution, self.now) {
            Ok(change) => self.book.make(&place, &change).map(Ok),
            Err(unresolvable) => Ok(Err(unresolvable)),
        }
    }

    fn settled(&mut self, place: &Digest) -> Result<Option<Record>, Fault> {
        let found = self.book.find(place)?;
        let settled = self.bounds.retention.settle(found.clone(), |fence| self.alive.is(place, fence), self.now);
        if let (Some(settled), true) = (&settled, settled != found) {
            self.book.make(place, &Change::Put(settled.clone()))?;
        }
        Ok(settled)
    }
}

fn tell(command: Command, came: Came) -> Option<oneshot::Sender<()>> {
    // Whoever left does not want to know.
    match (command, came) {
        (Command::Begin(_, reply), Came::Started(place, fence)) => reply.started(place, fence),
        (Command::Begin(_, reply), Came::Begun(begun)) => reply.told(Ok(begun)),
        (Command::Begin(_, reply), Came::Refused(why)) => reply.told(Err(why)),
        (Command::End(_, _, _, to), _) => _ = to.send(Ok(())),
        (Command::Resolve(_, _, to), Came::Resolved(resolved)) => _ = to.send(resolved.map_err(Into::into)),
        (Command::Close(closed), _) => return Some(closed),
        _ => {}
    }
    None
}

impl Alive {
    fn is(&self, place: &Digest, fence: Fence) -> bool {
        self.owners.get(place) == Some(&fence)
    }

    fn gone(&mut self, place: &Digest, fence: Fence) {
        if self.is(place, fence) {
            self.owners.remove(place);
        }
    }

    /// A record that may or may not have been written, and whose owner was never told: nothing was sent.
    fn never_began(&mut self, place: Digest, fence: Fence) {
        self.gone(&place, fence);
        self.owed.push((place, fence, Ending::Free));
    }

    /// Keeps an owner's last word until the file can be written again.
    pub(super) fn owe(&mut self, command: &Command) {
        if let Command::End(place, fence, ending, _) = command {
            self.gone(place, *fence);
            self.owed.push((*place, *fence, ending.clone()));
        }
    }
}

impl Fault {
    /// What the operator is told of a file that cannot be read.
    pub(super) fn of(self, path: &std::path::Path) -> OpenError {
        OpenError::Damaged { path: path.to_owned(), reason: self.to_string() }
    }
}
