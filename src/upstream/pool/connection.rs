//! A connection in use: by one exchange, from request to the end of the answer.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Version, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use super::idle::{Counted, Idle};
use crate::clock::turn;
use crate::transport::{Flaw, Watch};

/// A connection taken out of the pool. Dropped, it is closed; only [`release`](Self::release) gives it back.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    watch: Watch,
    made: Instant,
    reused: bool,
    persists: bool,
    idle: Arc<Idle>,
    _counted: Counted,
}

/// A request without an answer.
#[derive(Debug)]
pub struct Unanswered {
    /// What happened.
    pub error: hyper::Error,
    /// The request, if no byte of it was given to the socket: it may be sent again, whatever its method.
    pub unsent: Option<Request<Full<Bytes>>>,
    /// What was wrong with the answer, if one came.
    pub flaw: Option<Flaw>,
}

impl Connection {
    /// Takes the connection that was used last, if one rests.
    pub(super) fn reused(idle: &Arc<Idle>, now: Instant) -> Option<Self> {
        let resting = idle.take(now)?;
        Some(Self { reused: true, ..Self::made(resting.sender, resting.watch, idle, resting.made) })
    }

    /// A connection that was just made.
    pub(super) fn new(sender: SendRequest<Full<Bytes>>, watch: Watch, idle: &Arc<Idle>, now: Instant) -> Self {
        Self::made(sender, watch, idle, now)
    }

    fn made(sender: SendRequest<Full<Bytes>>, watch: Watch, idle: &Arc<Idle>, made: Instant) -> Self {
        Self { sender, watch, made, reused: false, persists: false, _counted: idle.active(), idle: Arc::clone(idle) }
    }

    /// Whether it served a request before; such a one may have been closed by its peer without our knowing yet.
    #[must_use]
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Sends a request and waits for the head of its answer. Dropping the future closes the connection.
    ///
    /// # Errors
    ///
    /// The connection broke, or what came is not a valid answer.
    pub async fn send(mut self, request: Request<Full<Bytes>>) -> Result<(Response<Incoming>, Self), Box<Unanswered>> {
        self.watch.ask(request.method());
        match self.sender.try_send_request(request).await {
            Ok(answer) => {
                self.persists = persists(&answer);
                Ok((answer, self))
            }
            Err(mut error) => {
                let unsent = error.take_message();
                Err(Box::new(Unanswered { error: error.into_error(), unsent, flaw: self.watch.flaw() }))
            }
        }
    }

    /// Gives the connection back: the answer's body was read to its end, which must be where the guard on its bytes saw it too.
    pub fn release(self) {
        if self.persists && self.watch.is_settled() {
            self.idle.put(self.sender, self.watch, self.made, turn::now());
        }
    }
}

/// Whether the connection outlives the answer (RFC 9112 §9.3), as far as the answer says.
fn persists<B>(answer: &Response<B>) -> bool {
    let says = |option: &str| {
        let values = answer.headers().get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|said| said.trim().eq_ignore_ascii_case(option))
    };
    match answer.version() {
        Version::HTTP_11 => !says("close") && !answer.status().is_informational(),
        _ => says("keep-alive") && !says("close"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(version: Version, connection: &str) -> Response<()> {
        Response::builder().version(version).header("connection", connection).body(()).unwrap()
    }

    #[test]
    fn only_what_both_versions_agree_on_persists() {
        assert!(persists(&Response::new(())));
        assert!(persists(&answer(Version::HTTP_11, "x-hop")));
        assert!(persists(&answer(Version::HTTP_10, "Keep-Alive")));
        assert!(!persists(&answer(Version::HTTP_11, "x-hop, Close")));
        assert!(!persists(&answer(Version::HTTP_10, "x-hop")));
        assert!(!persists(&answer(Version::HTTP_10, "keep-alive, close")));
    }
}
