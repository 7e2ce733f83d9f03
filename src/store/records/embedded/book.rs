//! The tables of one transaction, which keep records, the order in which they grow old, and the tally together.

use std::collections::BTreeSet;

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use crate::store::records::encoded::{DONE, Glance, UNKNOWN, decode, encode, glance};
use crate::store::records::judge::{Change, Retention};
use crate::store::records::record::Record;
use crate::store::records::seal::Seal;
use crate::store::records::{Digest, Millis};

/// Records by the keyed digest of their name.
const RECORDS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("records");
/// What is done or unknown, oldest first: state, time of the last change, digest.
const AGES: TableDefinition<(u8, u64, &[u8; 32]), ()> = TableDefinition::new("ages");

/// Why a transaction fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The file fails.
    #[error("{0}")]
    File(Box<redb::Error>),
    /// What the file holds is no record.
    #[error("a record in the file is damaged or sealed with another key")]
    Record,
}

/// How many records there are, and the like.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By state.
    pub(super) records: [u64; 3],
    pub(super) bytes: u64,
    pub(super) unknown: BTreeSet<(Millis, Digest)>,
}

/// The tables, open for writing.
pub(super) struct Book<'t> {
    records: Table<'t, &'static [u8; 32], &'static [u8]>,
    ages: Table<'t, (u8, u64, &'static [u8; 32]), ()>,
    seal: &'t Seal,
    tally: &'t mut Tally,
    /// Whether anything was written.
    pub(super) dirty: bool,
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::File(Box::new(error.into()))
    }
}

impl<'t> Book<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction, seal: &'t Seal, tally: &'t mut Tally) -> Result<Self, Fault> {
        let (records, ages) = (transaction.open_table(RECORDS)?, transaction.open_table(AGES)?);
        Ok(Self { records, ages, seal, tally, dirty: false })
    }

    pub(super) fn tally(&self) -> &Tally {
        self.tally
    }

    /// The record at `place`.
    pub(super) fn find(&self, place: &Digest) -> Result<Option<Record>, Fault> {
        let Some(found) = self.records.get(place)? else { return Ok(None) };
        decode(found.value(), place, self.seal).map(Some).map_err(|_| Fault::Record)
    }

    /// What `record` takes in the file.
    pub(super) fn encoded(&self, place: &Digest, record: &Record) -> Vec<u8> {
        encode(record, place, self.seal)
    }

    /// Does as it was decided.
    pub(super) fn make(&mut self, place: &Digest, change: &Change) -> Result<(), Fault> {
        match change {
            Change::Put(record) => self.put(place, &self.encoded(place, record)),
            Change::Remove => self.remove(place),
            Change::None => Ok(()),
        }
    }

    /// Writes a record in place of what is there.
    pub(super) fn put(&mut self, place: &Digest, bytes: &[u8]) -> Result<(), Fault> {
        self.remove(place)?;
        let seen = glance(bytes).ok_or(Fault::Record)?;
        self.records.insert(place, bytes)?;
        if seen.state == DONE || seen.state == UNKNOWN {
            self.ages.insert((seen.state, seen.changed, place), ())?;
        }
        self.tally.add(place, seen, bytes.len() as u64);
        self.dirty = true;
        Ok(())
    }

    fn remove(&mut self, place: &Digest) -> Result<(), Fault> {
        let gone = self.records.remove(place)?.map(|old| (glance(old.value()), old.value().len() as u64));
        let Some((seen, length)) = gone else { return Ok(()) };
        let seen = seen.ok_or(Fault::Record)?;
        self.ages.remove((seen.state, seen.changed, place))?;
        self.tally.take(place, seen, length);
        self.dirty = true;
        Ok(())
    }

    /// Removes at most `most` records whose time is over.
    pub(super) fn sweep(&mut self, retention: Retention, now: Millis, most: usize) -> Result<(), Fault> {
        for (state, kept) in [(DONE, retention.done), (UNKNOWN, retention.unknown)] {
            let Some(last) = now.checked_sub(kept) else { continue };
            let old = self.ages.range((state, 0, &[0; 32])..=(state, last, &[u8::MAX; 32]))?.take(most);
            let old = old.map(|age| Ok(*age?.0.value().2)).collect::<Result<Vec<Digest>, redb::StorageError>>()?;
            for place in old {
                self.remove(&place)?;
            }
        }
        Ok(())
    }

    /// Counts everything anew; gives back the places of what is in flight.
    pub(super) fn count(&mut self) -> Result<Vec<Digest>, Fault> {
        *self.tally = Tally::default();
        let mut in_flight = Vec::new();
        for entry in self.records.iter()? {
            let (place, bytes) = entry?;
            let seen = glance(bytes.value()).ok_or(Fault::Record)?;
            self.tally.add(place.value(), seen, bytes.value().len() as u64);
            if seen.state != DONE && seen.state != UNKNOWN {
                in_flight.push(*place.value());
            }
        }
        Ok(in_flight)
    }
}

impl Tally {
    pub(super) fn all(&self) -> u64 {
        self.records.iter().sum()
    }

    fn add(&mut self, place: &Digest, seen: Glance, length: u64) {
        self.records[usize::from(seen.state)] += 1;
        self.bytes += length;
        if seen.state == UNKNOWN {
            self.unknown.insert((seen.changed, *place));
        }
    }

    fn take(&mut self, place: &Digest, seen: Glance, length: u64) {
        self.records[usize::from(seen.state)] -= 1;
        self.bytes -= length;
        self.unknown.remove(&(seen.changed, *place));
    }
}
