//! A listener beside the callers': it is served on the runtime that calls, with limits of its own.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Listen;
use crate::service::Service;
use crate::stage::Arrival;

use super::accept::accept;
use super::connection::{Limits, serve_connection};
use super::listener::{Accepted, Address, Listener};
use super::passed::{For, Passed};

/// Connections at a time; a few probes and scrapers are all that comes here.
const MAX_CONNECTIONS: usize = 64;
/// No setting for callers can lock out the probes. Idle time is longer than the usual scrape interval.
const LIMITS: Limits = Limits {
    max_header_bytes: 32 * 1024,
    header_timeout: Duration::from_secs(5),
    idle_timeout: Duration::from_secs(75),
    answer_timeout: Duration::from_secs(10),
    http2: None,
    http2_agreed: false,
};
/// How long an answer under way may take to end after the shutdown.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// The bound listener of `[admin]` or `[control]`.
#[derive(Debug)]
pub struct SideListener(Listener);

impl SideListener {
    /// Listens where probes and scrapes come: on a socket that was passed for that, or on this address, maybe beside another process.
    ///
    /// # Errors
    ///
    /// Why it cannot be bound; the message names the address.
    pub fn admin(listen: &Listen, shared: bool, passed: &Passed) -> io::Result<Self> {
        Listener::beside(listen, For::Admin, shared, passed).map(Self)
    }

    /// Listens where changes are asked for; a Unix socket is for its owner alone.
    ///
    /// # Errors
    ///
    /// Why it cannot be bound; the message names the address.
    pub fn control(listen: &Listen, shared: bool, passed: &Passed) -> io::Result<Self> {
        Listener::beside(listen, For::Control, shared, passed).map(Self)
    }

    /// Where it can be reached.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.0.address()
    }

    /// Serves `pages` until `shutdown` ends, and ends what is still open shortly after.
    ///
    /// # Errors
    ///
    /// When the listener cannot be registered with the runtime.
    pub async fn serve<S>(self, pages: Arc<S>, shutdown: impl Future<Output = ()>) -> io::Result<()>
    where
        S: Service<Arrival, Error = Infallible>,
    {
        let (open, drain, cut) = (TaskTracker::new(), CancellationToken::new(), CancellationToken::new());
        // Whoever drops this future ends the connections, too.
        let _cut = cut.clone().drop_guard();
        let hand = |accepted: Accepted, permit| {
            let served = connection(accepted, Arc::clone(&pages), drain.clone());
            let cut = cut.clone();
            open.spawn(async move {
                cut.run_until_cancelled(served).await;
                drop(permit);
            });
        };
        let failed = |error: &io::Error| tracing::warn!(%error, "a connection beside the callers' could not be accepted");
        let served = accept([self.0], Arc::new(Semaphore::new(MAX_CONNECTIONS)), shutdown, failed, hand).await;
        drain.cancel();
        open.close();
        // What is open still is cut on return.
        let _ = tokio::time::timeout(LAST_GRACE, open.wait()).await;
        served
    }
}

async fn connection<S>(accepted: Accepted, pages: Arc<S>, drain: CancellationToken)
where
    S: Service<Arrival, Error = Infallible>,
{
    let peer = accepted.peer.clone();
    match accepted.into_stream() {
        Ok(stream) => {
            if let Err(reason) = serve_connection(stream, peer, pages, Arc::new(LIMITS), drain).await {
                tracing::debug!(reason = reason.label(), "a connection beside the callers' ended in an error");
            }
        }
        Err(error) => tracing::warn!(%error, "a connection beside the callers' could not be served"),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;
    use tokio::task::JoinSet;

    use crate::body::Body;
    use crate::server::testing::is_answered;
    use crate::service::Response;

    use super::*;

    struct Pages;

    impl Service<Arrival> for Pages {
        type Error = Infallible;

        async fn call(&self, _: Arrival) -> Result<Response, Infallible> {
            Ok(Response::new(Body::from(Bytes::from_static(b"ok"))))
        }
    }

    async fn ask(connection: &mut TcpStream) {
        connection.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            answer.push(connection.read_u8().await.unwrap());
        }
    }

    #[tokio::test]
    async fn it_serves_until_the_shutdown_and_then_ends_what_is_idle() {
        let listener = SideListener::admin(&Listen::Tcp("127.0.0.1:0".parse().unwrap()), false, &Passed::default()).unwrap();
        let address = listener.address().tcp().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut serving = JoinSet::new();
        serving.spawn(listener.serve(Arc::new(Pages), async move { drop(stopped.await) }));
        let (mut one, mut other) = (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        ask(&mut one).await;
        ask(&mut other).await;
        ask(&mut one).await;

        drop(stop);

        serving.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(one.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(other.read(&mut [0]).await.unwrap(), 0);
        assert!(!is_answered(address).await);
    }
}
