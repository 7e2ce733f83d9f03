//! One Redis for all workers: every answer within a deadline, and no waiting at all while it is known to be away.
//!
//! The sockets live on the control runtime, which outlasts the workers' own. A command is sent once and never again: whoever
//! gets no answer decides without it.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::dial::Dial;
use self::link::Link;
use crate::config;
use crate::metrics::{Metrics, Store};
use crate::transport::TrustError;

/// The library's commands and scripts, for whoever keeps something in Redis.
pub use redis::{Cmd, FromRedisValue, Script, ScriptInvocation, Value, cmd};

pub use self::link::{State, Status};
pub use self::subscription::{Event, Subscription};

mod dial;
mod link;
mod subscription;

/// What Redis is used for, as metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// Shared limits.
    Limits,
    /// Invalidation of other replicas' caches.
    Invalidation,
    /// Idempotency records.
    Idempotency,
    /// Whether it is there at all.
    Health,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is known to be away: nothing was sent.
    #[error("Redis is away")]
    Away,
    /// No answer in time. The command may have been executed.
    #[error("Redis did not answer in time")]
    Late,
    /// It answered with an error, or the connection was lost on the way.
    #[error("{0}")]
    Failed(#[from] RedisError),
}

/// A handle on Redis, made once and shared by all workers.
pub struct Redis {
    prefix: Arc<str>,
    patience: Duration,
    dial: Arc<Dial>,
    link: Arc<Link>,
    metrics: Arc<Metrics>,
    background: TaskTracker,
    ended: CancellationToken,
}

impl Use {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Invalidation => "invalidation",
            Self::Idempotency => "idempotency",
            Self::Health => "health",
        }
    }
}

impl Redis {
    /// Begins to connect, and goes on until `ended`. Redis need not be there.
    ///
    /// # Errors
    ///
    /// The trusted roots cannot be read.
    pub fn start(
        settings: &config::Redis,
        metrics: &Arc<Metrics>,
        background: &TaskTracker,
        ended: &CancellationToken,
    ) -> Result<Arc<Self>, TrustError> {
        let dial = Arc::new(Dial::new(settings)?);
        let link = Arc::new(Link::new(settings.timeout));
        let supervised = Arc::clone(&link).supervise(Arc::clone(&dial), Arc::clone(metrics), background.clone(), ended.clone());
        background.spawn(supervised);
        Ok(Arc::new(Self {
            prefix: Arc::from(&*settings.prefix),
            patience: settings.timeout,
            dial,
            link,
            metrics: Arc::clone(metrics),
            background: background.clone(),
            ended: ended.clone(),
        }))
    }

    /// A key or channel of ours.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Sends a command and waits for its answer as long as the configuration says.
    ///
    /// # Errors
    ///
    /// Why there is none; it is counted.
    pub async fn query<T: FromRedisValue>(&self, on: Use, command: &Cmd) -> Result<T, StoreError> {
        self.query_within(on, command, self.patience).await
    }

    /// The same, with a deadline of the caller's choice.
    ///
    /// # Errors
    ///
    /// Why there is none; it is counted.
    pub async fn query_within<T: FromRedisValue>(&self, on: Use, command: &Cmd, patience: Duration) -> Result<T, StoreError> {
        let ask = async |mut connection: MultiplexedConnection| command.query_async(&mut connection).await;
        self.within(on, patience, ask).await
    }

    /// Runs a script, which Redis keeps by its digest.
    ///
    /// # Errors
    ///
    /// Why there is no answer; it is counted.
    pub async fn invoke<T: FromRedisValue>(&self, on: Use, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let ask = async |mut connection: MultiplexedConnection| script.invoke_async(&mut connection).await;
        self.within(on, self.patience, ask).await
    }

    /// Listens to a channel of ours for as long as the subscription is kept.
    #[must_use]
    pub fn subscribe(&self, on: Use, channel: &str) -> Subscription {
        let errors = self.metrics.store_errors_total.with(Store { r#use: on.as_str() });
        Subscription::start(self.key(channel), Arc::clone(&self.dial), errors, &self.background, self.ended.clone())
    }

    /// Whether it is known to be away, so that asking is in vain.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.link.connection().is_none()
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.link.status()
    }

    /// Waits until the first attempt to connect has ended, either way.
    pub async fn attempted(&self) {
        self.link.attempted().await;
    }

    async fn within<T>(
        &self,
        on: Use,
        patience: Duration,
        ask: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, StoreError> {
        let answer = match self.link.connection() {
            Some(connection) => self.link.judge(timeout(patience, ask(connection)).await),
            None => Err(StoreError::Away),
        };
        if answer.is_err() {
            self.metrics.store_errors_total.with(Store { r#use: on.as_str() }).inc();
        }
        answer
    }
}
