//! The store of idempotency records: opened before anybody is served, or waited for while another process holds it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::StartError;
use super::stop::Stop;
use crate::clock::SharedClock;
use crate::config::{Idempotency, SecretSource};
use crate::policy::idempotency::Store;
use crate::server::Signal;
use crate::store::records::embedded::{self, OpenError};
use crate::store::records::{Millis, Records, Retention};

/// Opens the store, if there is to be one.
pub(super) fn open(settings: &Idempotency, clock: &SharedClock) -> Result<Option<Store>, StartError> {
    let Some(path) = &settings.path else { return Ok(None) };
    let key = settings.encryption_key.as_ref().map(SecretSource::load).transpose().map_err(StartError::RecordsKey)?;
    let (records, inbox) = Records::new();
    let settings = embedded::Settings {
        path: path.clone(),
        key,
        retention: Retention { done: millis(settings.retention), unknown: millis(settings.unknown_retention) },
        max_records: settings.max_records,
        max_bytes: settings.max_bytes,
        lock_wait: settings.lock_wait,
    };
    let had = embedded::start(settings, inbox, records.board(), Arc::clone(clock))?;
    Ok(Some(Store { records, had }))
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
