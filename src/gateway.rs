//! The composition root: everything that is shared is made here, once, and handed to every worker.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::control::ControlPoint;
use self::records::UnlessHad;
use self::reload::{LastReload, Reloader};
use self::vitals::Vitals;
use crate::admin::{Asked, ControlToken, Pages, Reloads};
use crate::audit::{Audit, AuditError};
use crate::clock::SharedClock;
use crate::config::{self, Config};
use crate::identity::KeyRing;
use crate::metrics::Metrics;
use crate::policy::authenticate::{Failures, IssuerKeys, KeyEndpoint, KeyKeepers, KeyRefresh};
use crate::policy::cache::ResponseCache;
use crate::policy::idempotency::Idempotency;
use crate::server::supervisor;
use crate::server::{
    Address, Listeners, Passed, ReadyFile, ServerTls, ServerTlsError, SideListener, TlsRenewal, Unfinished, WorkerContext,
    Workers,
};
use crate::snapshot::Snapshots;
use crate::stack::{Shared, stack};
use crate::store::records::embedded::OpenError;
use crate::store::{Limiters, Redis, Replicas};
use crate::telemetry::Levels;
use crate::transport::{Client, Connect, Connector, Names, OriginError, Proxy, Trust, TrustError};
use crate::upstream::breaker::Breakers;
use crate::upstream::concurrency::InFlight;
use crate::upstream::destination::Destinations;
use crate::upstream::forward::Forward;
use crate::upstream::pool::Pool;
use crate::upstream::quota::Quota;
use crate::upstream::retry::Budget;
use crate::upstream::token::{self, TokenEndpoint, Tokens};

pub use self::stop::Stop;

mod control;
mod records;
mod reload;
mod resolve;
mod stop;
mod traces;
mod vitals;

/// How long what runs beside the requests may take to end, after all else has.
const LAST_GRACE: Duration = Duration::from_secs(3);

/// How long the end waits for the last records of the audit trail.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// How long callers wait at the start for the first attempt to reach Redis.
const FIRST_ATTEMPT: Duration = Duration::from_secs(1);

/// How much longer than an answer may stream its caller's connection stays: the answer is cut first, so that observe sees why.
const MARGIN: Duration = Duration::from_secs(2);

/// A gateway that is bound to its addresses and has begun to fetch keys and tokens.
pub struct Gateway {
    shared: Arc<Shared>,
    listeners: Listeners,
    workers: Workers,
    admin: SideListener,
    control: Option<ControlPoint>,
    levels: Option<Levels>,
    reloading: Option<Reloading>,
    vitals: Arc<Vitals>,
    /// Ends what runs beside the requests: once the last of them is answered, or when the gateway is dropped.
    ended: DropGuard,
    background: TaskTracker,
    /// Word of whether the idempotency records could be had, if there are to be any.
    had: Option<oneshot::Receiver<Result<(), OpenError>>>,
}

/// Whoever reads the configuration anew, and those who may ask for it.
struct Reloading {
    reloader: Reloader,
    reloads: Reloads,
    asked: mpsc::UnboundedReceiver<Asked>,
}

