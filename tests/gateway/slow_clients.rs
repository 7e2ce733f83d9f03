//! Callers that send or read slowly, or not at all, or too much: cut in time, in little memory, while good ones are served.

use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::scripted::{Scripted, ok};
use crate::support::until::until;
use crate::support::{Client, LOCAL, World};

mod bounds;
mod pace;

const STREAMED: &str = "GET /v1/payments/5a0d8c1e-0000-4000-8000-000000000001 HTTP/1.1\r\nHost: localhost\r\n\r\n";
const POST: &str = "POST /v1/payments/breb/confirm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

/// Sends `bytes` over and over, one each 20 ms, until the gateway closes; says how long that took.
async fn drip(server: std::net::SocketAddr, first: String, bytes: &'static [u8]) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    for byte in bytes.iter().cycle() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if stream.write_all(&[*byte]).await.is_err() || began.elapsed() > Duration::from_secs(30) {
            break;
        }
    }
    began.elapsed()
}
