//! `[server]`, `[admin]` and `[control]`: where it listens, and what a connection may take.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{SecretSource, Tls};

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP socket; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A Unix socket, written `unix:/path`.
    Unix(PathBuf),
}

impl Listen {
    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

/// The listeners for callers, and what one connection may take.
#[derive(Clone, Debug)]
pub struct Server {
    /// Every address to listen on.
    pub listen: Vec<Listen>,
    /// Whether another gateway may listen on the same addresses at the same time.
    pub reuse_port: bool,
    /// Accepted `Host` names, lower case, without port; empty accepts any.
    pub hosts: Vec<String>,
    /// Worker threads; 0 is one per core the process may use.
    pub workers: usize,
    /// Open connections, over all workers.
    pub max_connections: usize,
    /// Bytes of request line and header fields.
    pub max_header_bytes: usize,
    /// Bytes of a request body.
    pub max_body_bytes: usize,
    /// From a head's first byte to its last.
    pub header_timeout: Duration,
    /// For the whole of a request body.
    pub body_timeout: Duration,
    /// Bytes of a body that must come in each second, on average.
    pub min_body_rate: usize,
    /// How long a connection may be idle between requests.
    pub idle_timeout: Duration,
    /// TLS; none serves plain HTTP.
    pub tls: Option<Tls>,
    /// HTTP/2; none if only HTTP/1.1 is spoken.
    pub http2: Option<Http2>,
}

/// `[server.http2]`: what one HTTP/2 connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2 {
    /// Requests under way at a time.
    pub max_concurrent_streams: u32,
    /// Bytes of one request's body that may come before they are read.
    pub stream_window: u32,
    /// The same for all requests of a connection.
    pub connection_window: u32,
    /// Requests that were reset before they were looked at, at a time.
    pub max_pending_resets: usize,
    /// Resets in a row, by either side, that no answered request makes up for.
    pub max_resets: usize,
    /// How often a quiet peer is asked whether it is there.
    pub keep_alive: Duration,
}

impl Http2 {
    /// Safe for callers that nobody knows.
    pub const SAFE: Self = Self {
        max_concurrent_streams: 100,
        stream_window: 64 << 10,
        connection_window: 1 << 20,
        max_pending_resets: 20,
        max_resets: 100,
        keep_alive: Duration::from_mins(1),
    };
}

/// The read-only listener for probes and scrapes.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Its address.
    pub listen: Listen,
}

/// The listener that changes things.
#[derive(Clone, Debug)]
pub struct Control {
    /// Its address: a Unix socket, or loopback.
    pub listen: Listen,
    /// What its callers show; always there on loopback.
    pub token: Option<SecretSource>,
}
