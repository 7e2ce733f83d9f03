//! The whole gateway before a Passport of a few lines: what only shows where its parts meet.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::*;
use crate::clock::SystemClock;
use crate::server::Signal;
use crate::testing;

const TOKEN: &str = r#"{"access_token":"t","token_type":"Bearer","expires_in":3600}"#;

/// Answers the token endpoint, and any other request with a body that stops half way.
async fn stalling_passport(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(async move {
            let mut stream = BufReader::new(stream);
            while let Some((is_token, length)) = head(&mut stream).await {
                stream.read_exact(&mut vec![0; length]).await.unwrap();
                let (length, body) = if is_token { (TOKEN.len(), TOKEN) } else { (100, "{") };
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
    }
}

/// Whether the next request asks for a token, and how long its body is; none at the end.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<(bool, usize)> {
    let (mut is_token, mut length) = (false, 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let line = line.trim_end().to_ascii_lowercase();
        is_token |= line.contains("/oauth/tokens");
        if let Some(said) = line.strip_prefix("content-length:") {
            length = said.trim().parse().unwrap();
        }
        if line.is_empty() {
            return Some((is_token, length));
        }
    }
}

/// A configuration whose upstreams are all at `listener`.
fn config(listener: &TcpListener) -> Config {
    let base: http::Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut config = testing::config();
    for upstream in &mut config.passport.upstreams {
        upstream.base = Some(base.clone());
        upstream.token_url = Some(format!("{base}v1/iam/oauth/tokens").parse().unwrap());
    }
    config
}

/// A gateway that serves, until it is dropped.
struct Running {
    metrics: Arc<Metrics>,
    address: std::net::SocketAddr,
    _stop: mpsc::UnboundedSender<Signal>,
    _tasks: JoinSet<()>,
}

impl Running {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = config(&listener);
        change(&mut config);
        let mut tasks = JoinSet::new();
        tasks.spawn(stalling_passport(listener));
        let gateway = Gateway::bind(config, SystemClock::shared()).unwrap();
        let address = gateway.addresses().server[0].tcp().unwrap();
        let metrics = Arc::clone(&gateway.shared.metrics);
        let (stop, stopped) = mpsc::unbounded_channel();
        tasks.spawn(async move { _ = gateway.serve(stopped).await });
        Self { metrics, address, _stop: stop, _tasks: tasks }
    }

    /// Sends bytes on a connection of their own and reads until it is closed.
    async fn answer(&self, request: &str) -> String {
        let mut caller = TcpStream::connect(self.address).await.unwrap();
        caller.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        caller.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

#[tokio::test]
async fn an_answer_that_stalls_is_cut_by_us_and_counted_as_the_upstreams_doing() {
    let gateway = Running::start(|config| config.passport.stream_timeout = Duration::from_millis(100)).await;

    let path = "/v1/payments/6c23f053-0e1a-46b4-b902-97ba47e351bc";
    let answer = gateway.answer(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;

    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with('{'), "{answer}");
    let counted = gateway.metrics.render().unwrap();
    assert!(counted.contains(r#"operation="get_payment",outcome="upstream_truncated""#), "{counted}");
}

#[tokio::test]
async fn a_body_that_is_announced_twice_is_refused_and_its_connection_closed() {
    let gateway = Running::start(|_| ()).await;

    let framing = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let answer = gateway.answer(&format!("POST /v1/payments/breb/confirm HTTP/1.1\r\nHost: localhost\r\n{framing}")).await;

    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("urn:passport-gateway:problem:malformed-request"), "{answer}");
}

#[tokio::test]
async fn a_gateway_that_is_dropped_leaves_nothing_running() {
    let gateway = Gateway::bind(testing::config(), SystemClock::shared()).unwrap();
    let background = gateway.background.clone();
    assert!(!background.is_empty());

    drop(gateway);

    background.close();
    tokio::time::timeout(Duration::from_secs(10), background.wait()).await.expect("all tasks end");
}
