//! Where entries are kept: bounded in bytes, and not to be flushed by a scan or by one huge answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use prometheus::{IntCounter, IntGauge};
use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::answer::Answer;
use super::freshness::Freshness;
use super::generation::Epoch;
use super::key::{Key, KeyRef, Selectors, Variant};
use crate::metrics::{Cause, Metrics};
use crate::tenant::TenantName;

/// The largest body that is held, however large the cache is.
const LARGEST_BODY: u64 = 1 << 20;
/// No body takes more than this part of a shard: one huge answer must not evict the rest.
const SHARE: u64 = 8;
/// Shards part the lock, yet one must have room for several of the largest bodies.
const SHARD: u64 = SHARE * LARGEST_BODY;
const MOST_SHARDS: u64 = 16;
/// What an entry takes beside key, fields and body: its structures, their allocations, its places in the map and the rings.
const OVERHEAD: usize = 1024;
/// What entries are expected to take, for the number of keys remembered beyond those present.
const TYPICAL: u64 = 4096;

/// Stored answers by key.
pub(super) struct Store {
    cache: Cache<Key, Stored, ByBytes, foldhash::fast::RandomState, Evictions>,
    largest_body: usize,
    told: Told,
}

/// What metrics tell of it: found once, since labels are looked up more slowly than entries.
struct Told {
    entries: IntGauge,
    bytes: IntGauge,
    for_room: IntCounter,
    replaced: IntCounter,
    invalidated: IntCounter,
    purged: IntCounter,
}

/// What stands under a key.
#[derive(Clone)]
pub(super) enum Stored {
    /// An answer.
    Entry(Arc<Entry>),
    /// The answers stand under variants of the key, by these fields.
    Varies(Selectors),
    /// Answers under this key cannot be shared: nobody should wait for another's before this instant.
    Alone(Instant),
}

/// A stored answer.
pub(super) struct Entry {
    /// What is served.
    pub answer: Arc<Answer>,
    /// How long.
    pub freshness: Freshness,
    /// Since when it may be wrong.
    pub epoch: Epoch,
}

/// What was found for a request.
pub(super) enum Found {
    /// An answer that was not invalidated, fresh or stale.
    Entry(Arc<Entry>),
    /// No answer.
    Nothing,
    /// Answers, but none to a request that holds what this one does in the fields that select.
    Other,
    /// No answer, and none that could be shared is expected before this instant.
    Alone(Instant),
}

impl Found {
    /// The answer, if there is one.
    pub(super) fn entry(&self) -> Option<Arc<Entry>> {
        match self {
            Self::Entry(entry) => Some(Arc::clone(entry)),
            Self::Nothing | Self::Other | Self::Alone(_) => None,
        }
    }
}

impl Store {
    /// A store of at most so many bytes.
    pub(super) fn new(max_bytes: u64, metrics: &Metrics) -> Self {
        let shards: u64 = 1 << (max_bytes / SHARD).clamp(1, MOST_SHARDS).ilog2();
        let options = OptionsBuilder::new()
            .shards(usize::try_from(shards).unwrap_or(1))
            .estimated_items_capacity(usize::try_from((max_bytes / TYPICAL).max(32 * shards)).unwrap_or(usize::MAX))
            .weight_capacity(max_bytes)
            .build()
            .expect("both capacities are set");
        let largest_body = usize::try_from((max_bytes / shards / SHARE).min(LARGEST_BODY)).unwrap_or(usize::MAX);
        let cache = Cache::with_options(options, ByBytes, foldhash::fast::RandomState::default(), Evictions);
        Self { cache, largest_body, told: Told::through(metrics) }
    }

    /// The largest body that is worth holding.
    pub(super) fn largest_body(&self) -> usize {
        self.largest_body
    }

    /// Entries and marks, and the bytes they take.
    pub(super) fn size(&self) -> (usize, u64) {
        (self.cache.len(), self.cache.weight())
    }

