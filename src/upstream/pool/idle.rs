//! The connections to one upstream that rest.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use prometheus::IntGauge;
use tokio::time::Instant;

use crate::config;
use crate::metrics::{Metrics, UpstreamState};
use crate::transport::Watch;

/// Connections that rest at a time; more are closed.
const CAPACITY: usize = 64;

/// Resting connections, the one used last at the end.
#[derive(Debug)]
pub(super) struct Idle {
    resting: Mutex<Vec<Resting>>,
    timeout: Duration,
    max_age: Duration,
    in_use: IntGauge,
    at_rest: IntGauge,
}

/// A connection between two exchanges.
#[derive(Debug)]
pub(super) struct Resting {
    pub(super) sender: SendRequest<Full<Bytes>>,
    pub(super) watch: Watch,
    pub(super) made: Instant,
    since: Instant,
    _counted: Counted,
}

/// Counts in a gauge for as long as it lives.
#[derive(Debug)]
pub(super) struct Counted(IntGauge);

impl Idle {
    pub(super) fn new(upstream: &str, bounds: &config::Passport, metrics: &Metrics) -> Self {
        let gauge = |state| metrics.upstream_connections.with(UpstreamState { upstream, state });
        Self {
            resting: Mutex::default(),
            timeout: bounds.idle_timeout,
            max_age: bounds.max_connection_age,
            in_use: gauge("active"),
            at_rest: gauge("idle"),
        }
    }

    /// Takes out the connection that was used last and can take a request; those before it are not looked at.
    pub(super) fn take(&self, now: Instant) -> Option<Resting> {
        let mut resting = self.resting();
        for place in (0..resting.len()).rev() {
            let connection = &resting[place];
            if !self.may_stay(connection, now) {
                resting.remove(place);
            } else if connection.sender.is_ready() {
                return Some(resting.remove(place));
            }
            // Else its last request's body is still being written.
        }
        None
    }

    /// Lays a connection down, unless it is closed, too old, or there are enough.
    pub(super) fn put(&self, sender: SendRequest<Full<Bytes>>, watch: Watch, made: Instant, now: Instant) {
        let mut resting = self.resting();
        let connection = Resting { sender, watch, made, since: now, _counted: Counted::new(&self.at_rest) };
        if resting.len() < CAPACITY && self.may_stay(&connection, now) {
            resting.push(connection);
        }
    }

    /// Lets go of what is closed or has rested too long.
    pub(super) fn prune(&self, now: Instant) {
        self.resting().retain(|connection| self.may_stay(connection, now));
    }

    /// How often to prune, so that nothing rests much longer than it may.
    pub(super) fn prune_interval(&self) -> Duration {
        (self.timeout / 2).max(Duration::from_millis(100))
    }

    /// Counts a connection in use.
    pub(super) fn active(&self) -> Counted {
        Counted::new(&self.in_use)
    }

    fn may_stay(&self, connection: &Resting, now: Instant) -> bool {
        !connection.sender.is_closed()
            && connection.watch.is_settled()
            && now < connection.since + self.timeout
            && now < connection.made + self.max_age
    }

    fn resting(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
