//! The audit trail: a record of every write and every denial, in a stream of its own.
//!
//! Records are handed to one thread and written in batches, so that no request waits for the disk. Where payments are refused when
//! nothing can be recorded, a payment goes on only with a [`Place`]: room in memory and on the disk that is set aside for its record.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use aws_lc_rs::{hmac, rand};
use prometheus::{IntCounter, IntGauge};

use crate::catalogue::Effect;
use crate::clock::SharedClock;
use crate::config::{self, SecretError, WhenFull};
use crate::lines::Lines;
use crate::metrics::{AuditResult, Metrics};

use self::keeper::Keeper;
use self::sink::Sink;

pub use self::record::{Answered, Change, Denial, Write};

mod keeper;
mod record;
mod sink;
#[cfg(test)]
mod tests;

/// Bytes of records that wait for the disk, beside those with a place.
const ROOM: usize = 1 << 20;
/// Payments that may be under way or waiting to be recorded, where each needs a place.
const PLACES: u32 = 256;
/// The longest record; what callers and Passport add to one is cut to fit.
const LONGEST: usize = 4 << 10;
/// What is set aside on the disk: every place and all that waits, twice, since an old and a new gateway may write to one file.
const SET_ASIDE: u64 = 2 * (PLACES as u64 * LONGEST as u64 + ROOM as u64);

/// The audit trail of one gateway.
pub struct Audit {
    lines: Arc<Lines>,
    shared: Arc<Shared>,
    key: hmac::Key,
    clock: SharedClock,
    when_full: WhenFull,
}

/// What the thread and those who record share.
#[derive(Debug)]
struct Shared {
    /// Whether the stream takes records, and where payments need a place, whether there is room for them.
    available: AtomicBool,
    places: AtomicU32,
    reopen: AtomicBool,
    written: IntCounter,
    lost: IntCounter,
    refused: IntCounter,
    shown: IntGauge,
}

/// Room for one record, whatever happens to the disk.
#[derive(Debug)]
pub struct Place(Option<Arc<Shared>>);

/// Why there is no audit trail.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The stream cannot be opened.
    #[error("audit.path: {place} cannot be written: {error}")]
    Open {
        /// Where it was to be.
        place: String,
        /// What the system says.
        error: io::Error,
    },
    /// The key was there when it was checked, and is not any more.
    #[error("audit.hmac_key: {0}")]
    Key(#[from] SecretError),
    /// The thread cannot be had.
    #[error("the system refuses the thread of the audit trail: {0}")]
    Thread(io::Error),
}

impl Audit {
    /// Opens the stream and starts its thread.
    ///
    /// # Errors
    ///
    /// The stream, the key or the thread cannot be had.
    pub fn start(settings: &config::Audit, clock: SharedClock, metrics: &Metrics) -> Result<Arc<Self>, AuditError> {
        let key = key(settings)?;
        let count = |result| metrics.audit_records_total.with(AuditResult { result });
        let shared = Arc::new(Shared {
            available: AtomicBool::new(true),
            places: AtomicU32::new(PLACES),
            reopen: AtomicBool::new(false),
            written: count("written"),
            lost: count("lost"),
            refused: count("refused"),
            shown: metrics.audit_available.with(()),
        });
        let lines = Arc::new(Lines::new(ROOM));
        lines.count_lost_in(shared.lost.clone());
        let set_aside = (settings.when_full == WhenFull::RefuseMoney).then_some(SET_ASIDE);
        let sink =
            Sink::open(&settings.to, set_aside).map_err(|error| AuditError::Open { place: settings.to.to_string(), error })?;
        Keeper::new(sink, Arc::clone(&lines), Arc::clone(&shared)).start().map_err(AuditError::Thread)?;
        Ok(Arc::new(Self { lines, shared, key, clock, when_full: settings.when_full }))
    }

    /// Sets a place aside for the record of a request with this effect, if it needs one.
    ///
    /// # Errors
    ///
    /// It needs one and there is none: the request must not go on.
    pub fn place(&self, effect: Effect) -> Result<Place, Unavailable> {
        if effect != Effect::Money || self.when_full == WhenFull::Continue {
            return Ok(Place(None));
        }
        let taken = self.shared.places.fetch_update(Relaxed, Relaxed, |places| places.checked_sub(1));
        let place = taken.map(|_| Place(Some(Arc::clone(&self.shared)))).map_err(|_| Unavailable)?;
        if self.shared.available.load(Relaxed) { Ok(place) } else { Err(Unavailable) }
    }

    /// Records a write.
    pub fn write(&self, write: &Write<'_>, place: Place) {
        self.record(&write.line(self.now()), place);
    }

    /// Records a denial.
    pub fn denial(&self, denial: &Denial<'_>) {
        self.record(&denial.line(self.now()), Place(None));
    }

    /// Records a change of the running gateway, and the attempt at one.
    pub fn change(&self, change: &Change<'_>) {
        self.record(&change.line(self.now()), Place(None));
    }

    /// The digest of what may be personal: HMAC-SHA256 with the operator's key, in hexadecimal; none of nothing.
    #[must_use]
    pub fn digest(&self, bytes: &[u8]) -> Option<String> {
        (!bytes.is_empty()).then(|| hex(hmac::sign(&self.key, bytes).as_ref()))
    }

    /// Counts a payment that did not go on because it could not be recorded.
    pub fn refused(&self) {
        self.shared.refused.inc();
    }

    /// Opens the file anew before the next record: it was moved away.
    pub fn reopen(&self) {
        self.shared.reopen.store(true, Relaxed);
    }

    /// Whether records can be written now.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.shared.available.load(Relaxed)
    }

    /// Writes all there is, waiting no longer than `patience`; after that nothing is recorded any more. Says whether all was written.
    #[must_use]
    pub fn close(&self, patience: Duration) -> bool {
        let lost = self.lines.lost();
        self.lines.close();
        self.lines.flush(patience) && self.lines.lost() == lost
    }

    fn record(&self, line: &[u8], place: Place) {
        if place.spend() {
            self.lines.push_placed(line);
        } else if self.when_full == WhenFull::RefuseMoney && !self.is_available() {
            // What room there is belongs to payments that are under way.
            self.lines.lose(1);
        } else {
            // If there is no room it is counted.
            let _ = self.lines.push(line);
        }
    }

    fn now(&self) -> SystemTime {
        self.clock.wall()
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.lines.close();
    }
}

/// No record can be written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

impl Place {
    /// No place, for what needs none.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Says whether there is one; then it belongs to the record, until that is written.
    fn spend(mut self) -> bool {
        self.0.take().is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.places.fetch_add(1, Relaxed);
        }
    }
}

impl Shared {
    /// Takes note of whether records can be written.
    fn available(&self, available: bool) {
        self.available.store(available, Relaxed);
        self.shown.set(available.into());
    }
}

/// The operator's key; without one, digests can be compared within one run of one gateway only.
fn key(settings: &config::Audit) -> Result<hmac::Key, SecretError> {
    if let Some(source) = &settings.hmac_key {
        return Ok(hmac::Key::new(hmac::HMAC_SHA256, source.load()?.expose().as_bytes()));
    }
    let mut random = [0; 32];
    rand::fill(&mut random).expect("the system has randomness, or there would be no TLS either");
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &random))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
