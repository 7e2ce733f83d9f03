//! Flights: one upstream call that any number of requests wait for, on whichever worker they run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::Answer;
use super::generation::Epoch;
use super::key::Key;
use crate::refusal::Refusal;

type Board = HashMap<Key, Arc<Flight>, foldhash::fast::RandomState>;

/// The flights under way, by key.
#[derive(Default)]
pub(super) struct Flights(Mutex<Board>);

/// One upstream call.
pub(super) struct Flight {
    /// When it began, just before Passport was asked.
    pub began: Instant,
    /// The generation in which it began.
    pub epoch: Epoch,
    /// Whether it was begun because another took too long; then no third is begun because of it.
    pub second: bool,
    outcome: watch::Sender<Option<Outcome>>,
}

/// How a flight ended.
#[derive(Clone)]
pub(super) enum Outcome {
    /// With an answer for all who wait.
    Answer(Landed),
    /// With a refusal for all who wait.
    Refused(Refusal),
    /// With an answer for its leader alone.
    Unshared,
    /// With nothing: the worker that it ran on has ended. Others may fly anew.
    Stranded,
}

/// An answer for all who wait.
#[derive(Clone)]
pub(super) struct Landed {
    /// What is served.
    pub answer: Arc<Answer>,
    /// The seconds it will be fresh, if it was stored.
    pub stored: Option<i64>,
    /// What Passport answered.
    pub status: StatusCode,
}

/// A request's place on a flight.
pub(super) enum Seat<Landed> {
    /// It waits for another's.
    Passenger(Arc<Flight>),
    /// It must start the flight, and hand the leadership to the flight's task.
    Leader(Lead),
    /// No flight is needed: one has just landed.
    Landed(Landed),
}

/// The duty to end a flight, held by its task: however the task ends, nobody waits for ever.
pub(super) struct Lead {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
}

impl Flights {
    /// Finds a request's place: what `landed` finds, else a flight that it `may_join`, else one of its own that begins at `now`.
    ///
    /// Answers are stored while this lock is held, so that a flight is either still here or has landed.
    pub(super) fn board<Landed>(
        self: &Arc<Self>,
        key: Key,
        departure: impl FnOnce() -> Flight,
        may_join: impl FnOnce(&Flight) -> bool,
        landed: impl FnOnce() -> Option<Landed>,
    ) -> Seat<Landed> {
        let mut flights = self.lock();
        if let Some(flight) = flights.get(&key).filter(|flight| may_join(flight)) {
            return Seat::Passenger(Arc::clone(flight));
        }
        if let Some(landed) = landed() {
            return Seat::Landed(landed);
        }
        let flight = Arc::new(departure());
        flights.insert(key.clone(), Arc::clone(&flight));
        Seat::Leader(Lead { flights: Arc::clone(self), key, flight })
    }

    /// Runs `store` while no flight can be boarded.
    pub(super) fn between_boardings<T>(&self, store: impl FnOnce() -> T) -> T {
        let _flights = self.lock();
        store()
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a flight, unless a later one has taken its place.
    fn remove(flights: &mut Board, key: &Key, flight: &Arc<Flight>) {
        if flights.get(key).is_some_and(|present| Arc::ptr_eq(present, flight)) {
            flights.remove(key);
        }
    }
}

impl Flight {
    /// A flight that begins now.
    pub(super) fn new(began: Instant, epoch: Epoch, second: bool) -> Self {
        Self { began, epoch, second, outcome: watch::Sender::new(None) }
    }

    /// How it ended, if it has.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }

    /// Waits for the end.
    pub(super) async fn landed(&self) -> Outcome {
        let mut outcome = self.outcome.subscribe();
        let landed = outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        landed.expect("the sender lives in the flight, and it was waited for some outcome")
    }
}

impl Lead {
    /// The flight.
    pub(super) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// Ends the flight: `store` keeps its answer and says what to tell those who wait.
    pub(super) fn land(self, store: impl FnOnce() -> Outcome) {
        let mut flights = self.flights.lock();
        let outcome = store();
        Flights::remove(&mut flights, &self.key, &self.flight);
        drop(flights);
        self.flight.outcome.send_replace(Some(outcome));
    }
}

impl Drop for Lead {
    // A task that panicked, or whose runtime is gone, has not landed its flight. What makes one panic would make the next.
    fn drop(&mut self) {
        if self.flight.outcome.borrow().is_none() {
            Flights::remove(&mut self.flights.lock(), &self.key, &self.flight);
            let outcome = if std::thread::panicking() { Outcome::Refused(Refusal::Internal) } else { Outcome::Stranded };
            self.flight.outcome.send_replace(Some(outcome));
        }
    }
}
