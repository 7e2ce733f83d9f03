//! The connection for commands: made anew when it is lost, and hidden while Redis is slow, so that nobody waits in vain.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult};
use tokio::sync::{Notify, watch};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dial::{Dial, DialError};
use super::{StoreError, Use};
use crate::metrics::{Metrics, Store};

/// Late answers in a row after which nobody waits for another until Redis has proven itself.
const PATIENCE: u32 = 3;
/// How often an idle connection is tried, and how often one that was slow.
const PACE: [Duration; 2] = [Duration::from_secs(1), Duration::from_millis(100)];
/// What the answer to a try may take before the connection is given up.
const GIVE_UP: Duration = Duration::from_secs(1);
/// The first and the longest pause between attempts to connect.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// How Redis is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is known yet.
    Connecting,
    /// It answers in time.
    Connected,
    /// It is connected, but answers late.
    Slow,
    /// There is no connection, for this reason.
    Away(String),
}

/// How Redis is doing, and since when.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its state.
    pub state: State,
    /// When it entered it.
    pub since: Instant,
}

/// The connection that commands go over, if they may.
pub(super) struct Link {
    /// What an answer may take.
    timeout: Duration,
    connection: ArcSwapOption<MultiplexedConnection>,
    late: AtomicU32,
    doubt: Notify,
    status: Mutex<Status>,
    attempted: watch::Sender<bool>,
}

impl Link {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            connection: ArcSwapOption::empty(),
            late: AtomicU32::new(0),
            doubt: Notify::new(),
            status: Mutex::new(Status { state: State::Connecting, since: Instant::now() }),
            attempted: watch::Sender::new(false),
        }
    }

    /// The connection, unless it is in vain to use one.
    pub(super) fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.load().as_deref().cloned()
    }

    pub(super) fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn attempted(&self) {
        // The sender lives in the link.
        let _ = self.attempted.subscribe().wait_for(|attempted| *attempted).await;
    }

    /// Learns from what came of a command.
    pub(super) fn judge<T>(&self, outcome: Result<RedisResult<T>, Elapsed>) -> Result<T, StoreError> {
        match outcome {
            Ok(Ok(answer)) => {
                self.late.store(0, Relaxed);
                Ok(answer)
            }
            Ok(Err(error)) => {
                if is_unfit(&error) {
                    self.doubt();
                }
                Err(error.into())
            }
            Err(_) => {
                if self.late.fetch_add(1, Relaxed) + 1 >= PATIENCE {
                    self.doubt();
                }
                Err(StoreError::Late)
            }
        }
    }

    /// Hides the connection until it has proven itself.
    fn doubt(&self) {
        self.connection.store(None);
        self.doubt.notify_one();
    }

    fn trust(&self, connection: &MultiplexedConnection) {
        self.late.store(0, Relaxed);
        if self.connection.load().is_none() {
            self.connection.store(Some(Arc::new(connection.clone())));
        }
        self.enter(State::Connected);
    }

    fn lose(&self, state: State) {
        self.connection.store(None);
        self.enter(state);
    }

    /// Changes the state, and says so once.
    fn enter(&self, state: State) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::discriminant(&status.state) != std::mem::discriminant(&state) {
            match &state {
                State::Connected => tracing::info!("Redis is connected"),
                State::Slow => tracing::warn!("Redis answers late; what needs it goes on without it"),
                State::Away(reason) => tracing::warn!(reason, "Redis is away; what needs it goes on without it"),
                State::Connecting => {}
            }
            status.since = Instant::now();
        }
        status.state = state;
    }

    /// Connects and stays connected until `ended`.
    pub(super) async fn supervise(
        self: Arc<Self>,
        dial: Arc<Dial>,
        metrics: Arc<Metrics>,
        background: TaskTracker,
        ended: CancellationToken,
    ) {
        let errors = metrics.store_errors_total.with(Store { r#use: Use::Health.as_str() });
        let mut pause = BACK_OFF[0];
        let staying = async {
            loop {
                let reason = match self.connected(&dial, &background, &mut pause).await {
                    Ok(reason) => reason,
                    Err(error) => error.to_string(),
                };
                errors.inc();
                self.lose(State::Away(reason));
                self.attempted.send_replace(true);
                // With jitter: the replicas of a service lose one Redis at the same moment.
                sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                pause = (pause * 2).min(BACK_OFF[1]);
            }
        };
        let _ = ended.run_until_cancelled(staying).await;
        self.connection.store(None);
    }

    /// Connects, and returns when the connection is lost, with the reason.
    async fn connected(&self, dial: &Dial, background: &TaskTracker, pause: &mut Duration) -> Result<String, DialError> {
        let (mut connection, driver) = dial.commands(background).await?;
        let abort = driver.abort_handle();
        let lost = async {
            loop {
                let pace = match self.tried(dial, &mut connection).await {
                    Ok(in_time) => PACE[usize::from(!in_time)],
                    Err(reason) => return reason,
                };
                *pause = BACK_OFF[0];
                self.attempted.send_replace(true);
                // A doubt is worth a try at once, unless there was one already: slowness is tried at its own pace.
                let _ = timeout(pace, self.doubt.notified()).await;
            }
        };
        let reason = tokio::select! {
            reason = lost => reason,
            _ = driver => "the connection was lost".to_owned(),
        };
        abort.abort();
        Ok(reason)
    }

    /// Tries the connection: whether its answer came in time, or why it is of no use.
    async fn tried(&self, dial: &Dial, connection: &mut MultiplexedConnection) -> Result<bool, String> {
        let started = Instant::now();
        match timeout(GIVE_UP, dial.probe().query_async::<()>(connection)).await {
            Ok(Ok(())) if started.elapsed() <= self.timeout => {
                self.trust(connection);
                Ok(true)
            }
            Ok(Ok(())) => {
                self.lose(State::Slow);
                Ok(false)
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

/// Whether the server says that it cannot serve us now, whatever is asked.
fn is_unfit(error: &RedisError) -> bool {
    matches!(error.code(), Some("READONLY" | "LOADING" | "MASTERDOWN" | "OOM" | "MISCONF" | "NOAUTH" | "CLUSTERDOWN"))
}
