//! What all workers share of the cache: the store, the flights and the generations.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderName, header};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::Answer;
use super::control::CacheControl;
use super::fill::Filled;
use super::flight::{Flight, Flights, Outcome, Seat};
use super::freshness::{Freshness, Received, Use};
use super::generation::{Epoch, Generations};
use super::key::{Key, KeyRef, Selectors, Variant};
use super::replicas::Replicas;
use super::replicas::message::Change;
use super::report::{CAUSES, CacheReport, RESULTS, SOURCES};
use super::retrieves;
use super::room::Room;
use super::store::{Entry, Found, Store, Stored};
use crate::clock::{Clock, SharedClock};
use crate::config;
use crate::exchange::CacheStatus;
use crate::metrics::{Cause, InvalidationSource, Metrics};
use crate::stage::Validated;
use crate::store::Redis;
use crate::tenant::TenantName;

/// How long nobody waits for another's answer after one that could not be shared.
const NOT_COALESCABLE: Duration = Duration::from_secs(5);

/// The one cache of a gateway, shared by its workers.
pub struct ResponseCache {
    settings: config::Cache,
    sent_up: Selectors,
    store: Store,
    room: Room,
    flights: Arc<Flights>,
    generations: Generations,
    clock: SharedClock,
    tasks: TaskTracker,
    metrics: Arc<Metrics>,
    replicas: OnceLock<Arc<Replicas>>,
    results: [AtomicU64; 6],
}

impl ResponseCache {
    /// An empty cache. `forwarded` are the callers' fields that go up besides the usual ones; fills run on `tasks`.
    #[must_use]
    pub fn new(
        settings: config::Cache,
        forwarded: &[HeaderName],
        clock: SharedClock,
        metrics: &Arc<Metrics>,
        tasks: TaskTracker,
    ) -> Self {
        let usual = [header::ACCEPT, header::ACCEPT_LANGUAGE];
        let store = Store::new(settings.max_bytes, metrics);
        Self {
            settings,
            sent_up: Selectors::new(usual.into_iter().chain(forwarded.iter().cloned())),
            room: Room::beside(settings.max_bytes, store.largest_body(), metrics),
            store,
            flights: Arc::default(),
            generations: Generations::default(),
            clock,
            tasks,
            metrics: Arc::clone(metrics),
            replicas: OnceLock::new(),
            results: Default::default(),
        }
    }

    /// Tells other replicas over `redis` what becomes untrue here, and heeds what they tell, until `ended`.
    pub fn share(self: &Arc<Self>, redis: &Arc<Redis>, background: &TaskTracker, ended: &CancellationToken) {
        let (redis, clock, metrics) = (Arc::clone(redis), Arc::clone(&self.clock), Arc::clone(&self.metrics));
        self.replicas.get_or_init(|| Replicas::start(self, redis, clock, metrics, background, ended));
    }

    /// Makes everything that was stored or asked for until now unusable for these operations of a Passport account.
    ///
    /// Returns once no request on any worker can be answered with it; other replicas are still to be [`told`](Self::told).
    pub fn invalidate(&self, account: &str, operations: &[&str]) {
        self.forget(account, operations.iter().copied());
        self.count_invalidation("write");
        if let Some(replicas) = self.replicas.get() {
            let operations = operations.iter().map(ToString::to_string).collect();
            replicas.note(Change::Written { account: account.to_owned(), operations });
        }
    }

    /// Forgets what is stored or under way for a tenant, an operation, both or, with neither, altogether.
    ///
    /// Says how many entries were removed; other replicas are still to be [`told`](Self::told).
    pub fn purge(&self, tenant: Option<&TenantName>, operation: Option<&str>) -> usize {
        let purged = self.forget_of(tenant, operation);
        self.count_invalidation("purge");
        if let Some(replicas) = self.replicas.get() {
            let (tenant, operation) = (tenant.map(ToString::to_string), operation.map(str::to_owned));
            replicas.note(Change::Purged { tenant, operation });
        }
        purged
    }

    /// Waits until other replicas can be expected to hear of all invalidations so far, but not long; says whether they can.
    pub async fn told(&self) -> bool {
        match self.replicas.get() {
            Some(replicas) => replicas.told().await,
            None => true,
        }
    }

    /// Waits until other replicas were told of all invalidations, before this one ends; not for ever, if they cannot be told.
    pub async fn tell_the_rest(&self) {
        if let Some(replicas) = self.replicas.get() {
            replicas.tell_the_rest().await;
        }
    }

