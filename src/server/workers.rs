//! Worker threads, and who gets the next connection.
//!
//! Listeners that share a port would leave workers idle when connections are few, as in a sidecar; here the least busy worker
//! gets each one.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock::turn;
use crate::config;
use crate::metrics::{self, Metrics};
use crate::service::Service;
use crate::stage::Arrival;

use super::connection::{Limits, Reason};
use super::listener::Accepted;
use super::tls::ServerTls;

use self::worker::{Worker, WorkerSettings};

mod seat;
mod worker;

/// How long a worker that was told to cut everything may take to end.
const LAST_GRACE: Duration = Duration::from_secs(2);

/// What a worker's stack is made with.
#[derive(Clone, Debug)]
pub struct WorkerContext {
    /// The worker's number, from 0.
    pub index: usize,
    /// For work that must be finished: drain waits for it.
    pub tasks: TaskTracker,
    /// For what only serves other work, such as pooled connections: it ends with the worker, and drain does not wait for it.
    pub background: TaskTracker,
}

/// What drain had to cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// Connections with a request in flight.
    pub connections: usize,
    /// Tasks of the stack, such as writes whose outcome is not recorded.
    pub tasks: usize,
}

/// The open connections of each worker, as they are whenever one looks.
#[derive(Clone, Debug)]
pub struct Loads(Box<[Arc<AtomicUsize>]>);

impl Loads {
    /// Open connections of each worker.
    #[must_use]
    pub fn open(&self) -> Vec<usize> {
        self.0.iter().map(|open| open.load(Relaxed)).collect()
    }
}

/// The worker threads. Dropping them cuts whatever is in flight; [`Workers::drain`] does not.
#[derive(Debug)]
pub struct Workers {
    threads: Vec<Worker>,
    /// Where the search for the least busy one starts, so that ties go round.
    turn: AtomicUsize,
    permits: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    cut: DropGuard,
}

impl Workers {
    /// Starts the workers, each with a stack of its own that `make_stack` makes on the worker's thread.
    ///
    /// With `tls`, connections over TCP speak it. An answer is given up when the caller has not taken it within `answer_timeout`, counted from its head.
    ///
    /// # Errors
    ///
    /// When a thread or its runtime cannot be had, or `make_stack` panics.
    pub fn start<S>(
        server: &config::Server,
        tls: Option<Arc<ServerTls>>,
        answer_timeout: Duration,
        metrics: &Arc<Metrics>,
        make_stack: impl Fn(WorkerContext) -> S + Send + Sync + 'static,
    ) -> io::Result<Self>
    where
        S: Service<Arrival, Error = Infallible>,
    {
        let cut = CancellationToken::new();
        let limits = Arc::new(Limits::new(server, answer_timeout));
        let settings = WorkerSettings { limits, tls, metrics: Arc::clone(metrics), cut: cut.clone() };
        let make_stack = Arc::new(make_stack);
        let start = |index| Worker::start(index, runtime()?, settings.clone(), Arc::clone(&make_stack));
        Ok(Self {
            threads: (0..count(server.workers)).map(start).collect::<io::Result<_>>()?,
            turn: AtomicUsize::new(0),
            permits: Arc::new(Semaphore::new(server.max_connections.min(Semaphore::MAX_PERMITS))),
            metrics: Arc::clone(metrics),
            cut: cut.drop_guard(),
        })
    }

    /// One permit for each connection that may be open.
    #[must_use]
    pub fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }

    /// Open connections of each worker.
    #[must_use]
    pub fn open(&self) -> Vec<usize> {
        self.threads.iter().map(Worker::open).collect()
    }

    /// A handle on the same numbers, for who reports them.
    #[must_use]
    pub fn loads(&self) -> Loads {
        Loads(self.threads.iter().map(Worker::load).collect())
    }

    /// Hands a connection to the worker with the fewest.
    pub fn hand(&self, accepted: Accepted, permit: OwnedSemaphorePermit) {
        let loads: Vec<_> = self.threads.iter().map(Worker::open).collect();
        let chosen = least_busy(&loads, self.turn.fetch_add(1, Relaxed));
        if self.threads[chosen].hand(accepted, permit).is_err() {
            tracing::error!(worker = chosen, "the worker is gone; its connection is dropped");
        }
    }

    /// Counts and logs that the system refused a connection.
    pub fn accept_failed(&self, error: &io::Error) {
        self.metrics.connection_errors_total.with(metrics::Reason { reason: Reason::Accept.label() }).inc();
        tracing::warn!(%error, "a connection could not be accepted");
    }

    /// Tells idle connections to close and waits for what is in flight; when `deadline` ends first, cuts the rest.
    ///
    /// Returns once the workers' threads have ended, or shortly after they should have.
    pub async fn drain(self, deadline: impl Future<Output = ()>) -> Unfinished {
        let mut ended = std::pin::pin!(join_all(self.threads.into_iter().map(Worker::drain)));
        let unfinished = tokio::select! {
            unfinished = ended.as_mut() => unfinished,
            () = deadline => {
                self.cut.disarm().cancel();
                tokio::time::timeout(LAST_GRACE, ended).await.unwrap_or_else(|_| {
                    tracing::warn!("a worker does not end; what it has in flight is lost uncounted");
                    Vec::new()
                })
            }
        };
        unfinished.into_iter().fold(Unfinished::default(), |sum, one| Unfinished {
            connections: sum.connections + one.connections,
            tasks: sum.tasks + one.tasks,
        })
    }
}

/// How many workers there are: 0 takes as many as the process may use cores, which heeds cgroups.
fn count(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        count => count,
    }
}

/// The runtime of one worker. One worker with a multi-thread runtime would do as well: everything it runs is `Send`, and where
/// turns are not counted, the clock is read each time.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().on_thread_unpark(turn::looked).build()
}

/// The place of the smallest load; among equals the first from `turn` on.
fn least_busy(loads: &[usize], turn: usize) -> usize {
    (0..loads.len()).map(|step| (turn + step) % loads.len()).min_by_key(|&place| loads[place]).unwrap_or(0)
}

#[cfg(test)]
mod tests;
