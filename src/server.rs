//! The callers' side of the sockets: listeners, worker threads, connections and drain.
//!
//! The accept loop runs on the control runtime and hands each connection to the least busy worker; a worker has a runtime and a
//! stack of its own, so that a request never changes threads. Nothing here knows what a request means.

use std::io;

pub use self::accept::accept;
pub use self::connection::{Limits, Reason, serve_connection};
pub use self::listener::{Accepted, Address, Listener, Listeners};
pub use self::passed::Passed;
pub use self::ready_file::ReadyFile;
pub use self::side_listener::SideListener;
pub use self::signals::{Signal, Signals};
pub use self::tls::{ServerTls, ServerTlsError, TlsRenewal};
pub use self::workers::{Loads, Unfinished, WorkerContext, Workers};

mod accept;
mod connection;
mod frames;
mod framing;
mod listener;
mod opening;
mod passed;
mod phase;
mod ready_file;
mod side_listener;
mod signals;
mod stream;
mod streams;
pub mod supervisor;
mod tls;
mod watched;
mod workers;

/// Accepts callers and hands them to `workers` until `stop` ends; then the listeners are closed, once nobody waits at them any more.
///
/// Connections that are open by then go on: [`Workers::drain`] ends them.
///
/// # Errors
///
/// When a listener cannot be registered with the runtime. A caller's failing connection is no error.
pub async fn serve(listeners: Listeners, workers: &Workers, stop: impl Future<Output = ()>) -> io::Result<()> {
    let failed = |error: &io::Error| workers.accept_failed(error);
    let hand = |accepted, permit| workers.hand(accepted, permit);
    accept(listeners, workers.permits(), stop, failed, hand).await
}

#[cfg(test)]
mod testing;
