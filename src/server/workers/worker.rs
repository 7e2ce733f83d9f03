//! One worker: a thread with a runtime and a stack, to which connections are handed through a channel.
//!
//! A connection that panics ends alone. When the channel closes, the worker drains: it ends when connections and tasks have.

use std::convert::Infallible;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use prometheus::IntGauge;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::{self, Metrics};
use crate::peer::Certificate;
use crate::server::connection::{Limits, Reason, serve_connection};
use crate::server::listener::Accepted;
use crate::server::opening::{certificate_ended, open};
use crate::server::tls::ServerTls;
use crate::service::Service;
use crate::stage::Arrival;

use super::seat::Seat;
use super::{Unfinished, WorkerContext};

/// How long blocking calls (name look-ups) may hold up a worker's end.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);

/// What all workers share.
#[derive(Clone, Debug)]
pub(super) struct WorkerSettings {
    pub(super) limits: Arc<Limits>,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) cut: CancellationToken,
}

/// The handle on one worker.
#[derive(Debug)]
pub(super) struct Worker {
    /// Bounded by the permits, of which every connection in it holds one.
    connections: mpsc::UnboundedSender<(Accepted, Seat)>,
    open: Arc<AtomicUsize>,
    gauge: IntGauge,
    ended: oneshot::Receiver<Unfinished>,
}

impl Worker {
    /// Starts the thread and waits until its stack stands.
    pub(super) fn start<S>(
        index: usize,
        runtime: Runtime,
        settings: WorkerSettings,
        make_stack: Arc<impl Fn(WorkerContext) -> S + Send + Sync + 'static>,
    ) -> io::Result<Self>
    where
        S: Service<Arrival, Error = Infallible>,
    {
        let (connections, arrivals) = mpsc::unbounded_channel();
        let (tell_ended, ended) = oneshot::channel();
        let (tell_made, made) = std::sync::mpsc::sync_channel(1);
        let gauge = settings.metrics.connections.with(());
        thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            let context = WorkerContext { index, tasks: TaskTracker::new(), background: TaskTracker::new() };
            let stack = {
                let _inside = runtime.enter();
                Arc::new(make_stack(context.clone()))
            };
            let running = Running { stack, context, settings, connections: TaskTracker::new(), drain: CancellationToken::new() };
            if tell_made.send(()).is_ok() {
                let unfinished = runtime.block_on(running.run(arrivals));
                runtime.shutdown_timeout(BLOCKING_GRACE);
                // Who does not wait for the end does not want to know.
                let _ = tell_ended.send(unfinished);
            }
        })?;
        made.recv().map_err(|_| io::Error::other("the stack of a worker could not be made"))?;
        Ok(Self { connections, open: Arc::default(), gauge, ended })
    }

    /// A handle on the number of open connections.
    pub(super) fn load(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.open)
    }

    /// Open connections; of a worker that is gone, more than any other has.
    pub(super) fn open(&self) -> usize {
        if self.connections.is_closed() { usize::MAX } else { self.open.load(Relaxed) }
    }

    /// Hands a connection over; an error if the worker is gone.
    pub(super) fn hand(&self, accepted: Accepted, permit: OwnedSemaphorePermit) -> Result<(), ()> {
        let seat = Seat::take(&self.open, &self.gauge, permit);
        self.connections.send((accepted, seat)).map_err(|_| ())
    }

    /// Closes the channel and waits for the end.
    pub(super) async fn drain(self) -> Unfinished {
        drop(self.connections);
        self.ended.await.unwrap_or_default()
    }
}

/// The worker as its own thread sees it.
struct Running<S> {
    stack: Arc<S>,
    context: WorkerContext,
    settings: WorkerSettings,
    connections: TaskTracker,
    drain: CancellationToken,
}

impl<S: Service<Arrival, Error = Infallible>> Running<S> {
    /// Serves until the channel is closed and everything has ended, or is cut; says what was cut.
    async fn run(self, arrivals: mpsc::UnboundedReceiver<(Accepted, Seat)>) -> Unfinished {
        self.settings.cut.run_until_cancelled(self.serve(arrivals)).await;
        Unfinished { connections: self.connections.len(), tasks: self.context.tasks.len() }
    }

    async fn serve(&self, mut arrivals: mpsc::UnboundedReceiver<(Accepted, Seat)>) {
        while let Some((accepted, seat)) = arrivals.recv().await {
            self.connections.spawn(self.connection(accepted, seat));
        }
        self.drain.cancel();
        self.connections.close();
        self.connections.wait().await;
        // Only now: a connection's last request may have started a task.
        self.context.tasks.close();
        self.context.tasks.wait().await;
    }

    fn connection(&self, accepted: Accepted, seat: Seat) -> impl Future<Output = ()> + use<S> {
        let (stack, drain) = (Arc::clone(&self.stack), self.drain.clone());
        let WorkerSettings { limits, tls, metrics, .. } = self.settings.clone();
        async move {
            let _seat = seat;
            let served = serve(accepted, tls.as_deref(), stack, limits, drain);
            let ended = AssertUnwindSafe(served).catch_unwind().await;
            if let Err(reason) = ended.unwrap_or(Err(Reason::Panic)) {
                metrics.connection_errors_total.with(metrics::Reason { reason: reason.label() }).inc();
                tracing::debug!(reason = reason.label(), "a connection ended in an error");
            }
        }
    }
}

/// Serves a connection from its acceptance to its end, which comes no later than that of the caller's certificate.
async fn serve<S: Service<Arrival, Error = Infallible>>(
    accepted: Accepted,
    tls: Option<&ServerTls>,
    stack: Arc<S>,
    limits: Arc<Limits>,
    drain: CancellationToken,
) -> Result<(), Reason> {
    let Some((stream, peer)) = open(accepted, tls, limits.header_timeout, &drain).await? else {
        return Ok(());
    };
    let limits = if stream.has_agreed_on_http2() { Arc::new(Limits { http2_agreed: true, ..*limits }) } else { limits };
    let (Some(tls), Some(certificate)) = (tls, peer.certificate.clone()) else {
        return serve_connection(stream, peer, stack, limits, drain).await;
    };
    // In an allocation of its own: connections without a certificate need not carry it.
    Box::pin(serve_while_certified(tls, &certificate, &drain, |last| serve_connection(stream, peer, stack, limits, last))).await
}

/// Drains a connection when the caller's certificate ends.
async fn serve_while_certified<F: Future<Output = Result<(), Reason>>>(
    tls: &ServerTls,
    certificate: &Certificate,
    drain: &CancellationToken,
    serve: impl FnOnce(CancellationToken) -> F,
) -> Result<(), Reason> {
    let last = drain.child_token();
    let mut served = pin!(serve(last.clone()));
    tokio::select! {
        ended = served.as_mut() => return ended,
        () = certificate_ended(certificate, tls) => last.cancel(),
    }
    served.await
}
