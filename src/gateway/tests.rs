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

#[tokio::test]
async fn an_answer_that_stalls_is_cut_by_us_and_counted_as_the_upstreams_doing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(&listener);
    config.passport.stream_timeout = Duration::from_millis(100);
    let mut tasks = JoinSet::new();
    tasks.spawn(stalling_passport(listener));
    let gateway = Gateway::bind(config, SystemClock::shared()).unwrap();
    let address = gateway.addresses().server[0].tcp().unwrap();
    let metrics = Arc::clone(&gateway.shared.metrics);
    let (stop, stopped) = mpsc::unbounded_channel();
    tasks.spawn(async move { _ = gateway.serve(stopped).await });

    let mut caller = TcpStream::connect(address).await.unwrap();
    let path = "/v1/payments/6c23f053-0e1a-46b4-b902-97ba47e351bc";
    caller.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    caller.read_to_end(&mut answer).await.unwrap();

    assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"{"), "{}", String::from_utf8_lossy(&answer));
    let counted = metrics.render().unwrap();
    assert!(counted.contains(r#"operation="get_payment",outcome="upstream_truncated""#), "{counted}");
    stop.send(Signal::Now).unwrap();
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
