//! Ten thousand requests while Passport is killed and started again: each is answered, nothing leaks, and the metrics add up.
//!
//! The programs are the real ones, as three processes would run them: `cargo test --release --test endurance` does it with the
//! release build.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 20;
const BINARY: &str = env!("CARGO_BIN_EXE_passport-gateway");

/// Reads that are stored, a read that never is, and a write.
const MIX: [&str; 4] = [
    "GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /v1/payments/6c23f053-0e1a-46b4-b902-97ba47e351bc HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /v1/keys HTTP/1.1\r\nHost: localhost\r\nCache-Control: no-cache\r\n\r\n",
    "DELETE /v1/qrcodes/6c23f053-0e1a-46b4-b902-97ba47e351bc HTTP/1.1\r\nHost: localhost\r\n\r\n",
];

/// A process that ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_answered_while_passport_dies_and_returns() {
    let folder = TempDir::new().unwrap();
    let passport = free_address();
    let sandbox = run_sandbox(passport).await;
    let (gateway, server, admin) = run_gateway(folder.path(), passport).await;
    let descriptors = metrics(admin).await["process_open_fds"];
    let sent = Arc::new(AtomicUsize::new(0));

    let mut callers: JoinSet<_> = (0..CONNECTIONS).map(|_| call(server, Arc::clone(&sent))).collect();
    progress(&sent, REQUESTS * 3 / 10).await;
    drop(sandbox);
    progress(&sent, REQUESTS * 5 / 10).await;
    let sandbox = run_sandbox(passport).await;
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    while let Some(caller) = callers.join_next().await {
        for (status, count) in caller.unwrap() {
            *answers.entry(status).or_default() += count;
        }
    }

    assert_eq!(answers.values().sum::<usize>(), REQUESTS, "{answers:?}");
    assert!(answers.keys().all(|status| matches!(status, 200 | 404 | 502 | 503)), "{answers:?}");
    assert!(answers.contains_key(&502), "Passport was never missed: {answers:?}");
    let more = recovered(server).await;
    let after = settled(admin, descriptors).await;
    assert_eq!(after["passport_gateway_requests_in_flight"], 0);
    assert_eq!(after["passport_gateway_upstream_connections active"], 0);
    assert_eq!(after["passport_gateway_requests_total"], (REQUESTS + more) as u64, "{answers:?}");
    assert_eq!(after["passport_gateway_request_duration_seconds_count"], (REQUESTS + more) as u64);
    drop((gateway, sandbox));
}

/// Sends requests on one connection after another until enough were sent; counts the answers by status.
async fn call(server: SocketAddr, sent: Arc<AtomicUsize>) -> BTreeMap<u16, usize> {
    let mut answers = BTreeMap::new();
    let mut stream = BufReader::new(TcpStream::connect(server).await.unwrap());
    loop {
        let number = sent.fetch_add(1, Relaxed);
        if number >= REQUESTS {
            return answers;
        }
        stream.write_all(MIX[number % MIX.len()].as_bytes()).await.unwrap();
        let status = answer(&mut stream).await.expect("a whole answer");
        *answers.entry(status).or_default() += 1;
    }
}

/// Reads one answer to its end; none if the connection ends first.
async fn answer(stream: &mut BufReader<TcpStream>) -> Option<u16> {
    let (mut line, mut status, mut length, mut chunked) = (String::new(), None, 0, false);
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let field = line.trim_end().to_ascii_lowercase();
        if status.is_none() {
            status = field.split(' ').nth(1).and_then(|status| status.parse().ok());
        } else if let Some(value) = field.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        } else if field == "transfer-encoding: chunked" {
            chunked = true;
        } else if field.is_empty() {
            break;
        }
    }
    while chunked {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let size = usize::from_str_radix(line.trim_end(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk).await.ok()?;
        chunked = size > 0;
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    status
}

/// Waits until so many requests were sent.
async fn progress(sent: &AtomicUsize, enough: usize) {
    until("requests are sent", async || (sent.load(Relaxed) >= enough).then_some(())).await;
}

/// Waits until a read that goes up is answered by Passport again: breaker and token have recovered. Says how often it asked.
async fn recovered(server: SocketAddr) -> usize {
    let asked = AtomicUsize::new(0);
    until("Passport answers again", async || {
        asked.fetch_add(1, Relaxed);
        let mut stream = BufReader::new(TcpStream::connect(server).await.ok()?);
        stream.write_all(MIX[2].as_bytes()).await.ok()?;
        (answer(&mut stream).await? == 200).then_some(())
    })
    .await;
    asked.into_inner()
}

/// The metrics once every caller's connection is closed, and no more descriptors are open than a pool may keep.
async fn settled(admin: SocketAddr, before: u64) -> BTreeMap<String, u64> {
    until("connections are closed", async || {
        let now = metrics(admin).await;
        let idle = now["passport_gateway_upstream_connections idle"];
        let closed = now["passport_gateway_connections"] == 0 && now["process_open_fds"] <= before + idle + 2;
        closed.then_some(now)
    })
    .await
}

/// Samples by name, summed over their labels; those of connections by state.
async fn metrics(admin: SocketAddr) -> BTreeMap<String, u64> {
    let mut stream = TcpStream::connect(admin).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let mut samples = BTreeMap::new();
    for state in ["active", "idle"] {
        samples.insert(format!("passport_gateway_upstream_connections {state}"), 0);
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let name = series.split('{').next().unwrap();
        let state = ["active", "idle"].into_iter().find(|state| series.contains(&format!("state=\"{state}\"")));
        let name = state.map_or(name.to_owned(), |state| format!("{name} {state}"));
        *samples.entry(name).or_default() += value.parse::<u64>().unwrap_or(0);
    }
    samples
}

/// Asks time and again until there is an answer, for at most a minute.
async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "a minute has passed before {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An address that nobody uses; the sandbox needs the same one twice.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn run_sandbox(address: SocketAddr) -> Program {
    let child = Command::new(BINARY).args(["sandbox", "--listen", &address.to_string()]).stdout(Stdio::null()).spawn();
    until("the sandbox listens", async || TcpStream::connect(address).await.ok()).await;
    Program(child.unwrap())
}

async fn run_gateway(folder: &Path, passport: SocketAddr) -> (Program, SocketAddr, SocketAddr) {
    let (file, ready): (PathBuf, PathBuf) = (folder.join("gateway.toml"), folder.join("ready.toml"));
    fs::write(&file, configuration(passport)).unwrap();
    let child = Command::new(BINARY)
        .args(["run", "--config", file.to_str().unwrap(), "--ready-file", ready.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn();
    let program = Program(child.unwrap());
    let text = until("the gateway is ready", async || fs::read_to_string(&ready).ok()).await;
    let address =
        |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap().split('"').nth(1).unwrap().parse().unwrap();
    (program, address("server"), address("admin"))
}

fn configuration(passport: SocketAddr) -> String {
    format!(
        r#"
        [server]
        listen = ["127.0.0.1:0"]

        [admin]
        listen = "127.0.0.1:0"

        [passport]
        environment = "custom"
        base_url = "http://{passport}"

        [breaker]
        open = "100ms"

        [telemetry]
        access_log = false

        [local]
        tenant = "acme"

        [tenants.acme]
        scopes = ["paas.core.*"]

        [credentials.acme]
        client_id = "sandbox-client"
        client_secret = "sandbox-secret"
        environment = "custom"
        "#
    )
}
