//! What of a caller's head goes up: what is listed, and nothing that was forged, hop-by-hop or ambiguous.

use http::StatusCode;

use crate::support::{Answer, Client, World};

mod chunks;
mod early;
mod fields;
mod framing;
mod heads;
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

/// What no answer may ever be given to, behind whatever it hides.
const SMUGGLED: &str = "GET /v1/payments HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Sends these bytes and a request behind them: 400, or nothing at all, and a close; the second request is never seen.
async fn assert_refused(world: &World, bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    let shown = String::from_utf8_lossy(bytes).into_owned();
    let mut client = world.client().await;
    client.send(&[bytes, SMUGGLED.as_bytes()].concat()).await;

    let answer = client.answer(false).await;

    assert_eq!(answer.map(|answer| answer.status), Some(StatusCode::BAD_REQUEST), "{shown:?}");
    assert!(client.is_closed().await, "{shown:?}: the connection stays open");
    assert!(world.arrived().is_empty(), "{shown:?}: {:?}", world.arrived());
}

/// The next request on the connection is answered as its own.
async fn assert_goes_on(client: &mut Client) {
    client.send(get("").as_bytes()).await;
    let answer = client.answer(false).await.expect("the connection goes on");
    assert!(answer.json()["accounts"].is_array(), "{}", answer.text());
}