    pub(super) fn forget<'a>(&self, account: &str, operations: impl Iterator<Item = &'a str>) {
        operations.for_each(|operation| self.generations.invalidate(account, operation));
    }

    pub(super) fn forget_of(&self, tenant: Option<&TenantName>, operation: Option<&str>) -> usize {
        self.generations.purge(tenant, operation);
        self.store.purge(tenant, operation)
    }

    pub(super) fn forget_everything(&self) {
        self.forget_of(None, None);
    }

    pub(super) fn count_invalidation(&self, source: &'static str) {
        self.metrics.cache_invalidations_total.with(InvalidationSource { source }).inc();
    }

    /// What an entry is good for to a request. While other replicas are not heard, nobody knows what is untrue: then an entry
    /// ends with its life.
    pub(super) fn good_for(&self, entry: &Entry, control: &CacheControl, now: Instant) -> Use {
        match entry.freshness.good_for(control, now) {
            Use::Fresh => Use::Fresh,
            _ if self.replicas.get().is_some_and(|replicas| !replicas.hears()) => Use::Not,
            stale => stale,
        }
    }

    /// The present state.
    #[must_use]
    pub fn status(&self) -> CacheReport {
        let (entries, bytes) = self.store.size();
        let (evictions, invalidations) = (&self.metrics.cache_evictions_total, &self.metrics.cache_invalidations_total);
        CacheReport {
            max_bytes: self.settings.max_bytes,
            bytes,
            entries,
            flights: self.flights.len(),
            results: RESULTS.map(|result| (result.label(), self.results[result as usize].load(Relaxed))),
            evictions: CAUSES.map(|cause| (cause, evictions.with(Cause { cause }).get())),
            invalidations: SOURCES.map(|source| (source, invalidations.with(InvalidationSource { source }).get())),
            replicas: self.replicas.get().map(|replicas| replicas.report()),
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    pub(super) fn largest_body(&self) -> usize {
        self.store.largest_body()
    }

    /// The memory for answers that are being collected.
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// Whether the cache is asked for a request at all: not if it is off, or the caller or the request's kind forbids it.
    pub(super) fn concerns(&self, request: &Validated, control: &CacheControl) -> bool {
        self.settings.max_bytes > 0 && request.operation().cache.is_some() && retrieves(request) && !control.no_store
    }

    /// What is stored for a request.
    pub(super) fn find(&self, request: &Validated) -> Found {
        let none = Variant::default();
        self.store.find(KeyRef::of(request, &none), |selectors| Variant::of(selectors, &request.head().headers))
    }

    /// What was answered to a request, if it may be kept.
    pub(super) fn freshness(&self, request: &Validated, received: &Received<'_>) -> Option<Freshness> {
        Freshness::of(received, request.operation().cache?, self.settings, self.clock.now())
    }

    /// The present generation of what a request asks for.
    pub(super) fn epoch(&self, request: &Validated) -> Epoch {
        self.generations.epoch(request)
    }

    /// Finds a request's place on a flight for its key.
    pub(super) fn board(&self, request: &Validated, control: &CacheControl) -> Seat<Arc<Entry>> {
        let now = self.clock.now();
        let may_join =
            |flight: &Flight| flight.epoch.is_current() && control.may_join(now.saturating_duration_since(flight.began));
        let landed = || match self.find(request) {
            Found::Entry(entry) if entry.freshness.good_for(control, now) == Use::Fresh => Some(entry),
            _ => None,
        };
        self.flights.board(self.flight_key(request), || Flight::new(now, self.epoch(request), false), may_join, landed)
    }

    /// Finds a place for a request that has waited too long on `first`: a later flight, or a second one of its own.
    pub(super) fn board_again(&self, request: &Validated, first: &Arc<Flight>) -> Seat<Outcome> {
        let departure = || Flight::new(self.clock.now(), self.epoch(request), true);
        let may_join = |flight: &Flight| flight.second || !std::ptr::eq(flight, &raw const **first);
        self.flights.board(self.flight_key(request), departure, may_join, || first.outcome())
    }

    /// Requests share a flight only where they agree in every field that goes up: what selects is not known before the answer.
    fn flight_key(&self, request: &Validated) -> Key {
        Key::of(request, Variant::of(&self.sent_up, &request.head().headers))
    }

    /// Keeps what was begun without a flight, as a flight's landing does.
    pub(super) fn keep_between_boardings(&self, request: &Validated, filled: &Filled, epoch: &Epoch) -> Option<i64> {
        self.flights.between_boardings(|| self.keep(request, filled, epoch))
    }

    /// Stores what may be stored, and says for how many seconds it will be fresh. Runs while no flight can be boarded.
    ///
    /// Nothing begun before an invalidation is kept, and nothing takes the place of what was asked for later.
    pub(super) fn keep(&self, request: &Validated, filled: &Filled, epoch: &Epoch) -> Option<i64> {
        let is_outdated = || matches!(self.find(request), Found::Entry(entry) if entry.epoch.is_later_than(epoch));
        if !epoch.is_current() || is_outdated() {
            return None;
        }
        match filled {
            Filled::Shared(answer, Some(freshness), _) => self.keep_answer(request, answer, *freshness, epoch),
            Filled::Alone(..) => {
                let until = self.clock.now() + NOT_COALESCABLE;
                self.store.put(Key::of(request, Variant::default()), Stored::Alone(until));
                None
            }
            Filled::Shared(_, None, _) | Filled::Refused(_) => None,
        }
    }

    fn keep_answer(&self, request: &Validated, answer: &Arc<Answer>, freshness: Freshness, epoch: &Epoch) -> Option<i64> {
        let (selectors, variant) = answer.selects()?;
        let entry = Entry { answer: Arc::clone(answer), freshness, epoch: epoch.clone() };
        if !selectors.is_empty() {
            self.store.put_selectors(Key::of(request, Variant::default()), selectors);
        }
        // With no selectors the variant is empty, and this is the key itself.
        let is_kept = self.store.put(Key::of(request, variant.clone()), Stored::Entry(Arc::new(entry)));
        is_kept.then(|| freshness.ttl(self.clock.now()))
    }

    /// Tells a request's exchange how it was dealt with, and counts it.
    pub(super) fn tell(&self, request: &Validated, status: CacheStatus) {
        self.results[status.result as usize].fetch_add(1, Relaxed);
        request.exchange().set_cache(status);
    }
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys are personal data; the state is all there is to show.
        f.debug_tuple("ResponseCache").field(&self.status()).finish()
    }
}
