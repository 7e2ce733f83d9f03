//! Reads the configuration anew, on demand and when a file's content has changed, and applies it whole or not at all.
//!
//! In this order, none of it in a request's way: the file is checked with all it refers to; what needs a restart is held back, and
//! what cannot be held back alone refuses the whole; sources of tokens and keys are started for what is new; then one snapshot
//! is published. A request under way goes on with the snapshot it has. What only such requests need (tokens of a credential that
//! is gone) is let go once the last of them has ended, which is looked for as often as files are.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::time::Instant;

use self::files::Contents;
use crate::admin::{self, Asked, ControlToken, Outcome};
use crate::config::{self, Applicable, Config, Loaded};
use crate::metrics::ReloadResult;
use crate::policy::authenticate::KeyKeepers;
use crate::stack::Shared;
use crate::telemetry::Levels;
use crate::upstream::token;

mod files;

/// How often files are looked at. Their content counts, since a `ConfigMap` is changed by a symbolic link elsewhere.
const POLL: Duration = Duration::from_secs(2);

/// When the configuration was last read anew, and what came of it.
#[derive(Debug, Default)]
pub(super) struct LastReload(Mutex<Option<(Instant, Outcome)>>);

/// Reads the configuration anew.
pub(super) struct Reloader {
    pub(super) path: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) keepers: KeyKeepers,
    pub(super) levels: Option<Levels>,
    pub(super) token: Arc<ControlToken>,
    pub(super) last: Arc<LastReload>,
}

impl LastReload {
    /// What is shown of it at `now`.
    pub(super) fn shown(&self, now: Instant) -> Option<admin::Reload> {
        let (at, outcome) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some(admin::Reload { age_seconds: now.saturating_duration_since(at).as_secs(), outcome })
    }

    fn failed_by(&self, faults: &[String]) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().is_some_and(|(_, outcome)| !outcome.applied && outcome.faults == faults)
    }
}

impl Reloader {
    /// Serves those who ask, and looks at the files in between, for ever.
    pub(super) async fn run(self, mut asked: mpsc::UnboundedReceiver<Asked>) {
        let clock = Arc::clone(&self.shared.clock);
        let mut seen = files::contents(self.files()).await;
        let mut next = clock.now() + POLL;
        loop {
            tokio::select! {
                Some(asked) = asked.recv() => {
                    seen = files::contents(self.files()).await;
                    // Whoever asked may have left.
                    let _ = asked.send(self.reload().await);
                }
                () = clock.sleep_until(next) => {
                    next = clock.now() + POLL;
                    self.look(&mut seen).await;
                    self.shared.tokens.retire(self.shared.snapshots.freed());
                }
            }
        }
    }

    /// Reads anew if any file's content is other than it was, or if it was faulty: a file it lacked may be there by now.
    async fn look(&self, seen: &mut Contents) {
        let is_faulty = !self.last.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(|(_, last)| last.applied);
        if let Some(contents) = files::changed(self.files(), seen).await {
            *seen = contents;
            self.reload().await;
            // It may refer to other files.
            *seen = files::contents(self.files()).await;
        } else if is_faulty {
            let read = self.read().await;
            // The same faults are not told again.
            if !read.as_ref().is_err_and(|faults| self.last.failed_by(faults)) {
                self.conclude(read);
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut paths = self.shared.snapshots.config().files();
        paths.push(self.path.clone());
        paths
    }

    async fn reload(&self) -> Outcome {
        let read = self.read().await;
        self.conclude(read)
    }

    /// The file with all it refers to, as far as it can be applied, and advice about it.
    async fn read(&self) -> Result<(Applicable, Vec<String>), Vec<String>> {
        let path = self.path.clone();
        let loaded =
            tokio::task::spawn_blocking(move || config::load(&path).map_err(|report| report.error_lines().collect())).await;
        let unread = |_| Err(vec!["reading the configuration met a defect of the gateway".to_owned()]);
        let Loaded { config, warnings } = loaded.unwrap_or_else(unread)?;
        let applicable = self.shared.snapshots.config().applicable(config)?;
        Ok((applicable, warnings.lines().collect()))
    }

    /// Applies what was read, and tells everybody what came of it.
    fn conclude(&self, read: Result<(Applicable, Vec<String>), Vec<String>>) -> Outcome {
        let outcome = match read {
            Ok((Applicable { config, held_back }, warnings)) => match self.apply(config) {
                Ok(()) => Outcome { applied: true, needs_restart: held_back, warnings, ..Outcome::default() },
                Err(fault) => Outcome { faults: vec![fault], ..Outcome::default() },
            },
            Err(faults) => Outcome { faults, ..Outcome::default() },
        };
        self.tell(&outcome);
        let now = self.shared.clock.now();
        *self.last.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, outcome.clone()));
        outcome
    }

    fn apply(&self, config: Config) -> Result<(), String> {
        let before = self.shared.snapshots.config();
        // All that may fail comes first.
        let token = config.control.as_ref().and_then(|control| control.token.as_ref()).map(config::SecretSource::load);
        let token = token.transpose().map_err(|error| format!("control.token: {error}"))?;
        if let Some(levels) = self.levels.as_ref().filter(|_| before.telemetry.log != config.telemetry.log) {
            levels.set(&config.telemetry.log).map_err(|error| format!("telemetry.log: {error}"))?;
        }
        let config = Arc::new(config);
        self.token.replace(token.as_ref());
        self.keepers.keep(&config.issuers);
        self.shared.tokens.adopt(token::Settings {
            credentials: &config.credentials,
            upstreams: &config.passport.upstreams,
            tenants: &config.tenants,
            catalogue: &config.catalogue,
        });
        self.shared.snapshots.replace_config(config);
        Ok(())
    }

    fn tell(&self, outcome: &Outcome) {
        let metrics = &self.shared.metrics;
        let result = if outcome.applied { "ok" } else { "failed" };
        metrics.config_reloads_total.with(ReloadResult { result }).inc();
        metrics.config_last_reload_successful.with(()).set(i64::from(outcome.applied));
        for fault in &outcome.faults {
            tracing::error!(fault, "the configuration is not applied");
        }
        if !outcome.applied {
            return;
        }
        let now = self.shared.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        metrics.config_last_reload_success_timestamp_seconds.with(()).set(i64::try_from(now).unwrap_or(i64::MAX));
        for warning in &outcome.warnings {
            tracing::warn!("{warning}");
        }
        if outcome.needs_restart.is_empty() {
            tracing::info!("the configuration is applied");
        } else {
            tracing::warn!(
                keys = outcome.needs_restart.join(", "),
                "the configuration is applied, but these keys need a restart"
            );
        }
    }
}
