//! The load: keep-alive connections that send, wait, check every byte of the answer, and send again.
//!
//! At a fixed rate a request's latency counts from when it was due, if the connection was still busy then: a slow answer is not
//! excused by the requests it delayed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;
use crate::answer::Answer;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    address: SocketAddr,
    /// Path and query.
    #[arg(long)]
    target: String,
    /// A file of bearer tokens, one a line, used in turn.
    #[arg(long)]
    tokens: PathBuf,
    /// Bytes that each answer must have, as the stand-in for Passport makes them.
    #[arg(long)]
    bytes: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Ends after so many requests, whatever the time: each token is used once.
    #[arg(long)]
    requests: Option<usize>,
    /// Requests a second over all connections; as fast as answers come if not given.
    #[arg(long)]
    rate: Option<f64>,
    /// Opens the connections, makes one request on each, says so, and holds them until standard input ends.
    #[arg(long)]
    hold: bool,
}

/// What came back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    pub requests: u64,
    pub seconds: f64,
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

struct Plan {
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    body: Vec<u8>,
    next: AtomicUsize,
    limit: usize,
    start: Instant,
    end: Instant,
    /// Between two requests of one connection.
    interval: Option<Duration>,
}

pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if options.hold {
        return runtime.block_on(hold(options));
    }
    let outcome = runtime.block_on(drive(options))?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

async fn hold(options: &Options) -> Result<()> {
    let plan = plan(options)?;
    let mut held = Vec::new();
    for _ in 0..options.connections {
        let mut stream = TcpStream::connect(plan.address).await?;
        exchange(&plan, &mut stream, &mut Answer::default(), 0).await?;
        held.push(stream);
    }
    println!("held");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

async fn drive(options: &Options) -> Result<Outcome> {
    let plan = Arc::new(plan(options)?);
    let mut connections = JoinSet::new();
    for number in 0..options.connections {
        connections.spawn(connection(Arc::clone(&plan), number, options.connections));
    }
    let mut all = Histogram::<u64>::new(3)?;
    while let Some(ended) = connections.join_next().await {
        all.add(ended??)?;
    }
    Ok(Outcome {
        requests: all.len(),
        seconds: plan.start.elapsed().as_secs_f64(),
        p50_us: all.value_at_quantile(0.5) / 1000,
        p99_us: all.value_at_quantile(0.99) / 1000,
        max_us: all.max() / 1000,
    })
}

fn plan(options: &Options) -> Result<Plan> {
    let tokens = std::fs::read_to_string(&options.tokens)?;
    let start = Instant::now();
    Ok(Plan {
        address: options.address,
        requests: tokens.lines().map(|token| request(&options.target, token)).collect(),
        body: crate::upstream::body(options.bytes),
        next: AtomicUsize::new(0),
        limit: options.requests.unwrap_or(usize::MAX),
        start,
        end: start + if options.requests.is_some() { Duration::from_secs(600) } else { Duration::from_secs_f64(options.seconds) },
        interval: options.rate.map(|rate| Duration::from_secs_f64(options.connections as f64 / rate)),
    })
}

fn request(target: &str, token: &str) -> Vec<u8> {
    format!(
        "GET {target} HTTP/1.1\r\nHost: gateway.internal\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
}

async fn connection(plan: Arc<Plan>, number: usize, of: usize) -> Result<Histogram<u64>> {
    let mut latencies = Histogram::new(3)?;
    let mut stream = TcpStream::connect(plan.address).await?;
    stream.set_nodelay(true)?;
    let mut answer = Answer::default();
    let mut due = plan.start + plan.interval.unwrap_or_default().mul_f64(number as f64 / of as f64);
    while Instant::now() < plan.end {
        let turn = plan.next.fetch_add(1, Ordering::Relaxed);
        if turn >= plan.limit {
            break;
        }
        let begun = match plan.interval {
            Some(interval) => begin(&mut due, interval).await,
            None => Instant::now(),
        };
        exchange(&plan, &mut stream, &mut answer, turn).await?;
        latencies.record(u64::try_from(begun.elapsed().as_nanos())?)?;
    }
    Ok(latencies)
}

/// Waits until the next request is due; from when its latency counts.
async fn begin(due: &mut Instant, interval: Duration) -> Instant {
    let this = *due;
    *due += interval;
    if Instant::now() > this {
        return this;
    }
    tokio::time::sleep_until(this.into()).await;
    Instant::now()
}

/// A wrong answer is no answer: it fails the run.
async fn exchange(plan: &Plan, stream: &mut TcpStream, answer: &mut Answer, turn: usize) -> Result<()> {
    stream.write_all(&plan.requests[turn % plan.requests.len()]).await?;
    answer.read(stream).await?;
    if answer.status() != b"200" || answer.body() != plan.body {
        let body = String::from_utf8_lossy(answer.body());
        return Err(format!("a wrong answer to request {turn}:\n{}{}", answer.head(), body.get(..500).unwrap_or(&body)).into());
    }
    Ok(())
}
