//! `[passport]`: Passport's hosts, and how they are spoken to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Uri};

/// One of Passport's hosts, as this environment knows it.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The catalogue's name for it.
    pub name: Arc<str>,
    /// Scheme, authority and an optional path prefix without trailing slash; none disables its operations.
    pub base: Option<Uri>,
    /// Where tokens for it are minted.
    pub token_url: Option<Uri>,
}

/// Passport, as seen from here.
#[derive(Clone, Debug)]
pub struct Passport {
    /// `sandbox`, `production` or `custom`.
    pub environment: Arc<str>,
    /// Indexed by the catalogue's `UpstreamId`.
    pub upstreams: Vec<Upstream>,
    /// Trusted roots in PEM; none takes the system's.
    pub ca_file: Option<PathBuf>,
    /// Egress proxy (CONNECT).
    pub proxy: Option<Uri>,
    /// For TCP and TLS together.
    pub connect_timeout: Duration,
    /// To the head of the answer.
    pub timeout: Duration,
    /// From the head to the last byte.
    pub stream_timeout: Duration,
    /// How long a pooled connection may stay idle.
    pub idle_timeout: Duration,
    /// How long a pooled connection may be reused.
    pub max_connection_age: Duration,
    /// Requests in flight per upstream.
    pub max_in_flight: usize,
    /// Header fields of the caller that go up besides the usual ones.
    pub forward_headers: Vec<HeaderName>,
}
