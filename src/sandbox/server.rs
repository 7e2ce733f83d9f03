//! Connections: accepted, served over HTTP/1.1, and broken when a fault says so.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connections::Counter;
use super::control::Control;
use super::error::ApiError;
use super::faults::Faults;
use super::log::Log;
use super::moment::Time;
use super::options::Options;
use super::passport::Passport;
use super::reply::Severed;
use super::routes::Routes;
use super::service::Shared;
use crate::scope::Grant;

/// A sandbox that has its port and waits to be served.
pub struct Sandbox {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// How long requests under way may still take once a sandbox is told to stop.
const DRAIN: Duration = Duration::from_secs(1);
/// How long to wait before accepting again when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Sandbox {
    /// Takes the port and makes up the seeded records.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound, or a client's scope is none (`InvalidInput`).
    pub async fn bind(options: Options) -> io::Result<Self> {
        for grant in options.clients.iter().flat_map(|client| &client.scopes) {
            grant.parse::<Grant>().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("{grant}: {error}")))?;
        }
        let listener = TcpListener::bind(options.listen).await?;
        let options = options.within_reason();
        let time = Time::new(options.clock.clone());
        let too_much = |error: ApiError| io::Error::new(io::ErrorKind::InvalidInput, error.message);
        let passport = Passport::seeded(&options, time.moment()).map_err(too_much)?;
        let shared = Shared {
            options,
            time,
            routes: Routes::new(),
            passport: passport.into(),
            faults: Faults::default().into(),
            log: Log::default().into(),
            connections: Counter::default(),
        };
        Ok(Self { address: listener.local_addr()?, listener, shared: Arc::new(shared) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle that goes on working while the sandbox serves.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(self.shared.clone())
    }

    /// Serves until `shutdown` ends; dropping the future breaks all connections at once.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let stop = CancellationToken::new();
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        connections.spawn(connection(self.shared.clone(), stream, peer, stop.clone()));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
        drop(self.listener);
        stop.cancel();
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            connections.shutdown().await;
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, stop: CancellationToken) {
    let _open = shared.connections.open();
    // Without it, what is written in two parts waits for an acknowledgement; nothing else depends on it.
    let _ = stream.set_nodelay(true);
    let idle_timeout = shared.options.idle_timeout;
    let service = service_fn(move |request| shared.clone().serve(peer, request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(idle_timeout);
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stop.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let severed = served.err().and_then(|error| error.source().and_then(|source| source.downcast_ref::<Severed>().copied()));
    if let Some(severed) = severed {
        sever(connection.into_parts().io.into_inner(), severed).await;
    }
}

/// Ends a connection whose request gets no answer; if the peer is gone already, that is its end too.
async fn sever(mut stream: TcpStream, severed: Severed) {
    match severed {
        Severed::Reset => {
            let _ = stream.set_zero_linger();
        }
        Severed::Garbage => {
            let _ = stream.write_all(b"\x15\x03\x01 this is no HTTP\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    }
}
