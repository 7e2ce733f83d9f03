//! What a hit costs: CPU time of the one worker per request over sockets, beside a bare hyper server that answers the same bytes.
//!
//! CPU time is the thread's own, from the kernel's accounts, so that neither the caller nor other processes are counted. Bare server
//! and gateway take turns; of each the best turn counts, and the median is told.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on says so, and prints what it found"
)]

use std::convert::Infallible;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use passport_gateway::clock::SystemClock;
use passport_gateway::config;
use passport_gateway::gateway::Gateway;
use passport_gateway::identity::new_key;
use tokio::runtime::Builder;
use tokio_util::task::TaskTracker;

const REQUESTS: u32 = 20_000;
const TURNS: usize = 9;
const CONNECTIONS: usize = 16;
/// How much more a hit may cost, in microseconds.
const ALLOWED: f64 = 2.0;

fn main() {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if filter.is_none_or(|filter| "cache/hit".contains(&filter)) {
        measure();
    }
}

fn measure() {
    let accounts = [r#"{"id":"6c23f053-0e1a-46b4-b902-97ba47e351bc","status":"ACTIVE","balance":"1000.00"}"#; 12];
    let list = format!(r#"{{"accounts":[{}]}}"#, accounts.join(","));
    let passport = passport(list.clone());
    let (key, gateway) = gateway(passport);
    let request = format!("GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n");
    let miss = ask(&mut TcpStream::connect(gateway).unwrap(), &request);
    let hit = ask(&mut TcpStream::connect(gateway).unwrap(), &request);
    assert!(
        miss.text().contains("fwd=uri-miss; stored") && hit.text().contains("cache-status: passport-gateway; hit"),
        "{}",
        hit.text()
    );
    assert_eq!(hit.body, list.as_bytes());
    let bare = bare(hit.fields(), hit.body.clone());
    assert_eq!(ask(&mut TcpStream::connect(bare).unwrap(), &request).body, hit.body);

    let turns: Vec<_> = (0..TURNS).map(|_| (turn("bare", bare, &request), turn("worker-0", gateway, &request))).collect();
    let (bare, hit): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
    let (bare, hit) = (Figures::of(bare), Figures::of(hit));
    println!("cache/bare   best {:.2} µs, median {:.2} µs of CPU per request", bare.best, bare.median);
    println!("cache/hit    best {:.2} µs, median {:.2} µs", hit.best, hit.median);
    let verdict = if hit.best - bare.best <= ALLOWED { "within" } else { "beyond" };
    println!(
        "cache/above  best {:.2} µs, median {:.2} µs: {verdict} the {ALLOWED} µs allowed",
        hit.best - bare.best,
        hit.median - bare.median
    );
}

struct Figures {
    best: f64,
    median: f64,
}

impl Figures {
    fn of(mut turns: Vec<f64>) -> Self {
        turns.sort_by(f64::total_cmp);
        Self { best: turns[0], median: turns[turns.len() / 2] }
    }
}

/// CPU microseconds that a thread takes per request.
fn turn(thread: &str, server: SocketAddr, request: &str) -> f64 {
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| TcpStream::connect(server).unwrap()).collect();
    for connection in &mut connections {
        ask(connection, request);
    }
    let before = cpu(thread);
    for _ in 0..REQUESTS as usize / CONNECTIONS {
        for connection in &mut connections {
            connection.write_all(request.as_bytes()).unwrap();
        }
        for connection in &mut connections {
            Answer::read(connection);
        }
    }
    cpu(thread).saturating_sub(before).as_secs_f64() * 1e6 / f64::from(REQUESTS)
}

/// The CPU time that the threads of this name have taken.
fn cpu(name: &str) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let nanos = tasks.filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)).map(|task| {
        let accounts = fs::read_to_string(task.join("schedstat")).unwrap();
        accounts.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}

struct Answer {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Answer {
    fn read(stream: &mut TcpStream) -> Self {
        let (mut bytes, mut buffer) = (Vec::with_capacity(4096), [0; 8192]);
        loop {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the server closes: {}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&buffer[..count]);
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) else { continue };
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length: usize = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap().parse().unwrap();
            if bytes.len() >= end + length {
                let body = bytes.split_off(end);
                return Self { head: bytes, body };
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    /// The fields that the bare server is to answer, too.
    fn fields(&self) -> HeaderMap {
        let text = self.text();
        let lines = text.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())).collect()
    }
}

fn ask(stream: &mut TcpStream, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).unwrap();
    Answer::read(stream)
}

/// Serves on a thread of this name, on a runtime of its own.
fn serve(name: &str, answer: impl Fn(&Request<Incoming>) -> Response<Full<Bytes>> + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let serving = async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let connections = TaskTracker::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let answer = answer.clone();
            let service = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(&request))));
            let serve = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            connections.spawn(async move { _ = serve.await });
        }
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(serving)).unwrap();
    address
}

/// A hyper server that answers these very bytes and knows nothing else.
fn bare(fields: HeaderMap, body: Vec<u8>) -> SocketAddr {
    let body = Bytes::from(body);
    serve("bare", move |_| {
        let mut response = Response::new(Full::new(body.clone()));
        *response.headers_mut() = fields.clone();
        response
    })
}

/// A Passport that mints tokens and lists accounts.
fn passport(list: String) -> SocketAddr {
    serve("passport", move |request| {
        let token = r#"{"access_token":"bench","token_type":"Bearer","expires_in":86400}"#;
        let text = if request.uri().path().contains("/iam/") { token.to_owned() } else { list.clone() };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
        response
    })
}

/// A gateway with one worker, and an API key for it.
fn gateway(passport: SocketAddr) -> (String, SocketAddr) {
    let (key, sha256) = new_key();
    let text = format!(
        "server = {{ listen = [\"127.0.0.1:0\"], workers = 1 }}\nadmin.listen = \"127.0.0.1:0\"\n\
         passport = {{ environment = \"custom\", base_url = \"http://{passport}\" }}\n\
         operations.list_accounts.cache_ttl = \"1h\"\ntelemetry.access_log = false\nidempotency.required_for = \"none\"\n\
         [[api_keys]]\nid = \"bench\"\nsha256 = \"{sha256}\"\ntenant = \"acme\"\nscopes = [\"paas.core.*\"]\n\
         [tenants.acme]\nscopes = [\"paas.core.*\"]\n\
         rate_limit = {{ requests = 1000000, per = \"1s\", burst = 1000000 }}\n\
         [credentials.acme]\nclient_id = \"bench\"\nclient_secret = \"bench-secret\"\nenvironment = \"custom\"\n"
    );
    let config =
        config::parse(&text, "bench.toml".as_ref(), &|_| None).unwrap_or_else(|report| panic!("{}", report.render(false))).config;
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let gateway = Gateway::bind(config, SystemClock::shared()).unwrap();
            sender.send(gateway.addresses().server[0].tcp().unwrap()).unwrap();
            gateway.serve(tokio::sync::mpsc::unbounded_channel().1).await.map(drop).unwrap();
        });
    });
    (key, receiver.recv().unwrap())
}