    /// Looks a key up; `variant` tells what the request holds in the fields that select.
    pub(super) fn find(&self, key: KeyRef<'_>, variant: impl FnOnce(&Selectors) -> Variant) -> Found {
        match self.cache.get(&key) {
            Some(Stored::Varies(selectors)) => {
                let variant = variant(&selectors);
                let key = key.with(&variant);
                self.cache.get(&key).map_or(Found::Other, |stored| self.found(key, stored))
            }
            Some(stored) => self.found(key, stored),
            None => Found::Nothing,
        }
    }

    fn found(&self, key: KeyRef<'_>, stored: Stored) -> Found {
        match stored {
            Stored::Entry(entry) if entry.epoch.is_current() => Found::Entry(entry),
            Stored::Entry(entry) => {
                let same = |stored: &Stored| matches!(stored, Stored::Entry(other) if Arc::ptr_eq(other, &entry));
                if self.cache.remove_if(&key, same).is_some() {
                    self.told.invalidated.inc();
                    self.tell_size();
                }
                Found::Nothing
            }
            Stored::Alone(until) => Found::Alone(until),
            Stored::Varies(_) => Found::Nothing,
        }
    }

    /// Keeps something under a key, in place of what is there. Says whether there was room for it.
    pub(super) fn put(&self, key: Key, stored: Stored) -> bool {
        let own = key.clone();
        let mut evicted = Evicted::default();
        self.cache.insert_with_lifecycle(key, stored, &mut evicted);
        let is_kept = self.cache.contains_key(&own.as_ref());
        let replaced = evicted.0.iter().filter(|(key, _)| is_kept && *key == own).count();
        self.told.replaced.inc_by(replaced as u64);
        self.told.for_room.inc_by((evicted.0.len() - replaced) as u64);
        self.tell_size();
        is_kept
    }

    /// Notes that the answers stand under variants of a key.
    pub(super) fn put_selectors(&self, key: Key, selectors: &Selectors) {
        let known = self.cache.peek(&key.as_ref());
        if !matches!(known, Some(Stored::Varies(known)) if known == *selectors) {
            self.put(key, Stored::Varies(selectors.clone()));
        }
    }

    /// Removes what belongs to a tenant, an operation, both or all, and says how much it was.
    pub(super) fn purge(&self, tenant: Option<&TenantName>, operation: Option<&str>) -> usize {
        let purged = AtomicUsize::new(0);
        self.cache.retain(|key, _| {
            let purge = key.belongs_to(tenant, operation);
            purged.fetch_add(usize::from(purge), Relaxed);
            !purge
        });
        let purged = purged.into_inner();
        self.told.purged.inc_by(purged as u64);
        self.tell_size();
        purged
    }

    fn tell_size(&self) {
        let (entries, bytes) = self.size();
        self.told.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.told.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

impl Told {
    fn through(metrics: &Metrics) -> Self {
        let left = |cause| metrics.cache_evictions_total.with(Cause { cause });
        Self {
            entries: metrics.cache_entries.with(()),
            bytes: metrics.cache_bytes.with(()),
            for_room: left("size"),
            replaced: left("replaced"),
            invalidated: left("invalidated"),
            purged: left("purged"),
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Stored> for ByBytes {
    fn weight(&self, key: &Key, stored: &Stored) -> u64 {
        let stored = match stored {
            Stored::Entry(entry) => entry.answer.len(),
            Stored::Varies(_) | Stored::Alone(_) => 0,
        };
        (OVERHEAD + key.len() + stored) as u64
    }
}

/// Collects what an insertion drives out, so that it is counted, and freed outside the lock.
#[derive(Clone)]
struct Evictions;

#[derive(Default)]
struct Evicted(SmallVec<[(Key, Stored); 2]>);

impl Lifecycle<Key, Stored> for Evictions {
    type RequestState = Evicted;

    fn on_evict(&self, evicted: &mut Evicted, key: Key, stored: Stored) {
        evicted.0.push((key, stored));
    }
}
