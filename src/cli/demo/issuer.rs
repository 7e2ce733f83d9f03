//! The demo's identity issuer: it signs callers' tokens and publishes the key to check them with.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use self::signing::{SigningError, SigningKey};

mod signing;

/// Where the keys are.
const JWKS: &str = "/jwks.json";
/// How long a connection may be idle.
const IDLE: Duration = Duration::from_secs(30);
/// How long to wait before accepting again when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An issuer that has its port and waits to be served.
pub(super) struct Issuer {
    listener: TcpListener,
    address: SocketAddr,
    key: SigningKey,
}

/// Why there is no issuer, or no token of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssuerError {
    #[error("the identity issuer cannot listen: {0}")]
    Listen(#[from] io::Error),
    #[error(transparent)]
    Signing(#[from] SigningError),
}

impl Issuer {
    /// Takes a loopback port and makes a key.
    pub(super) async fn bind() -> Result<Self, IssuerError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self { address: listener.local_addr()?, listener, key: SigningKey::generate()? })
    }

    /// Its name, as `iss` has it.
    pub(super) fn name(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Signs a token that says whom a caller belongs to and what it may do, from now (in seconds of Unix time) for so long.
    pub(super) fn token(&self, tenant: &str, scope: &str, now: u64, lifetime: Duration) -> Result<String, IssuerError> {
        let claims = serde_json::json!({
            "iss": self.name(),
            "aud": "passport-gateway",
            "sub": format!("{tenant}-app"),
            "tenant": tenant,
            "scope": scope,
            "iat": now,
            "exp": now + lifetime.as_secs(),
        });
        Ok(self.key.sign(&claims)?)
    }

    /// Publishes the key until it is dropped.
    pub(super) async fn serve(self) {
        let jwks = Bytes::from(self.key.jwks());
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => drop(connections.spawn(connection(stream, jwks.clone()))),
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    }
}

async fn connection(stream: TcpStream, jwks: Bytes) {
    let service = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(&request, &jwks))));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE);
    // A caller that goes away ends its own connection, and nothing else.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

fn answer(request: &Request<Incoming>, jwks: &Bytes) -> Response<Full<Bytes>> {
    if request.uri().path() != JWKS {
        let mut nothing = Response::default();
        *nothing.status_mut() = StatusCode::NOT_FOUND;
        return nothing;
    }
    let mut keys = Response::new(Full::new(jwks.clone()));
    keys.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    keys
}
