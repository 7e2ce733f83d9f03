//! `run`: the gateway until it is told to stop.

use std::path::{Path, PathBuf};

use super::{Exit, check, complain};
use crate::clock::SystemClock;
use crate::config::{Config, Loaded};
use crate::gateway::{Gateway, StartError, Surroundings};
use crate::server::{Passed, Signals, Unfinished, supervisor};
use crate::telemetry;

/// Runs the gateway on this thread and its workers.
pub(super) fn run(path: &Path, ready_file: Option<PathBuf>) -> Exit {
    let Loaded { config, warnings } = match check::load(path) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let logs = match telemetry::begin(&config.telemetry) {
        Ok(logs) => logs,
        Err(error) => {
            complain(error);
            return Exit::Configuration;
        }
    };
    let surroundings =
        Surroundings { levels: Some(logs.levels.clone()), path: Some(path.to_owned()), passed: Passed::from_env(), names: None };
    for warning in warnings.lines() {
        tracing::warn!("{warning}");
    }
    let control = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match control.map_err(StartError::Runtime).and_then(|control| control.block_on(serve(surroundings, config, ready_file))) {
        Ok(unfinished) if unfinished == Unfinished::default() => Exit::Done,
        Ok(_) => Exit::Failed,
        Err(error) => {
            tracing::error!(%error, "the gateway could not start");
            complain(error);
            Exit::Failed
        }
    }
}

async fn serve(surroundings: Surroundings, config: Config, ready_file: Option<PathBuf>) -> Result<Unfinished, StartError> {
    let signals = Signals::new().map_err(StartError::Runtime)?;
    let gateway = Gateway::bind_within(surroundings, config, SystemClock::shared())?;
    let addresses = gateway.addresses();
    if let Some(path) = ready_file {
        addresses.write(&path).map_err(|error| StartError::ReadyFile { path, error })?;
    }
    // Connections wait in the backlog since the addresses were bound: whoever connects from here on is served.
    let server: Vec<String> = addresses.server.iter().map(ToString::to_string).collect();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), server = server.join(", "), admin = %addresses.admin, "ready");
    supervisor::ready();
    gateway.serve(signals).await
}
