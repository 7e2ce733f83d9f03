//! From serving to the end: readiness first, then the listeners, then whatever is in flight.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::vitals::Vitals;
use crate::admin::Reloads;
use crate::audit::Audit;
use crate::config;
use crate::server::{self, Listeners, Signal, Signals, Unfinished, Workers, supervisor};

/// What tells a gateway to stop.
pub trait Stop: Send {
    /// Waits for the next signal.
    fn next(&mut self) -> impl Future<Output = Signal> + Send;
}

impl Stop for Signals {
    async fn next(&mut self) -> Signal {
        Self::next(self).await
    }
}

/// A channel, for programs that hold a gateway; when its other end is gone, no signal ever comes.
impl Stop for mpsc::UnboundedReceiver<Signal> {
    async fn next(&mut self) -> Signal {
        match self.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

/// Serves, and stops in phases: not ready but serving (`pre_drain`), finishing what is in flight (`drain`), the end.
pub(super) async fn run(
    stop: impl Stop,
    told: Told,
    lifecycle: &config::Lifecycle,
    vitals: &Vitals,
    listeners: Listeners,
    workers: Workers,
) -> io::Result<Unfinished> {
    let mut stop = Stopping { stop, told };
    let closing = CancellationToken::new();
    let serving = server::serve(listeners, &workers, closing.cancelled());
    let told = async {
        let signal = pre_drain(&mut stop, lifecycle, vitals).await;
        closing.cancel();
        Ok(signal)
    };
    let ((), signal) = tokio::try_join!(serving, told)?;
    let unfinished = workers.drain(enough(&mut stop, signal, lifecycle)).await;
    if unfinished == Unfinished::default() {
        tracing::info!("stopped");
    } else {
        tracing::warn!(connections = unfinished.connections, tasks = unfinished.tasks, "stopped; these were cut");
    }
    Ok(unfinished)
}

/// Who is told of signals that stop nothing.
pub(super) struct Told {
    /// Who reads the configuration anew.
    pub(super) reloads: Option<Reloads>,
    /// Whose file is opened anew.
    pub(super) audit: Option<Arc<Audit>>,
}

/// Signals to stop; others are passed on.
struct Stopping<S> {
    stop: S,
    told: Told,
}

impl<S: Stop> Stopping<S> {
    async fn next(&mut self) -> Signal {
        loop {
            match (self.stop.next().await, &self.told.reloads) {
                // What comes of it is logged by whoever does it.
                (Signal::Reload, Some(reloads)) => {
                    supervisor::reloading();
                    drop(reloads.reload().await);
                    supervisor::ready();
                }
                (Signal::Reload, None) => tracing::warn!("SIGHUP changes nothing: this gateway was not started from a file"),
                (Signal::Reopen, _) => self.told.audit.iter().for_each(|audit| audit.reopen()),
                (stop, _) => return stop,
            }
        }
    }
}

/// Waits for a signal, and after SIGTERM for `pre_drain` or the next signal, whichever comes first.
async fn pre_drain<S: Stop>(stop: &mut Stopping<S>, lifecycle: &config::Lifecycle, vitals: &Vitals) -> Signal {
    let signal = stop.next().await;
    tracing::info!(?signal, "stopping");
    vitals.draining();
    supervisor::stopping();
    if signal != Signal::Terminate {
        return signal;
    }
    tokio::select! {
        () = tokio::time::sleep(lifecycle.pre_drain) => signal,
        second = stop.next() => second,
    }
}

/// Ends when there is no more time for what is in flight.
async fn enough<S: Stop>(stop: &mut Stopping<S>, signal: Signal, lifecycle: &config::Lifecycle) {
    if signal == Signal::Now {
        return;
    }
    tokio::select! {
        () = tokio::time::sleep(lifecycle.drain) => {}
        _ = stop.next() => {}
    }
}
