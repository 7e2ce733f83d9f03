//! The scripts by which Redis changes records: each is one step that happens whole or not at all.

use std::fmt::Write;
use std::sync::LazyLock;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::store::records::record::{Record, State};
use crate::store::records::{Board, Digest, Millis};
use crate::store::redis::{Redis, Script, ScriptInvocation};
use crate::store::{StoreError, Use};

static SWAP: LazyLock<Script> = LazyLock::new(|| Script::new(concat!(include_str!("tally.lua"), include_str!("swap.lua"))));
static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(concat!(include_str!("tally.lua"), include_str!("renew.lua"))));
static LOOK: LazyLock<Script> = LazyLock::new(|| Script::new(concat!(include_str!("tally.lua"), include_str!("look.lua"))));

/// What a store is: format, salt, and what its key is known by.
pub(super) const ABOUT: &str = "idempotency:about";
/// Places by their state. Their order is that of the scripts.
const INDEXES: [&str; 3] = ["idempotency:in-flight", "idempotency:done", "idempotency:unknown"];

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) done: Millis,
    pub(super) unknown: Millis,
    pub(super) lease: Duration,
    pub(super) max_records: u64,
}

/// What a record is to become.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next<'a> {
    /// What it is.
    Nothing,
    /// This record, in these bytes.
    Put(&'a Record, &'a [u8]),
    /// Nothing is left of it.
    Free,
}

/// A record as it was found.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) bytes: Vec<u8>,
    /// Whether its owner's lease is over; only of one in flight that says anything.
    pub(super) lapsed: bool,
}

/// What came of a step.
pub(super) enum Swapped {
    /// It is done.
    Changed,
    /// The record is another: this, or none.
    Found(Option<Found>),
    /// There is no room for another record.
    Full,
    /// The store is another: this one's records are lost.
    Moved,
}

/// How many records are in flight, done and unknown, and since when the oldest of those is.
pub(super) type Tally = (u64, u64, u64, u64);

type Answer = (u8, Vec<u8>, u8, u64, u64, u64, u64);

impl Terms {
    fn lease(&self) -> u64 {
        u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX)
    }

    /// How long a record of this state is kept. One in flight becomes unknown when its lease is over, and is kept as such.
    fn kept(&self, state: &State) -> u64 {
        match state {
            State::InFlight => self.lease().saturating_add(self.unknown),
            State::Done(_) => self.done,
            State::Unknown => self.unknown,
        }
    }
}

/// Makes `next` of the record at `place` if it is still what was judged, empty for none.
pub(super) async fn swap(
    redis: &Redis,
    about: &[u8],
    place: &Digest,
    judged: &[u8],
    next: Next<'_>,
    terms: &Terms,
) -> Result<(Swapped, Tally), StoreError> {
    let (becomes, bytes, kept) = match next {
        Next::Nothing => ("nothing", [].as_slice(), 0),
        Next::Free => ("free", [].as_slice(), 0),
        Next::Put(record, bytes) => (named(&record.state), bytes, terms.kept(&record.state)),
    };
    let mut script = with_keys(&SWAP, redis);
    let place = hexadecimal(place);
    script.key(record_key(redis, &place)).arg(about).arg(place).arg(judged).arg(becomes).arg(bytes);
    script.arg(kept).arg(terms.lease()).arg(terms.unknown).arg(terms.max_records);
    let (verdict, found, lapsed, in_flight, done, unknown, oldest): Answer = redis.invoke(Use::Idempotency, &script).await?;
    let swapped = match verdict {
        1 => Swapped::Changed,
        2 => Swapped::Full,
        3 => Swapped::Moved,
        _ => Swapped::Found((!found.is_empty()).then_some(Found { bytes: found, lapsed: lapsed != 0 })),
    };
    Ok((swapped, (in_flight, done, unknown, oldest)))
}

/// Renews the lease on the record at `place`; whether it is still as its owner wrote it.
pub(super) async fn renew(redis: &Redis, place: &Digest, bytes: &[u8], terms: &Terms) -> Result<bool, StoreError> {
    let mut script = with_keys(&RENEW, redis);
    let place = hexadecimal(place);
    script.key(record_key(redis, &place)).arg(place).arg(bytes);
    script.arg(terms.kept(&State::InFlight)).arg(terms.lease());
    redis.invoke(Use::Idempotency, &script).await
}

/// Lets go of what has gone by itself, and counts the rest.
pub(super) async fn look(redis: &Redis, terms: &Terms) -> Result<Tally, StoreError> {
    let mut script = with_keys(&LOOK, redis);
    script.arg(terms.unknown);
    redis.invoke(Use::Idempotency, &script).await
}

/// Writes the numbers where everybody can read them.
pub(super) fn show(board: &Board, (in_flight, done, unknown, oldest): Tally) {
    board.in_flight.store(in_flight, Relaxed);
    board.done.store(done, Relaxed);
    board.unknown.store(unknown, Relaxed);
    board.set_oldest_unknown(Some(oldest).filter(|at| *at > 0));
}

fn with_keys<'s>(script: &'s Script, redis: &Redis) -> ScriptInvocation<'s> {
    let mut invocation = script.key(redis.key(ABOUT));
    for index in INDEXES {
        invocation.key(redis.key(index));
    }
    invocation
}

fn record_key(redis: &Redis, place: &str) -> String {
    redis.key(&format!("idempotency:record:{place}"))
}

/// A place as a person can type it.
fn hexadecimal(place: &Digest) -> String {
    place.iter().fold(String::with_capacity(2 * place.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all that is written to it");
        text
    })
}

fn named(state: &State) -> &'static str {
    match state {
        State::InFlight => "in flight",
        State::Done(_) => "done",
        State::Unknown => "unknown",
    }
}
