//! An upstream that a test plays itself: it sees each request's bytes, and writes what it likes, when it likes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use super::World;

/// What a test waits for at most, with room for a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(20);

const TOKEN: &str = r#"{"access_token":"scripted","token_type":"Bearer","expires_in":86400}"#;

/// A scripted upstream; it ends with this. Requests for tokens are answered without the test.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    calls: mpsc::UnboundedReceiver<Call>,
    connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

/// A request that waits for the test's answer, with the connection it came on.
pub(crate) struct Call {
    /// The head without its last empty line.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
    stream: BufReader<TcpStream>,
    next: mpsc::UnboundedSender<Call>,
}

impl Scripted {
    pub(crate) async fn start() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// The same at an address that is free again.
    pub(crate) async fn at(address: SocketAddr) -> Self {
        Self::try_at(address).await.unwrap()
    }

    /// The same at an address that may not be free.
    pub(crate) async fn try_at(address: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (sender, calls) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let accepted = Arc::clone(&connections);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut reading = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Relaxed);
                reading.spawn(read(BufReader::new(stream), sender.clone()));
            }
        });
        Ok(Self { address, calls, connections, _serving: serving })
    }

    /// The next request; fails if none comes.
    pub(crate) async fn call(&mut self) -> Call {
        let call = tokio::time::timeout(PATIENCE, self.calls.recv()).await;
        call.expect("a request comes").expect("the upstream serves")
    }

    /// Answers the next request with these bytes and keeps the connection; gives back the request's head.
    pub(crate) async fn answer(&mut self, bytes: impl AsRef<str>) -> String {
        self.call().await.answer(bytes.as_ref()).await
    }

    /// Whether a request waits that was not answered.
    pub(crate) fn is_asked(&mut self) -> bool {
        !self.calls.is_empty()
    }

    /// The connections made so far, those for tokens included.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }
}

impl Call {
    /// Writes the answer and goes on reading from the connection; gives back the head of the request.
    pub(crate) async fn answer(mut self, bytes: &str) -> String {
        self.write(bytes.as_bytes()).await;
        let Self { head, stream, next, .. } = self;
        TaskTracker::new().spawn(read(stream, next));
        head
    }

    /// Writes some bytes of the answer. The gateway may have gone.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes).await;
    }

    /// Answers with a body that has no end; says how many bytes were taken until the gateway closed.
    pub(crate) async fn endless(mut self) -> usize {
        let (mut sent, piece) = (0, vec![b'a'; 64 << 10]);
        let stream = self.stream.get_mut();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await;
        while let Ok(Ok(count)) = tokio::time::timeout(PATIENCE, stream.write(&piece)).await {
            sent += count;
        }
        sent
    }

    /// Writes the answer and closes the connection.
    pub(crate) async fn close(mut self, bytes: &str) -> String {
        self.write(bytes.as_bytes()).await;
        let _ = self.stream.get_mut().shutdown().await;
        self.head
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        self.stream.get_ref().set_zero_linger().unwrap();
    }

    /// Waits until the gateway has closed its end.
    pub(crate) async fn closed(&mut self) {
        let closed = self.stream.fill_buf();
        let _ = tokio::time::timeout(PATIENCE, closed).await.expect("the gateway closes");
    }

    /// The value of a field of the request; empty if it did not come.
    pub(crate) fn field(&self, name: &str) -> &str {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next().unwrap_or_default()
    }

    /// Method, target and version.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }
}

/// Reads requests off a connection until one is not for a token.
async fn read(mut stream: BufReader<TcpStream>, calls: mpsc::UnboundedSender<Call>) {
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match stream.read_line(&mut head).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        head.truncate(head.len() - 4);
        let mut call = Call { head, body: Vec::new(), stream, next: calls.clone() };
        call.body.resize(call.field("content-length").parse().unwrap_or(0), 0);
        if call.stream.read_exact(&mut call.body).await.is_err() {
            return;
        }
        if !call.line().contains("/v1/iam/oauth/tokens") {
            let _ = calls.send(call);
            return;
        }
        call.write(ok(TOKEN).as_bytes()).await;
        stream = call.stream;
    }
}

/// An answer of this JSON, with its length.
pub(crate) fn ok(json: &str) -> String {
    answer("200 OK", "Content-Type: application/json\r\n", json)
}

/// An answer with this status, these further lines, and this body with its length.
pub(crate) fn answer(status: &str, lines: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len())
}

impl World {
    /// A gateway before this upstream.
    pub(crate) async fn before(upstream: &Scripted, lines: &str) -> Self {
        Self::with(&format!("passport.base_url = \"http://{}\"\n{lines}", upstream.address)).await
    }
}
