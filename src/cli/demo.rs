//! `demo`: sandbox, identity issuer and gateway on loopback, for whoever wants to try the gateway or to be shown it.

use std::pin::pin;

use futures_util::FutureExt;
use tokio::sync::mpsc;

use self::ensemble::{Ensemble, Plan, StartFailure};
use super::{Exit, complain};
use crate::server::{Signal, Signals};

mod callers;
mod client;
mod configuration;
mod ensemble;
mod folder;
mod invitation;
mod issuer;
mod tour;

/// Starts everything on this thread and the gateway's workers; then invites to try it, or gives a tour.
pub(super) fn demo(tour: bool) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(StartFailure::Runtime).and_then(|runtime| runtime.block_on(play(tour))) {
        Ok(exit) => exit,
        Err(failure) => {
            complain(format_args!("the demo cannot start: {failure}"));
            Exit::Failed
        }
    }
}

async fn play(tour: bool) -> Result<Exit, StartFailure> {
    let mut signals = Signals::new().map_err(StartFailure::Runtime)?;
    let ensemble = Ensemble::bind(if tour { Plan::tour() } else { Plan::visit() }).await?;
    let venue = ensemble.venue().clone();
    let (ask, asked) = mpsc::unbounded_channel();
    let mut serving = pin!(ensemble.serve(asked));
    let visit = async {
        client::wait_until_ready(&venue.admin).await?;
        if tour { Ok(tour::walk(&venue).await?) } else { Ok(invitation::extend(&venue)) }
    };
    let mut visit = pin!(visit.fuse());
    // Whoever is stopped in the middle of a tour has not seen all of it go as told.
    let mut exit = Ok(if tour { Exit::Failed } else { Exit::Done });
    loop {
        tokio::select! {
            served = &mut serving => return served.and(exit),
            signal = signals.next() => drop(ask.send(signal)),
            ended = &mut visit => {
                if tour || ended.is_err() {
                    // It is not received if the gateway has stopped already, which is all it asks for.
                    let _ = ask.send(Signal::Interrupt);
                }
                exit = ended;
            }
        }
    }
}
