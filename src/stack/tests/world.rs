//! A worker's stack with all that it shares, before a Passport in memory.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::passport::Passport;
use crate::audit::Audit;
use crate::catalogue::Effect;
use crate::clock::{SharedClock, SystemClock};
use crate::config::{Config, Limit, Sharing};
use crate::metrics::{Metrics, Upstream, UpstreamState, UpstreamStatus};
use crate::policy::authenticate::{Failures, IssuerKeys};
use crate::policy::cache::ResponseCache;
use crate::policy::idempotency::{Idempotency, Store};
use crate::service::Service;
use crate::snapshot::Snapshots;
use crate::stack::{Shared, stack};
use crate::stage::Arrival;
use crate::store::records::record::State;
use crate::store::records::testing::Simulated;
use crate::testing::{self, ledger::Ledger};
use crate::upstream::breaker::Breakers;
use crate::upstream::concurrency::InFlight;
use crate::upstream::destination::Destinations;
use crate::upstream::forward::Forward;
use crate::upstream::pool::Pool;
use crate::upstream::quota::Quota;
use crate::upstream::retry::Budget;
use crate::upstream::token::{Settings, Tokens};

type Status = Pin<Box<dyn Future<Output = u16>>>;
type Ask = Box<dyn Fn(Arrival) -> Status>;

/// One permit, no retry, a breaker that one failure opens: whatever leaks is missed by the next request.
pub(super) struct World {
    pub(super) passport: Arc<Passport>,
    pub(super) audit: Option<Arc<Audit>>,
    records: Simulated,
    metrics: Arc<Metrics>,
    cache: Arc<ResponseCache>,
    workers: Vec<Ask>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_workers(1, |_| ())
    }

    /// A world of so many workers, each with a stack and a pool of its own, and a configuration that `change` has had its way with.
    pub(super) fn with_workers(count: usize, change: impl FnOnce(&mut Config)) -> Self {
        let passport = Arc::new(Passport::default());
        let tasks = TaskTracker::new();
        let (records, shared) = share(&passport, &tasks, change, testing::snapshots);
        Self::of(count, passport, records, &tasks, &shared)
    }

    /// A world whose one tenant and credential have a limit that is kept in `ledger`.
    pub(super) fn sharing(ledger: &Arc<Ledger>, limit: Limit, mode: Sharing) -> Self {
        let (passport, tasks) = (Arc::new(Passport::default()), TaskTracker::new());
        let change = |config: &mut Config| {
            config.tenants[0].rate_limit = Some(limit);
            config.credentials[0].quota = Some(limit);
        };
        let (records, shared) = share(&passport, &tasks, change, |config, clock| testing::sharing(config, clock, ledger, mode));
        Self::of(1, passport, records, &tasks, &shared)
    }

    fn of(count: usize, passport: Arc<Passport>, records: Simulated, tasks: &TaskTracker, shared: &Shared<Passport>) -> Self {
        Self {
            audit: shared.audit.clone(),
            metrics: Arc::clone(&shared.metrics),
            cache: Arc::clone(&shared.cache),
            workers: (0..count).map(|_| worker(shared, &passport, tasks)).collect(),
            passport,
            records,
        }
    }

    /// Sends a request and reads its answer to the end.
    pub(super) fn status(&self, arrival: Arrival) -> Status {
        self.status_at(0, arrival)
    }

    /// The same, at a certain worker.
    pub(super) fn status_at(&self, worker: usize, arrival: Arrival) -> Status {
        (self.workers[worker])(arrival)
    }

    /// The same, but dropped after so many turns of the runtime; none if it had not ended by then.
    ///
    /// In a turn each task that can go on is polled once, so every await of the request, and of the tasks it started, is a turn.
    pub(super) async fn dropped_after(&self, arrival: Arrival, turns: usize) -> Option<u16> {
        let turns = async {
            for _ in 0..turns {
                yield_now().await;
            }
        };
        tokio::select! {
            biased;
            status = self.status(arrival) => Some(status),
            () = turns => None,
        }
    }

    /// Lets everything end that still can; the paused clock skips what would be waited for.
    pub(super) async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }

    /// Forgets stored answers, so that the next list is asked for anew.
    pub(super) fn forget(&self) {
        self.cache.purge(None, None);
    }

    pub(super) fn mints(&self) -> usize {
        self.passport.mints()
    }

    /// Requests that were given up while Passport was at them.
    pub(super) fn cut_short(&self) -> u64 {
        self.metrics.upstream_requests_total.with(UpstreamStatus { upstream: "paas", status: "abandoned" }).get()
    }

    /// Records of writes, and how many of those are in flight.
    pub(super) fn records(&self) -> (usize, usize) {
        let records = &self.records.disk().records;
        (records.len(), records.values().filter(|record| record.state == State::InFlight).count())
    }

    /// The state of the breaker, as its gauge tells it.
    pub(super) fn breaker(&self) -> i64 {
        self.metrics.breaker_state.with(Upstream { upstream: "paas" }).get()
    }

    /// The places for records that payments could have now.
    pub(super) fn free_places(&self) -> usize {
        let audit = self.audit.as_ref().unwrap();
        std::iter::repeat_with(|| audit.place(Effect::Money)).map_while(Result::ok).collect::<Vec<_>>().len()
    }

    pub(super) fn assert_nothing_is_held(&self, turns: usize) {
        let active = UpstreamState { upstream: "paas", state: "active" };
        assert_eq!(self.metrics.requests_in_flight.with(()).get(), 0, "requests in flight after {turns} turns");
        assert_eq!(self.metrics.upstream_connections.with(active).get(), 0, "connections in use after {turns} turns");
        assert_eq!(self.cache.status().flights, 0, "flights after {turns} turns");
        assert_eq!(self.records().1, 0, "records in flight after {turns} turns");
    }
}

