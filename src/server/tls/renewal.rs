//! Picks up renewed certificates without a restart: the files are looked at every two seconds.
//!
//! A poll, because a `ConfigMap` or a secret is replaced by swapping symbolic links, which defeats watching the files. What cannot
//! be used changes nothing, and is told once.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{ServerTls, ServerTlsError};
use crate::config;
use crate::metrics::{Metrics, ReloadResult};

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_secs(2);

/// Keeps a listener's TLS up to date with its files.
pub struct TlsRenewal {
    tls: Arc<ServerTls>,
    files: config::Tls,
    metrics: Arc<Metrics>,
}

/// What was found at the last look: content, or why there is none.
type Found = Result<[u8; 32], String>;

impl TlsRenewal {
    /// Renews `tls` from `files`.
    #[must_use]
    pub fn new(tls: Arc<ServerTls>, files: config::Tls, metrics: Arc<Metrics>) -> Self {
        Self { tls, files, metrics }
    }

    /// Looks at the files until `ended`, in a task that `tracker` knows.
    pub fn spawn(self, tracker: &TaskTracker, ended: &CancellationToken) {
        let ended = ended.clone();
        let renewal = Arc::new(self);
        tracker.spawn(async move { ended.run_until_cancelled(renewal.keep()).await });
    }

    async fn keep(self: Arc<Self>) {
        let mut found = None;
        loop {
            let (renewal, before) = (Arc::clone(&self), found.take());
            // On a thread for such work: a disk may take its time.
            let looked = tokio::task::spawn_blocking(move || renewal.look(before.as_ref())).await;
            found = looked.ok();
            let clock = self.tls.clock();
            clock.sleep_until(clock.now() + PERIOD).await;
        }
    }

    /// Looks at the files once; `before` is what the last look found. The first one is what is in use, unless a file changed since.
    fn look(&self, before: Option<&Found>) -> Found {
        let read = self.files.read();
        let found = read.as_ref().map(config::TlsFiles::digest).map_err(ToString::to_string);
        if before == Some(&found) {
            return found;
        }
        let wall = self.tls.clock().wall();
        let replaced = read.and_then(|files| files.check(wall)).map_err(ServerTlsError::from).and_then(|material| {
            let ends = material.ends;
            self.tls.replace(material, self.files.require_client_certificate).map(|()| ends)
        });
        match replaced {
            Ok(ends) => self.renewed(before.is_some(), ends),
            Err(error) => {
                self.count("invalid");
                tracing::error!(%error, "the listener's certificate is not renewed; the one in use stays");
            }
        }
        found
    }

    fn renewed(&self, again: bool, ends: SystemTime) {
        let seconds = ends.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.metrics.server_certificate_expiry_timestamp_seconds.with(()).set(i64::try_from(seconds).unwrap_or(i64::MAX));
        if again {
            self.count("ok");
            tracing::info!(ends = seconds, "the listener's certificate was renewed");
        }
    }

    fn count(&self, result: &'static str) {
        self.metrics.server_certificate_reloads_total.with(ReloadResult { result }).inc();
    }
}