/// What a gateway is told of the process it runs in; nothing by default.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// What the process logs.
    pub levels: Option<Levels>,
    /// Where the configuration came from, and is read from anew.
    pub path: Option<PathBuf>,
    /// Sockets that the service manager opened, in place of those of the configuration.
    pub passed: Passed,
    /// Who knows the addresses of upstreams, issuers and the proxy, in place of the system's resolver.
    pub names: Option<Arc<dyn Names>>,
}

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be bound.
    #[error("{0}")]
    Bind(#[source] io::Error),
    /// The control listener would be open to others than its owner.
    #[error(
        "control.listen: {0}, which was passed, can be reached by others than the owner: pass a Unix socket, or a port on loopback and set `control.token`"
    )]
    ControlOpen(Address),
    /// Threads, runtimes or signals could not be had.
    #[error("the system refuses a thread, a runtime or a signal handler: {0}")]
    Runtime(#[source] io::Error),
    /// Passport's certificate could not be checked.
    #[error("{0}")]
    Trust(#[from] TrustError),
    /// A URL of the configuration cannot be connected to.
    #[error("{0}")]
    Origin(#[from] OriginError),
    /// The control listener's token was there when it was checked, and is not any more.
    #[error("control.token: {0}")]
    ControlToken(#[from] config::SecretError),
    /// TLS cannot be spoken with callers.
    #[error("{0}")]
    Tls(#[from] ServerTlsError),
    /// The audit trail cannot be had.
    #[error("{0}")]
    Audit(#[from] AuditError),
    /// The idempotency records cannot be had.
    #[error("{0}")]
    Records(#[from] OpenError),
    /// The key of the idempotency records was there when it was checked, and is not any more.
    #[error("idempotency.encryption_key: {0}")]
    RecordsKey(#[source] config::SecretError),
    /// The ready file could not be written.
    #[error("the ready file {path} cannot be written: {error}", path = path.display())]
    ReadyFile {
        /// Where it was to be.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl Gateway {
    /// Binds every address and starts the workers, on the runtime that calls this: the control runtime.
    ///
    /// # Errors
    ///
    /// What keeps it from starting; nothing is left running.
    pub fn bind(config: Config, clock: SharedClock) -> Result<Self, StartError> {
        Self::bind_within(Surroundings::default(), config, clock)
    }

    /// The same, within a process that lets the gateway change more than itself.
    ///
    /// # Errors
    ///
    /// What keeps it from starting; nothing is left running.
    pub fn bind_within(surroundings: Surroundings, config: Config, clock: SharedClock) -> Result<Self, StartError> {
        let (passed, shared_port) = (&surroundings.passed, config.server.reuse_port);
        let mut listeners = Listeners::bind(&config.server, passed).map_err(StartError::Bind)?;
        let admin = SideListener::admin(&config.admin.listen, shared_port, passed).map_err(StartError::Bind)?;
        let token = Arc::new(ControlToken::default());
        let control = |control| ControlPoint::bind(control, &token, shared_port, passed);
        let control = config.control.as_ref().map(control).transpose()?;
        let connector = Arc::new(connector(&config, surroundings.names.clone())?);
        let destinations = Destinations::new(&config.passport.upstreams)?;
        let client = Client::new(Arc::clone(&connector));
        let (ended, background) = (CancellationToken::new().drop_guard(), TaskTracker::new());
        let (shared, keepers) = share(config, &connector, client, &destinations, clock, &background, ended.token())?;
        let shared = Arc::new(shared);
        let had = shared.idempotency.had();
        let tls = secured(&shared, &background, ended.token())?;
        if let Some(levels) = &surroundings.levels {
            levels.count_dropped_in(shared.metrics.log_lines_dropped_total.with(()));
        }
        let workers = work(&shared, tls, connector, destinations).map_err(StartError::Runtime)?;
        let last = Arc::new(LastReload::default());
        let vitals = Arc::new(Vitals::new(Arc::clone(&shared), workers.loads(), Arc::clone(&last)));
        // Last, so that whoever served the address before goes on alone if this gateway cannot start.
        listeners.listen().map_err(StartError::Bind)?;
        let Surroundings { levels, path, .. } = surroundings;
        let reloading = path.map(|path| {
            let (reloads, asked) = Reloads::new();
            let (shared, levels) = (Arc::clone(&shared), levels.clone());
            Reloading { reloader: Reloader { path, shared, keepers, levels, token, last }, reloads, asked }
        });
        Ok(Self { shared, listeners, workers, admin, control, levels, reloading, vitals, ended, background, had })
    }

    /// Every bound address.
    #[must_use]
    pub fn addresses(&self) -> ReadyFile {
        ReadyFile {
            server: self.listeners.addresses(),
            admin: self.admin.address().clone(),
            control: self.control.as_ref().map(|control| control.address().clone()),
        }
    }

    /// Serves until `stop` says otherwise, then drains; says what had to be cut.
    ///
    /// # Errors
    ///
    /// The runtime refuses a listener, so that nobody could be served.
    pub async fn serve(self, stop: impl Stop) -> Result<Unfinished, StartError> {
        let Self { shared, listeners, workers, admin, control, levels, reloading, vitals, ended, background, had } = self;
        let pages = Pages::new(Arc::clone(&shared.metrics), vitals.clone(), shared.config.lifecycle.readiness);
        let admin_ended = ended.token().clone();
        background.spawn(async move {
            if let Err(error) = admin.serve(Arc::new(pages), admin_ended.cancelled()).await {
                tracing::error!(%error, "the admin listener failed");
            }
        });
        let reloads = reloading.as_ref().map(|reloading| reloading.reloads.clone());
        if let Some(Reloading { reloader, asked, .. }) = reloading {
            let ended = ended.token().clone();
            background.spawn(async move { ended.run_until_cancelled(reloader.run(asked)).await });
        }
        if let Some(control) = control {
            background.spawn(control.serve(Arc::clone(&shared), levels, reloads.clone(), ended.token().clone()));
        }
        let watched = ended.token().clone();
        background.spawn(async move { watched.run_until_cancelled(supervisor::watch()).await });
        known(&shared).await;
        let mut stop = UnlessHad { stop, had, failed: None };
        let told = stop::Told { reloads, audit: shared.audit.clone() };
        let unfinished = stop::run(&mut stop, told, &shared.config.lifecycle, &vitals, listeners, workers).await;
        shared.cache.tell_the_rest().await;
        drop(ended);
        background.close();
        if tokio::time::timeout(LAST_GRACE, background.wait()).await.is_err() {
            tracing::warn!("a task of a worker that does not end is left behind");
        }
        recorded(shared.audit.clone()).await;
        match stop.failed {
            Some(error) => Err(error.into()),
            None => unfinished.map_err(StartError::Runtime),
        }
    }
}

/// How to reach Passport, the issuers and nobody else.
fn connector(config: &Config, names: Option<Arc<dyn Names>>) -> Result<Connector, StartError> {
    let trust = match &config.passport.ca_file {
        Some(file) => Trust::File(file.clone()),
        None if config.needs_tls() => Trust::System,
        None => Trust::Nothing,
    };
    let proxy = config.passport.proxy.as_ref().map(Proxy::new).transpose()?;
    let connector = Connector::new(&trust, proxy, config.passport.connect_timeout)?;
    Ok(match names {
        Some(names) => connector.with_names(names),
        None => connector,
    })
}

/// Makes what all workers share, and starts what runs beside the requests, on the runtime that calls this.
///
/// Its tasks run on `background` until `ended`. `connector` leads to the upstreams, `client` to the endpoints of tokens and keys.
/// Those who keep the issuers' keys come with it, for whoever changes the issuers.
///
/// # Errors
///
/// The store's certificates could not be checked, or the idempotency records cannot be had.
pub fn share<C: Connect>(
    config: Config,
    connector: &Arc<C>,
    client: impl TokenEndpoint + KeyEndpoint + Clone,
    destinations: &Destinations,
    clock: SharedClock,
    background: &TaskTracker,
    ended: &CancellationToken,
) -> Result<(Shared<C>, KeyKeepers), StartError> {
    let metrics = Arc::new(Metrics::new());
    let opened = records::open(&config.idempotency, &config.store, &clock, &metrics, background)?;
    let config = Arc::new(config);
    loaded(&metrics, &clock);
    let audit = config.audit.as_ref().map(|audit| Audit::start(audit, clock.clone(), &metrics)).transpose()?;
    let redis = match &config.store {
        config::Store::Redis(settings) => Some(Redis::start(settings, &metrics, background, ended)?),
        config::Store::Embedded => None,
    };
    let tracer = config.telemetry.otlp.as_ref().map(|otlp| traces::begin(otlp, &config, &clock, &metrics, background, ended));
    let tracer = tracer.transpose()?;
    let limiters = limiters(&config.store, redis.as_ref(), background);
    let snapshots = Arc::new(Snapshots::with(Arc::clone(&config), KeyRing::default(), Arc::clone(&clock), limiters));
    let keys = Arc::new(IssuerKeys::new(&config.issuers));
    let refresh = KeyRefresh::new(keys.clone(), snapshots.clone(), client.clone(), clock.clone(), metrics.clone());
    let keepers = refresh.spawn(&config.issuers, background, ended);
    let forwarded = &config.passport.forward_headers;
    let cache = Arc::new(ResponseCache::new(config.cache, forwarded, clock.clone(), &metrics, background.clone()));
    if let Some(redis) = redis.as_ref().filter(|_| config.cache.max_bytes > 0) {
        cache.share(redis, background, ended);
    }
    let settings = token::Settings {
        credentials: &config.credentials,
        upstreams: &config.passport.upstreams,
        tenants: &config.tenants,
        catalogue: &config.catalogue,
    };
    let idempotency = Arc::new(Idempotency::new(&config.idempotency, &config.passport.environment, opened, metrics.clone()));
    background.spawn(Arc::clone(&idempotency).keep(clock.clone(), ended.clone()));
    let shared = Shared {
        idempotency,
        tokens: Tokens::start(settings, client, &clock, &metrics, background, ended),
        cache,
        breakers: Arc::new(Breakers::new(
            config.breaker,
            destinations,
            Arc::clone(connector),
            clock.clone(),
            background.clone(),
            ended.clone(),
            &metrics,
        )),
        failures: Arc::new(Failures::new(clock.clone(), &metrics)),
        budget: Arc::new(Budget::new(clock.now())),
        quota: Arc::new(Quota::new(clock.clone(), metrics.clone())),
        in_flight: Arc::new(InFlight::new(destinations, config.passport.max_in_flight)),
        config,
        clock,
        metrics,
        tracer,
        snapshots,
        keys,
        redis,
        audit,
    };
    Ok((shared, keepers))
}

/// Limits of this replica alone, or of all that share its Redis.
fn limiters(store: &config::Store, redis: Option<&Arc<Redis>>, background: &TaskTracker) -> Limiters {
    match (store, redis) {
        (config::Store::Redis(settings), Some(redis)) => {
            let ledger = Arc::clone(redis);
            Limiters::shared(Replicas::new(ledger, settings.mode, settings.fallback, background.clone()))
        }
        _ => Limiters::default(),
    }
}

/// Waits a moment until it is known whether Redis is there, so that not even the first request is decided without it.
async fn known(shared: &Shared) {
    if let Some(redis) = &shared.redis {
        // Whoever does not answer in time is as good as away.
        let _ = tokio::time::timeout(FIRST_ATTEMPT, redis.attempted()).await;
    }
}

/// Writes the last records of the audit trail.
async fn recorded(audit: Option<Arc<Audit>>) {
    let Some(audit) = audit else { return };
    let written = tokio::task::spawn_blocking(move || audit.close(LAST_RECORDS)).await;
    if !written.is_ok_and(|written| written) {
        tracing::error!("the last records of the audit trail could not be written");
    }
}

/// Tells that the configuration was read now and is in force.
fn loaded(metrics: &Metrics, clock: &SharedClock) {
    let now = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    metrics.config_last_reload_successful.with(()).set(1);
    metrics.config_last_reload_success_timestamp_seconds.with(()).set(i64::try_from(now).unwrap_or(i64::MAX));
}

/// TLS for callers if it is configured, and what renews it.
fn secured(
    shared: &Shared,
    background: &TaskTracker,
    ended: &CancellationToken,
) -> Result<Option<Arc<ServerTls>>, ServerTlsError> {
    let Some(files) = &shared.config.server.tls else { return Ok(None) };
    let tls = Arc::new(ServerTls::new(files, shared.config.server.http2.is_some(), &shared.clock)?);
    TlsRenewal::new(Arc::clone(&tls), files.clone(), Arc::clone(&shared.metrics)).spawn(background, ended);
    Ok(Some(tls))
}

/// Starts the workers, each with a stack and a pool of its own.
fn work(
    shared: &Arc<Shared>,
    tls: Option<Arc<ServerTls>>,
    connector: Arc<Connector>,
    destinations: Destinations,
) -> io::Result<Workers> {
    let passport = &shared.config.passport;
    let answer_timeout = passport.stream_timeout + MARGIN;
    let in_stack = Arc::clone(shared);
    Workers::start(&shared.config.server, tls, answer_timeout, &shared.metrics, move |worker: WorkerContext| {
        let Shared { config, metrics, .. } = &*in_stack;
        let passport = &config.passport;
        let pool = Pool::new(&connector, &destinations, passport, &worker.background, metrics);
        let forward = Forward::new(pool, &passport.forward_headers, passport.stream_timeout, Arc::clone(metrics))
            .with_key_in(config.idempotency.forward_header.clone());
        stack(&in_stack, worker.tasks, forward)
    })
}

#[cfg(test)]
mod tests;