/// One worker, as [`Gateway`](crate::gateway::Gateway) makes it.
fn worker(shared: &Shared<Passport>, passport: &Arc<Passport>, tasks: &TaskTracker) -> Ask {
    let destinations = Destinations::new(&shared.config.passport.upstreams).unwrap();
    let bounds = &shared.config.passport;
    let pool = Pool::new(passport, &destinations, bounds, tasks, &shared.metrics);
    let forward = Forward::new(pool, &[], bounds.stream_timeout, Arc::clone(&shared.metrics));
    let stack = Arc::new(stack(shared, tasks.clone(), forward));
    Box::new(move |arrival| {
        let stack = Arc::clone(&stack);
        Box::pin(async move {
            let Ok(response) = stack.call(arrival).await;
            let status = response.status().as_u16();
            response.into_body().collect().await.expect("a whole body");
            status
        })
    })
}

fn share(
    passport: &Arc<Passport>,
    tasks: &TaskTracker,
    change: impl FnOnce(&mut Config),
    snapshots: impl FnOnce(Config, SharedClock) -> Arc<Snapshots>,
) -> (Simulated, Shared<Passport>) {
    let mut config = testing::config();
    config.passport.max_in_flight = 1;
    config.retry.attempts = 0;
    config.breaker.minimum = 1;
    change(&mut config);
    let config = Arc::new(config);
    let (clock, metrics) = (SystemClock::shared(), Arc::new(Metrics::new()));
    let destinations = Destinations::new(&config.passport.upstreams).unwrap();
    let stop = CancellationToken::new();
    let settings = Settings {
        credentials: &config.credentials,
        upstreams: &config.passport.upstreams,
        tenants: &config.tenants,
        catalogue: &config.catalogue,
    };
    let breakers = (config.breaker, Arc::clone(passport), clock.clone(), tasks.clone(), stop.clone());
    let (on_disk, records) = Simulated::start();
    let records = Some(Store { records, had: oneshot::channel().1 });
    let audit = config.audit.as_ref().map(|audit| Audit::start(audit, clock.clone(), &metrics).unwrap());
    let shared = Shared {
        snapshots: snapshots((*config).clone(), clock.clone()),
        tracer: None,
        audit,
        idempotency: Arc::new(Idempotency::new(&config.idempotency, &config.passport.environment, records, metrics.clone())),
        keys: Arc::new(IssuerKeys::new(&[])),
        failures: Arc::new(Failures::new(clock.clone(), &metrics)),
        cache: Arc::new(ResponseCache::new(config.cache, &[], clock.clone(), &metrics, tasks.clone())),
        budget: Arc::new(Budget::new(clock.now())),
        tokens: Tokens::start(settings, passport.endpoint(), &clock, &metrics, tasks, &stop),
        quota: Arc::new(Quota::new(clock.clone(), metrics.clone())),
        breakers: Arc::new(Breakers::new(breakers.0, &destinations, breakers.1, breakers.2, breakers.3, breakers.4, &metrics)),
        redis: None,
        in_flight: Arc::new(InFlight::new(&destinations, config.passport.max_in_flight)),
        config,
        clock,
        metrics,
    };
    (on_disk, shared)
}
