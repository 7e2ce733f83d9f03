//! A Passport that tells whom it answers and about what, and breaks now and then in every way it can.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Seconds that a token lives.
const LIFE: u64 = 2;
/// One request in so many meets a fault.
const FAULTY: u8 = 20;
/// Every so often nobody is there at all, for a while.
const AWAY_EVERY: Duration = Duration::from_secs(11);
const AWAY_FOR: Duration = Duration::from_millis(700);
/// An answer that must never reach anybody.
const FORGED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{\"tenant\":\"forged\",\"about\":\"forged\"}";

/// The upstream; it ends with this.
pub(super) struct Passport {
    pub(super) address: SocketAddr,
    seen: Arc<Seen>,
    folder: TempDir,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    /// Writes by their id: how often they arrived.
    writes: Mutex<BTreeMap<String, u32>>,
    faults: Mutex<BTreeMap<&'static str, u64>>,
    used_again: AtomicU64,
    is_calm: AtomicBool,
}

impl Passport {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let (shown, began) = (Arc::clone(&seen), Instant::now());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let since = began.elapsed().as_millis() % AWAY_EVERY.as_millis();
                if since < AWAY_FOR.as_millis() && began.elapsed() > AWAY_EVERY && !shown.is_calm.load(Relaxed) {
                    shown.count("away");
                    connections.abort_all();
                    continue;
                }
                connections.spawn(serve(BufReader::new(stream), Arc::clone(&shown)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, seen, folder: TempDir::new().unwrap(), _serving: serving }
    }

    /// A file that lives as long as this.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// No more faults.
    pub(super) fn calm(&self) {
        self.seen.is_calm.store(true, Relaxed);
    }

    /// The writes that arrived more than once.
    pub(super) fn sent_twice(&self) -> Vec<String> {
        self.seen.writes.lock().unwrap().iter().filter(|(_, count)| **count > 1).map(|(id, _)| id.clone()).collect()
    }

    /// How often a connection was used again after an answer that must end it.
    pub(super) fn used_again(&self) -> u64 {
        self.seen.used_again.load(Relaxed)
    }

    pub(super) fn faults(&self) -> u64 {
        self.seen.faults.lock().unwrap().values().sum()
    }
}

impl fmt::Debug for Passport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writes = self.seen.writes.lock().unwrap().len();
        f.debug_struct("Passport")
            .field("writes", &writes)
            .field("faults", &*self.seen.faults.lock().unwrap())
            .finish_non_exhaustive()
    }
}

impl Seen {
    fn count(&self, fault: &'static str) {
        *self.faults.lock().unwrap().entry(fault).or_default() += 1;
    }
}

async fn serve(mut stream: BufReader<TcpStream>, seen: Arc<Seen>) {
    // Whoever is away in the middle of an exchange ends it.
    while exchange(&mut stream, &seen).await.is_some() {}
}

/// One request and its answer; none if the connection ends.
async fn exchange(stream: &mut BufReader<TcpStream>, seen: &Seen) -> Option<()> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).await.ok().filter(|count| *count > 0)?;
    }
    let mut body = vec![0; field(&head, "content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).ok()?;
    let line = head.lines().next()?;
    let faulty = !seen.is_calm.load(Relaxed) && fastrand::u8(..FAULTY) == 0;
    if line.contains("/oauth/tokens") {
        let client = serde_json::from_str::<serde_json::Value>(&body).ok()?["client_id"].as_str()?.to_owned();
        let token = format!(r#"{{"access_token":"{client}.{}","token_type":"Bearer","expires_in":{LIFE}}}"#, fastrand::u64(..));
        let answer = if faulty { "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_owned() } else { ok(&token) };
        return stream.get_mut().write_all(answer.as_bytes()).await.ok();
    }
    if !line.starts_with("GET ") {
        let id = if body.is_empty() { line.to_owned() } else { body.clone() };
        *seen.writes.lock().unwrap().entry(id).or_default() += 1;
    }
    let tenant = field(&head, "authorization").trim_start_matches("Bearer ").split('.').next()?;
    let padding = " ".repeat(if fastrand::u8(..10) == 0 { fastrand::usize(..100_000) } else { fastrand::usize(..2000) });
    let about = format!("{line} {body}").replace('"', "'");
    let json = format!(r#"{{"tenant":"{tenant}","about":"{about}","request":"{}"}}{padding}"#, field(&head, "x-request-id"));
    if faulty {
        return broken(stream.get_mut(), seen, &json).await;
    }
    stream.get_mut().write_all(if fastrand::bool() { ok(&json) } else { chunked(&json) }.as_bytes()).await.ok()
}

/// Answers in a way that no caller must take for an answer; none if the connection ends with it.
async fn broken(stream: &mut TcpStream, seen: &Seen, json: &str) -> Option<()> {
    let good = ok(json);
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let short = ok(r#"{"tenant":"forged"}"#);
    let (name, bytes) = match fastrand::u8(..22) {
        0 => ("reset", String::new()),
        1 => ("close", String::new()),
        2 => ("half a head", "HTTP/1.1 200 OK\r\nContent-Le".to_owned()),
        3 => ("half a body", half(&good)),
        4 => ("half a chunked body", half(&chunked(json))),
        5 => ("garbage", "\u{16}\u{3}\u{1}garbage\r\n\r\n".to_owned()),
        6 => ("two answers", short + FORGED),
        7 => ("two lengths", good.replace("Content-Length", "Content-Length: 1\r\nContent-Length")),
        8 => ("length and coding", chunked("forged").replace("Transfer", "Content-Length: 6\r\nTransfer")),
        9 => ("bare line feeds", good.replace("\r\n", "\n")),
        10 => ("a storm", "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)),
        11 => ("a switch", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned()),
        12 => ("a long head", format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000))),
        13 => ("content without content", format!("HTTP/1.1 204 No Content\r\n\r\n{FORGED}")),
        14 => ("unasked 304", "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned()),
        15 => ("500", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned()),
        16 => ("502", "HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n".to_owned()),
        17 => ("503", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_owned()),
        18 => ("slow", String::new()),
        19 => ("hanging", String::new()),
        20 => ("dripping", String::new()),
        _ => ("chunks that are none", chunked("forged").replace("\r\n6\r\n", "\r\n5\r\n")),
    };
    seen.count(name);
    match name {
        "reset" => stream.set_zero_linger().ok()?,
        "slow" => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            return stream.write_all(good.as_bytes()).await.ok();
        }
        "hanging" => tokio::time::sleep(Duration::from_secs(1)).await,
        "dripping" => {
            for byte in good.as_bytes() {
                stream.write_all(&[*byte]).await.ok()?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        "500" | "502" | "503" => return stream.write_all(bytes.as_bytes()).await.ok(),
        _ => {
            stream.write_all(bytes.as_bytes()).await.ok()?;
            if name.starts_with("half") {
                return None;
            }
            // It stays open, and the gateway must not take it for good.
            let left = tokio::time::timeout(Duration::from_secs(2), stream.read_u8()).await;
            if matches!(left, Ok(Ok(_))) {
                seen.used_again.fetch_add(1, Relaxed);
            }
        }
    }
    None
}

fn ok(json: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}", json.len())
}

fn chunked(json: &str) -> String {
    let (a, b) = json.split_at(json.len() / 2);
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let chunks = if a.is_empty() || json.len() < 10 { chunk(json) } else { chunk(a) + &chunk(b) };
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
}

fn field<'a>(head: &'a str, name: &str) -> &'a str {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next().unwrap_or_default()
}
