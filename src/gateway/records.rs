//! The store of idempotency records: in Redis if there is one, else in a file, which is opened before anybody is served, or waited for
//! while another process holds it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StartError;
use super::stop::Stop;
use crate::clock::SharedClock;
use crate::config::{self, Idempotency, SecretSource};
use crate::metrics::Metrics;
use crate::policy::idempotency::Store;
use crate::secret::Secret;
use crate::server::Signal;
use crate::store::Redis;
use crate::store::records::embedded::{self, OpenError};
use crate::store::records::{Millis, Records, Retention, shared};

/// Opens the store, if there is to be one.
pub(super) fn open(
    settings: &Idempotency,
    store: &config::Store,
    clock: &SharedClock,
    metrics: &Arc<Metrics>,
    background: &TaskTracker,
) -> Result<Option<Store>, StartError> {
    let key = settings.encryption_key.as_ref().map(SecretSource::load).transpose().map_err(StartError::RecordsKey)?;
    match (store, &settings.path) {
        (config::Store::Redis(redis), _) => share(settings, redis, key, clock, metrics, background).map(Some),
        (config::Store::Embedded, Some(path)) => {
            let (records, inbox) = Records::new();
            let settings = embedded::Settings {
                path: path.clone(),
                key,
                retention: retention(settings),
                max_records: settings.max_records,
                max_bytes: settings.max_bytes,
                lock_wait: settings.lock_wait,
            };
            let had = embedded::start(settings, inbox, records.board(), Arc::clone(clock))?;
            Ok(Some(Store { records, had }))
        }
        (config::Store::Embedded, None) => Ok(None),
    }
}

/// Begins to keep records in Redis, over a connection of their own: what limits wait for is too short for a disk.
fn share(
    settings: &Idempotency,
    redis: &config::Redis,
    key: Option<Secret>,
    clock: &SharedClock,
    metrics: &Arc<Metrics>,
    background: &TaskTracker,
) -> Result<Store, StartError> {
    // It outlasts the requests, so that the last of them can say how they ended.
    let ended = CancellationToken::new();
    let redis = config::Redis { timeout: shared::ANSWER, ..redis.clone() };
    let redis = Redis::start(&redis, metrics, background, &ended)?;
    let (records, inbox) = Records::new();
    let settings =
        shared::Settings { key, retention: retention(settings), max_records: settings.max_records, lease: settings.lease };
    shared::start(settings, redis, inbox, records.board(), Arc::clone(clock), background, ended);
    // There is nothing to be had: whoever comes first and whoever comes later share it.
    Ok(Store { records, had: oneshot::channel().1 })
}

fn retention(settings: &Idempotency) -> Retention {
    Retention { done: millis(settings.retention), unknown: millis(settings.unknown_retention) }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// Stops the gateway as it is told to, or because its records cannot be had.
pub(super) struct UnlessHad<S> {
    pub(super) stop: S,
    pub(super) had: Option<oneshot::Receiver<Result<(), OpenError>>>,
    pub(super) failed: Option<OpenError>,
}

impl<S: Stop> Stop for &mut UnlessHad<S> {
    async fn next(&mut self) -> Signal {
        if let Some(had) = &mut self.had {
            tokio::select! {
                signal = self.stop.next() => return signal,
                had = had => {
                    self.had = None;
                    if let Ok(Err(error)) = had {
                        tracing::error!(%error, "stopping");
                        self.failed = Some(error);
                        return Signal::Interrupt;
                    }
                }
            }
        }
        self.stop.next().await
    }
}
