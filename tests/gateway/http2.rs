//! HTTP/2 with prior knowledge: the same gateway behind it, and no way for one connection to harm the others.

use http::StatusCode;

use crate::support::World;
use crate::support::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, Outcome, PING, PRIORITY, Peer, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, fields, frame,
};

mod attacks;
mod conformance;
mod heads;
mod serving;

/// GET with these fields beside its own.
fn get_with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&GET, more].concat()
}

async fn asked(world: &World, list: &[(&str, &str)]) -> Outcome {
    let mut peer = Peer::connect(world.server, &[]).await;
    peer.get(1, list).await;
    peer.outcome(1).await
}

fn status(outcome: &Outcome) -> u16 {
    match outcome {
        Outcome::Answered(status, _) => *status,
        _ => 0,
    }
}
