//! What of a caller's head goes up: what is listed, and nothing that was forged, hop-by-hop or ambiguous.

use http::StatusCode;

use crate::support::{Answer, World};

mod fields;
mod framing;
mod hosts;
mod identifiers;

/// A GET of the accounts with these lines, `Host` among them.
fn bare(lines: &str) -> String {
    format!("GET /v1/accounts HTTP/1.1\r\n{lines}\r\n")
}

fn get(lines: &str) -> String {
    bare(&format!("Host: localhost\r\n{lines}"))
}

/// Sends a request that must arrive; gives the names of the fields it arrived with.
async fn names_sent_up(world: &World, request: &str) -> Vec<String> {
    let answer = world.raw(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    world.sent_up().header_names
}

#[track_caller]
fn assert_malformed(answer: &Answer) {
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "malformed-request"));
}
