//! Sources over a scripted endpoint, on a paused runtime: time passes only while everybody waits.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::life::Withheld;
use super::testing::{Stage, aside, granting, stage};
use super::*;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::testing::config;

mod adoption;
mod failures;
mod renewal;
mod revocation;
mod rotation;
mod shown;
mod supply;

const SECOND: Duration = Duration::from_secs(1);
const DAY: u64 = 86_400;

fn start(config: &Config) -> Stage {
    stage(config, &SystemClock::shared())
}

/// The only source of the test's configuration.
fn only(stage: &Stage) -> Arc<Source> {
    let mut sources = stage.tokens.sources();
    assert_eq!(sources.len(), 1);
    sources.remove(0)
}

fn far() -> Instant {
    Instant::now() + Duration::from_hours(1)
}

async fn bearer(stage: &Stage) -> Result<String, Withheld> {
    let source = only(stage);
    match source.ready() {
        Some(token) => Ok(token),
        None => source.token(far()).await,
    }
    .map(|token| token.bearer().to_str().unwrap().to_owned())
}

/// Waits until the source has dealt with so many answers.
async fn generation(stage: &Stage, generation: u64) {
    while only(stage).status().generation < generation {
        tokio::task::yield_now().await;
    }
}

async fn failed(stage: &Stage) -> Failure {
    loop {
        if let Some(failure) = only(stage).status().failure {
            return failure;
        }
        tokio::task::yield_now().await;
    }
}
