//! The guided tour: real calls over real sockets, each told with what happened and why, and checked against what was told.

use self::guide::Guide;
use super::client::NotReady;
use super::ensemble::Venue;
use crate::cli::{Exit, say};

mod call;
mod chapters;
mod expect;
mod guide;
mod metrics;
mod prose;

/// Walks through every chapter; done only if all went as told.
pub(super) async fn walk(venue: &Venue) -> Result<Exit, NotReady> {
    let mut guide = Guide::new(venue)?;
    guide.opening();
    chapters::all(&mut guide).await;
    let differences = guide.differences();
    if differences.is_empty() {
        say("\nAll went as told.");
        return Ok(Exit::Done);
    }
    say("\nNot all went as told:");
    for difference in differences {
        say(format_args!("- {difference}"));
    }
    Ok(Exit::Failed)
}
