//! What the sandbox remembers: the entities with their records, and the money on its way between them.

use std::collections::BTreeMap;
use std::time::Duration;

use self::accounts::Account;
use self::customers::Customer;
use self::keys::{Key, Resolution};
use self::payments::Payment;
use self::qr_codes::QrCode;
use self::recipients::Recipient;
use self::settlement::InFlight;
use self::table::Table;
use super::moment::{Moment, Timestamp};
use super::party::Party;
use super::random::Stream;

pub(crate) mod accounts;
pub(crate) mod customers;
pub(crate) mod keys;
pub(crate) mod payments;
pub(crate) mod qr_codes;
pub(crate) mod recipients;
pub(crate) mod sample;
pub(crate) mod settlement;
pub(crate) mod table;

/// The records of one entity: everything its clients can see.
#[derive(Default)]
pub(crate) struct Entity {
    pub(crate) customers: Table<Customer>,
    pub(crate) accounts: Table<Account>,
    pub(crate) keys: Table<Key>,
    pub(crate) recipients: Table<Recipient>,
    pub(crate) payments: Table<Payment>,
    pub(crate) qr_codes: Table<QrCode>,
}

/// All entities, and what lies between them.
pub(crate) struct World {
    entities: BTreeMap<String, Entity>,
    /// Bre-B keys held at other participants.
    pub(crate) directory: Vec<(keys::KeyName, Party)>,
    pub(crate) resolutions: Table<Resolution>,
    pub(crate) in_flight: Vec<InFlight>,
    /// How long a payment takes from its confirmation to its end.
    pub(crate) settle_after: Duration,
    /// How long a resolved key may be paid.
    pub(crate) resolution_ttl: Duration,
    seed: u64,
    made: BTreeMap<&'static str, u64>,
    stamps: Stamps,
}

impl World {
    /// A world without entities.
    pub(crate) fn new(seed: u64, settle_after: Duration, resolution_ttl: Duration) -> Self {
        Self {
            entities: BTreeMap::new(),
            directory: Vec::new(),
            resolutions: Table::default(),
            in_flight: Vec::new(),
            settle_after,
            resolution_ttl,
            seed,
            made: BTreeMap::new(),
            stamps: Stamps::default(),
        }
    }

    /// The entity called `name`; it exists from when it is first asked for.
    pub(crate) fn entity(&mut self, name: &str) -> &mut Entity {
        self.entities.entry(name.to_owned()).or_default()
    }

    /// All entities with their names.
    pub(crate) fn entities(&self) -> impl Iterator<Item = (&str, &Entity)> {
        self.entities.iter().map(|(name, entity)| (name.as_str(), entity))
    }

    /// Forgets every record of an entity, also the payments it has under way.
    pub(crate) fn clear(&mut self, name: &str) {
        self.entities.remove(name);
        self.in_flight.retain(|payment| payment.entity != name);
    }

    /// The random values for the next thing of this kind.
    pub(crate) fn next(&mut self, kind: &'static str) -> Stream {
        let made = self.made.entry(kind).or_default();
        *made += 1;
        Stream::new(self.seed, kind, *made)
    }

    /// The creation time of a record made now: later than every list answered so far.
    pub(crate) fn stamp(&mut self, moment: Moment) -> Timestamp {
        self.stamps.record(moment.wall)
    }

    /// The snapshot of a list answered now: no earlier than any record made so far.
    pub(crate) fn snapshot(&mut self, moment: Moment) -> Timestamp {
        self.stamps.snapshot(moment.wall)
    }
}

/// Keeps snapshots honest though time has whole milliseconds: within one millisecond, what is created after a list was
/// answered is stamped with the next, so a walk that goes on never meets it.
#[derive(Default)]
struct Stamps {
    last_record: Option<Timestamp>,
    last_snapshot: Option<Timestamp>,
}

impl Stamps {
    fn record(&mut self, wall: Timestamp) -> Timestamp {
        let stamp = self.last_snapshot.map_or(wall, |snapshot| wall.max(snapshot.next()));
        self.last_record = self.last_record.max(Some(stamp));
        stamp
    }

    fn snapshot(&mut self, wall: Timestamp) -> Timestamp {
        let stamp = self.last_record.map_or(wall, |record| wall.max(record));
        self.last_snapshot = self.last_snapshot.max(Some(stamp));
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_holds_what_was_made_before_it_and_nothing_made_after_it_within_one_millisecond() {
        let mut stamps = Stamps::default();
        let wall = Timestamp::from_parts(1, 0);

        let first = stamps.record(wall);
        let snapshot = stamps.snapshot(wall);
        let second = stamps.record(wall);
        let next_snapshot = stamps.snapshot(wall);

        assert!(first <= snapshot && snapshot < second && second <= next_snapshot);
    }
}
