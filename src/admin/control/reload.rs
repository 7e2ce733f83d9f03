//! `POST /reload`: the configuration is read anew, and applied whole or not at all.

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::fault::Fault;
use super::{Controls, Done};
use crate::admin::Outcome;

/// Asks for the configuration to be read anew.
#[derive(Clone, Debug)]
pub struct Reloads(mpsc::UnboundedSender<Asked>);

/// Who asked, and waits for what comes of it.
pub type Asked = oneshot::Sender<Outcome>;

impl Reloads {
    /// Asks through these, and whoever reads anew listens at the other end.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Asked>) {
        let (ask, asked) = mpsc::unbounded_channel();
        (Self(ask), asked)
    }

    /// What comes of reading it now; none if nobody does any more.
    pub async fn reload(&self) -> Option<Outcome> {
        let (asked, told) = oneshot::channel();
        self.0.send(asked).ok()?;
        told.await.ok()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Reads the configuration anew.
pub(super) async fn reload(controls: &Controls, _: Nothing) -> Result<Done, Fault> {
    let Some(reloads) = &controls.reloads else {
        return Err(unavailable("This gateway was not started from a file."));
    };
    let outcome = reloads.reload().await.ok_or(unavailable("The gateway is about to end."))?;
    if !outcome.applied {
        return Err(Fault::invalid_configuration(outcome.faults));
    }
    let change = match &*outcome.needs_restart {
        [] => "configuration applied".to_owned(),
        held_back => format!("configuration applied, a restart is needed for {}", held_back.join(", ")),
    };
    Ok(Done { answer: json!(outcome), change, key: None })
}

fn unavailable(detail: &str) -> Fault {
    Fault::new(StatusCode::SERVICE_UNAVAILABLE, "operation-unavailable", detail)
}
