//! Connections to the upstreams, of one worker: the one used last is used first.
//!
//! A connection rests here only between whole exchanges: it comes back when the answer's body was read to its end, and what
//! goes wrong on it while it rests ends it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use self::idle::Idle;
use super::destination::{Destination, Destinations};
use crate::catalogue::UpstreamId;
use crate::clock::turn;
use crate::config;
use crate::metrics::Metrics;
use crate::transport::{Connect, ConnectError, Connector, handshake};

pub use self::connection::{Connection, Unanswered};

mod connection;
mod idle;

/// The pools of all upstreams.
#[derive(Debug)]
pub struct Pool<C = Connector>(Box<[Option<Host<C>>]>);

/// The pool of one upstream.
#[derive(Debug)]
pub struct Host<C = Connector> {
    destination: Destination,
    connector: Arc<C>,
    idle: Arc<Idle>,
    tasks: TaskTracker,
}

impl<C: Connect> Pool<C> {
    /// Empty pools with the bounds of `[passport]`; connections live on `tasks`, and end with the pool.
    #[must_use]
    pub fn new(
        connector: &Arc<C>,
        destinations: &Destinations,
        bounds: &config::Passport,
        tasks: &TaskTracker,
        metrics: &Metrics,
    ) -> Self {
        let host = |destination: &Destination| Host {
            connector: Arc::clone(connector),
            idle: Arc::new(Idle::new(&destination.name, bounds, metrics)),
            destination: destination.clone(),
            tasks: tasks.clone(),
        };
        Self(destinations.iter().map(|destination| destination.map(host)).collect())
    }

    /// The pool of this upstream; none if it has no URL.
    #[must_use]
    pub fn host(&self, upstream: UpstreamId) -> Option<&Host<C>> {
        self.0.get(upstream.index())?.as_ref()
    }
}

impl<C: Connect> Host<C> {
    /// Where its connections lead.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The connection that was used last, or a new one.
    ///
    /// # Errors
    ///
    /// None rests here, and none can be made.
    pub async fn connection(&self) -> Result<Connection, ConnectError> {
        match Connection::reused(&self.idle, turn::now()) {
            Some(connection) => Ok(connection),
            // In an allocation of its own: hardly a request makes a connection.
            None => Box::pin(self.connect()).await,
        }
    }

    async fn connect(&self) -> Result<Connection, ConnectError> {
        let io = self.connector.connect(&self.destination.origin).await?;
        let (sender, driver, watch) = handshake(io).await.map_err(|error| ConnectError::Tcp(io::Error::other(error)))?;
        self.tasks.spawn(drive(driver, Arc::downgrade(&self.idle), self.idle.prune_interval()));
        Ok(Connection::new(sender, watch, &self.idle, Instant::now()))
    }
}

/// Drives a connection to its end, and lets what has rested too long go meanwhile.
async fn drive(driver: impl Future<Output = hyper::Result<()>>, idle: std::sync::Weak<Idle>, prune_interval: Duration) {
    {
        let mut driver = std::pin::pin!(driver);
        loop {
            tokio::select! {
                ended = &mut driver => {
                    // Whoever has a request on the connection is told as well; this is about one that rests.
                    if let Err(error) = ended {
                        tracing::debug!(%error, "an upstream connection broke");
                    }
                    break;
                }
                () = sleep(prune_interval) => {
                    if let Some(idle) = idle.upgrade() {
                        idle.prune(Instant::now());
                    }
                }
            }
        }
    }
    // Only now that the driver is dropped does its sender know.
    if let Some(idle) = idle.upgrade() {
        idle.prune(Instant::now());
    }
}

#[cfg(test)]
mod tests;
