//! The demo's own HTTP client: one connection per request, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};

use crate::transport::{Client, Connector, FetchError, Trust, TrustError};

/// How long an answer may take; nothing here is farther than loopback.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer of the demo comes near it.
const LONGEST: usize = 4 << 20;
/// How often readiness is asked for.
const PERIOD: Duration = Duration::from_millis(20);

/// A client for plain HTTP.
pub(super) struct Http(Client);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("the request cannot be written: {0}")]
    Request(#[from] http::Error),
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// Why the gateway cannot be visited.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    #[error("the gateway is not ready after {PATIENCE:?}")]
    Late,
    #[error(transparent)]
    Client(#[from] TrustError),
}

impl Http {
    /// A client that trusts nobody, since nothing here speaks TLS.
    pub(super) fn new() -> Result<Self, TrustError> {
        Ok(Self(Client::new(Arc::new(Connector::new(&Trust::Nothing, None, PATIENCE)?))))
    }

    /// The whole answer to one request.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        Ok(self.0.fetch(request, LONGEST, PATIENCE).await?)
    }

    /// The answer to a GET without anything.
    pub(super) async fn get(&self, url: &str) -> Result<Response<Bytes>, NoAnswer> {
        self.send(Request::get(url).body(Bytes::new())?).await
    }
}

/// Waits until the gateway whose admin listener is at `admin` says that it is ready.
pub(super) async fn wait_until_ready(admin: &str) -> Result<(), NotReady> {
    let http = Http::new()?;
    let deadline = Instant::now() + PATIENCE;
    let url = format!("{admin}/readyz");
    while Instant::now() < deadline {
        if http.get(&url).await.is_ok_and(|answer| answer.status() == StatusCode::OK) {
            return Ok(());
        }
        sleep(PERIOD).await;
    }
    Err(NotReady::Late)
}
