//! Layer 19: stops calling an upstream that fails, and finds out by itself when to begin again.
//!
//! Only what speaks of the upstream's health counts: no connection, no answer in time, and 502 to 504. One breaker per upstream
//! serves all workers.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntGauge;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_layer::Layer;

use self::state::{State, Ticket, Verdict};
use super::destination::{Destination, Destinations};
use crate::catalogue::UpstreamId;
use crate::clock::{SharedClock, turn};
use crate::config;
use crate::metrics::{Metrics, Upstream};
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::stage::{Outbound, Validated};
use crate::transport::{Connect, Connector};

mod state;

/// The breakers of all upstreams, made once.
pub struct Breakers<C = Connector> {
    circuits: Box<[Option<Circuit>]>,
    connector: Arc<C>,
    clock: SharedClock,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Circuit {
    destination: Destination,
    state: Mutex<State>,
    gauge: IntGauge,
}

impl<C: Connect> Breakers<C> {
    /// Closed breakers. Once one is open, it tries connections of `connector` on `tasks`, until `stop` is cancelled.
    #[must_use]
    pub fn new(
        settings: config::Breaker,
        destinations: &Destinations,
        connector: Arc<C>,
        clock: SharedClock,
        tasks: TaskTracker,
        stop: CancellationToken,
        metrics: &Metrics,
    ) -> Self {
        let now = clock.now();
        let circuit = |destination: &Destination| Circuit {
            state: Mutex::new(State::new(settings, now)),
            gauge: metrics.breaker_state.with(Upstream { upstream: &destination.name }),
            destination: destination.clone(),
        };
        let circuits = destinations.iter().map(|destination| destination.map(circuit)).collect();
        Self { circuits, connector, clock, tasks, stop }
    }

    /// Whether requests to this upstream are refused or rationed.
    #[must_use]
    pub fn is_open(&self, upstream: UpstreamId) -> bool {
        self.circuit(upstream).is_some_and(|circuit| circuit.with(|state| state.number() != 0))
    }

    fn circuit(&self, upstream: UpstreamId) -> Option<&Circuit> {
        self.circuits.get(upstream.index())?.as_ref()
    }

    fn record(self: &Arc<Self>, upstream: UpstreamId, ticket: Ticket, verdict: Verdict) {
        let Some(circuit) = self.circuit(upstream) else { return };
        let now = self.clock.now();
        if let Some(until) = circuit.with(|state| state.record(ticket, verdict, now)) {
            let name = &*circuit.destination.name;
            tracing::warn!(upstream = name, "the upstream is failing; requests to it are refused");
            self.tasks.spawn(Arc::clone(self).recover(upstream, until));
        }
    }

    /// Connects by itself, time and again, until a connection can be made: no caller's request is spent on finding out.
    async fn recover(self: Arc<Self>, upstream: UpstreamId, mut until: Instant) {
        let Some(circuit) = self.circuit(upstream) else { return };
        let connecting = async {
            loop {
                self.clock.sleep_until(until).await;
                let connected = self.connector.connect(&circuit.destination.origin).await;
                let now = self.clock.now();
                match circuit.with(|state| state.probed(connected.is_ok(), now)) {
                    Some(next) => until = next,
                    None => break,
                }
            }
            tracing::info!(upstream = &*circuit.destination.name, "the upstream accepts connections; requests are tried");
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = connecting => {}
        }
    }
}

impl Circuit {
    /// Changes the state and shows it in the gauge.
    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        self.gauge.set(state.number());
        result
    }
}

/// Refuses requests to an upstream whose breaker is open.
pub struct BreakerLayer<C = Connector>(Arc<Breakers<C>>);

impl<C> BreakerLayer<C> {
    /// Asks `breakers`.
    #[must_use]
    pub fn new(breakers: Arc<Breakers<C>>) -> Self {
        Self(breakers)
    }
}

impl<S, C> Layer<S> for BreakerLayer<C> {
    type Service = Breaker<S, C>;

    fn layer(&self, inner: S) -> Breaker<S, C> {
        Breaker { breakers: Arc::clone(&self.0), inner }
    }
}

/// The service of [`BreakerLayer`].
pub struct Breaker<S, C = Connector> {
    breakers: Arc<Breakers<C>>,
    inner: S,
}

impl<S: Service<Outbound, Error = Refusal>, C: Connect> Service<Outbound> for Breaker<S, C> {
    type Error = Refusal;

    async fn call(&self, request: Outbound) -> Result<Response, Refusal> {
        let validated = request.validated();
        let (upstream, effect) = (validated.operation().upstream, validated.operation().effect);
        let circuit = self.breakers.circuit(upstream).ok_or(Refusal::OperationUnavailable)?;
        let now = self.breakers.clock.now();
        let ticket = circuit.with(|state| state.admit(effect, now)).map_err(Refusal::UpstreamUnavailable)?;
        let is_hurried = is_hurried(validated);
        let mut trial = Trial { breakers: &self.breakers, upstream, ticket: Some(ticket) };
        let answer = self.inner.call(request).await;
        trial.end(verdict(&answer, is_hurried));
        answer
    }
}

/// A request under way; dropped, it says nothing about the upstream.
struct Trial<'a, C: Connect> {
    breakers: &'a Arc<Breakers<C>>,
    upstream: UpstreamId,
    ticket: Option<Ticket>,
}

impl<C: Connect> Trial<'_, C> {
    fn end(&mut self, verdict: Verdict) {
        if let Some(ticket) = self.ticket.take() {
            self.breakers.record(self.upstream, ticket, verdict);
        }
    }
}

impl<C: Connect> Drop for Trial<'_, C> {
    fn drop(&mut self) {
        self.end(Verdict::None);
    }
}

/// Whether most of a request's time is over before the call, such as by waiting for a token: then running out of it says nothing
/// about the upstream.
fn is_hurried(request: &Validated) -> bool {
    let left = request.deadline().saturating_duration_since(turn::now());
    left < request.snapshot().timeout(request.operation()) / 2
}

fn verdict(answer: &Result<Response, Refusal>, is_hurried: bool) -> Verdict {
    match answer {
        Ok(answer) if matches!(answer.status().as_u16(), 502..=504) => Verdict::Failure,
        Ok(_) => Verdict::Success,
        Err(Refusal::DeadlineExceeded(_)) if is_hurried => Verdict::None,
        Err(Refusal::UpstreamUnreachable(Sent::Nothing) | Refusal::DeadlineExceeded(_)) => Verdict::Failure,
        Err(_) => Verdict::None,
    }
}

#[cfg(test)]
mod tests;
