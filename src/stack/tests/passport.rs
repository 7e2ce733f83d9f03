//! A Passport in memory that makes everybody wait: at each connection, head, and piece of a body.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;

use crate::transport::{Connect, ConnectError, Origin};
use crate::upstream::token::{TokenEndpoint, Unanswered};

/// Counts what arrives, mints tokens by number, and refuses those it was told to.
#[derive(Default)]
pub(super) struct Passport(Arc<Ledger>);

#[derive(Default)]
struct Ledger {
    connections: TaskTracker,
    refuses: AtomicBool,
    minted: AtomicUsize,
    revoked: AtomicUsize,
    reads: AtomicUsize,
    writes: AtomicUsize,
}

/// Takes a few turns of the runtime, so that a request can be dropped in each of them.
async fn dawdle() {
    for _ in 0..3 {
        yield_now().await;
    }
}

impl Passport {
    pub(super) fn refuse_connections(&self, refuses: bool) {
        self.0.refuses.store(refuses, Relaxed);
    }

    /// Every token minted until now answers 401.
    pub(super) fn revoke_tokens(&self) {
        self.0.revoked.store(self.mints(), Relaxed);
    }

    pub(super) fn mints(&self) -> usize {
        self.0.minted.load(Relaxed)
    }

    /// Lists of accounts that were answered.
    pub(super) fn reads(&self) -> usize {
        self.0.reads.load(Relaxed)
    }

    /// Payments that were made.
    pub(super) fn writes(&self) -> usize {
        self.0.writes.load(Relaxed)
    }

    pub(super) fn endpoint(&self) -> Mint {
        Mint(Arc::clone(&self.0))
    }
}

impl Connect for Passport {
    type Stream = DuplexStream;

    async fn connect(&self, _: &Origin) -> Result<DuplexStream, ConnectError> {
        dawdle().await;
        if self.0.refuses.load(Relaxed) {
            return Err(ConnectError::Tcp(io::ErrorKind::ConnectionRefused.into()));
        }
        let (near, far) = tokio::io::duplex(256);
        let ledger = Arc::clone(&self.0);
        self.0.connections.spawn(async move {
            let answer = service_fn(|request| Ledger::answer(Arc::clone(&ledger), request));
            // A gateway that gave up on an answer closes the connection, which is no failure here.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(far), answer).await;
        });
        Ok(near)
    }
}

impl Ledger {
    async fn answer(
        ledger: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<StreamBody<impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>>>>, Infallible> {
        dawdle().await;
        let bearer = request.headers()["authorization"].to_str().unwrap().trim_start_matches("Bearer ");
        let valid = bearer.parse::<usize>().unwrap() > ledger.revoked.load(Relaxed);
        if valid && request.method() == Method::POST {
            ledger.writes.fetch_add(1, Relaxed);
        } else if valid && request.uri().path() == "/v1/accounts" {
            ledger.reads.fetch_add(1, Relaxed);
        }
        let pieces = futures_util::stream::unfold(0, |piece| async move {
            dawdle().await;
            (piece < 3).then(|| (Ok(Frame::data(Bytes::from(["{", "\"accounts\":[]", "}"][piece]))), piece + 1))
        });
        let status = if valid { 200 } else { 401 };
        Ok(Response::builder().status(status).body(StreamBody::new(pieces)).unwrap())
    }
}

/// Passport's token endpoint.
pub(super) struct Mint(Arc<Ledger>);

impl TokenEndpoint for Mint {
    async fn ask(&self, _: Request<Bytes>) -> Result<Response<Bytes>, Unanswered> {
        dawdle().await;
        let token = self.0.minted.fetch_add(1, Relaxed) + 1;
        let answer = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":86400}}"#);
        Ok(Response::new(Bytes::from(answer)))
    }
}
