//! What the tests of these layers share: an upstream in memory that follows a script, and services that do.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex};

use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

use super::destination::Destinations;
use crate::body::{Body, Cut};
use crate::config::{self, Config};
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::snapshot::Snapshots;
use crate::stage::{Outbound, Validated};
use crate::testing;
use crate::transport::{Connect, ConnectError, Origin};

/// A network whose far ends a test holds.
pub(super) struct Wires {
    far_ends: mpsc::UnboundedSender<DuplexStream>,
    pub(super) refuses: AtomicBool,
    pub(super) hangs: AtomicBool,
    pub(super) attempts: AtomicUsize,
}

/// The far ends of connections, in the order in which they were made.
pub(super) type FarEnds = mpsc::UnboundedReceiver<DuplexStream>;

impl Wires {
    pub(super) fn new() -> (Arc<Self>, FarEnds) {
        let (far_ends, accepted) = mpsc::unbounded_channel();
        let (refuses, hangs) = (AtomicBool::new(false), AtomicBool::new(false));
        (Arc::new(Self { far_ends, refuses, hangs, attempts: AtomicUsize::new(0) }), accepted)
    }
}

impl Connect for Wires {
    type Stream = DuplexStream;

    async fn connect(&self, _: &Origin) -> Result<DuplexStream, ConnectError> {
        self.attempts.fetch_add(1, Relaxed);
        if self.hangs.load(Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.refuses.load(Relaxed) {
            return Err(ConnectError::Tcp(io::ErrorKind::ConnectionRefused.into()));
        }
        let (near, far) = tokio::io::duplex(64 * 1024);
        let _ = self.far_ends.send(far);
        Ok(near)
    }
}

/// Reads one whole request.
pub(super) async fn heard(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        assert_ne!(io.read_buf(&mut bytes).await.unwrap(), 0, "the connection ended in a request: {text}");
    }
}

/// Reads one whole request and answers it.
pub(super) async fn answered(io: &mut (impl AsyncRead + AsyncWrite + Unpin), answer: &str) -> String {
    let request = heard(io).await;
    io.write_all(answer.as_bytes()).await.unwrap();
    request
}

/// Ends when the near end has closed the connection, which must say nothing more.
pub(super) async fn closed(io: &mut (impl AsyncRead + Unpin)) {
    assert_eq!(io.read(&mut [0]).await.unwrap_or(0), 0, "nothing more was to be said");
}

/// An answer of `200` with this body.
pub(super) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The text of a body.
pub(super) async fn text(body: Body) -> Result<String, Cut> {
    Ok(String::from_utf8(body.collect().await?.to_bytes().to_vec()).unwrap())
}

pub(super) fn destinations(config: &Config) -> Destinations {
    Destinations::new(&config.passport.upstreams).unwrap()
}

pub(super) fn snapshots(config: Config) -> Arc<Snapshots> {
    testing::snapshots(config, testing::clock())
}

/// The snapshots of the plain configuration, made once: compiling the catalogue's schemas takes its time.
static PLAIN: LazyLock<Arc<Snapshots>> = LazyLock::new(|| snapshots(testing::config()));

/// A read, validated.
pub(super) fn read() -> Validated {
    testing::validated(&PLAIN, testing::arrival(Method::GET, "/v1/payments", ""))
}

/// A write, validated.
pub(super) fn write() -> Validated {
    let body = r#"{"account_id":"6b6d9d3c-2f0c-4c0c-9a51-3f6f0d2f9b11","key":{"key_type":"ALPHA","key_value":"@acme1"}}"#;
    testing::validated(&PLAIN, testing::arrival(Method::POST, "/v1/keys", body))
}

/// The request with a bearer.
pub(super) fn outbound(request: Validated) -> Outbound {
    request.outbound(HeaderValue::from_static("Bearer upstream-token"))
}

/// A service that answers by a script, and hangs at its end.
#[derive(Default)]
pub(super) struct Script {
    answers: Mutex<VecDeque<Result<Response, Refusal>>>,
    pub(super) calls: AtomicUsize,
}

impl Script {
    pub(super) fn new(answers: impl IntoIterator<Item = Result<Response, Refusal>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), calls: AtomicUsize::new(0) })
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }
}

impl<R: Send> Service<R> for Script {
    type Error = Refusal;

    async fn call(&self, _: R) -> Result<Response, Refusal> {
        self.calls.fetch_add(1, Relaxed);
        let answer = self.answers.lock().unwrap().pop_front();
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

/// An answer without a body.
#[expect(clippy::unnecessary_wraps, reason = "scripts are made of results")]
pub(super) fn status(status: u16) -> Result<Response, Refusal> {
    Ok(http::Response::builder().status(status).body(Body::empty()).unwrap())
}

/// The settings of `[passport]` that these tests begin with.
pub(super) fn passport() -> config::Passport {
    testing::config().passport
}
