//! The validated configuration, one struct per part of the gateway.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Uri};
use jsonwebtoken::Algorithm;

use crate::catalogue::{Catalogue, Effect, Modes};
use crate::rate::Rate;
use crate::scope::Grant;
use crate::secret::Secret;
use crate::tenant::{CredentialName, TenantName};

pub use self::client::{CertificateName, Client};
pub(super) use self::idempotency::sharing_a_credential;
pub use self::idempotency::{Idempotency, RequiredFor, SharedBy, WhenUnavailable};
pub use self::store::{Redis, Sharing, Store};
pub use self::tls::Tls;

mod client;
mod idempotency;
mod store;
mod tls;

/// A configuration without faults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The catalogue, with the file's overrides applied.
    pub catalogue: Arc<Catalogue>,
    /// What the file says about the catalogue.
    pub overrides: Overrides,
    /// `[server]`.
    pub server: Server,
    /// `[admin]`.
    pub admin: Admin,
    /// `[control]`.
    pub control: Option<Control>,
    /// `[lifecycle]`.
    pub lifecycle: Lifecycle,
    /// `[passport]`.
    pub passport: Passport,
    /// `[[issuers]]`.
    pub issuers: Vec<Issuer>,
    /// `[[api_keys]]`.
    pub api_keys: Vec<ApiKey>,
    /// `[[clients]]`.
    pub clients: Vec<Client>,
    /// `[local]`.
    pub local: Option<Local>,
    /// `[tenants.*]`, by name.
    pub tenants: Vec<Tenant>,
    /// `[credentials.*]`, by name.
    pub credentials: Vec<Credential>,
    /// `[validation]`.
    pub validation: Modes,
    /// `[cache]`.
    pub cache: Cache,
    /// `[retry]`.
    pub retry: Retry,
    /// `[breaker]`.
    pub breaker: Breaker,
    /// `[store]`.
    pub store: Store,
    /// `[idempotency]`.
    pub idempotency: Idempotency,
    /// `[telemetry]`.
    pub telemetry: Telemetry,
}

/// What a configuration changes about the embedded catalogue, kept as it was written so that it can be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `catalogue`: the file that replaces it.
    pub catalogue: Option<PathBuf>,
    /// `[operations.*]`, by name.
    pub operations: Vec<Override>,
}

/// What a configuration changes about one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The operation's name.
    pub operation: Arc<str>,
    /// Keys and values in TOML.
    pub settings: Vec<(String, String)>,
}

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

/// When the gateway counts as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Every credential and issuer has ended its first attempt, either way.
    Attempted,
    /// At least one credential has a token.
    Any,
    /// Every credential has a token and every issuer its keys.
    All,
}

/// Start and stop.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// What makes `/readyz` answer 200.
    pub readiness: Readiness,
    /// After SIGTERM: not ready, still serving.
    pub pre_drain: Duration,
    /// Then: how long in-flight work may take to finish.
    pub drain: Duration,
}

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

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWK set fetched and refreshed.
    JwksUrl(Uri),
    /// A JWK set in a file.
    JwksFile(PathBuf),
    /// The issuer's `/.well-known/openid-configuration` names the JWK set.
    Discovery(Uri),
    /// A public key in PEM.
    PublicKey(PathBuf),
}

/// How an issuer's tokens name their tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantFrom {
    /// A claim holds it.
    Claim(String),
    /// The issuer serves one tenant.
    Fixed(TenantName),
}

/// An issuer of callers' tokens.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The exact `iss`.
    pub issuer: String,
    /// Accepted `aud` values.
    pub audience: Vec<String>,
    /// Accepted signature algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys come from.
    pub keys: KeySource,
    /// How often fetched keys are renewed.
    pub refresh: Duration,
    /// How tokens name their tenant.
    pub tenant: TenantFrom,
}

/// A caller with an API key.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The key's name, safe to log.
    pub id: String,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
    /// Whom it acts for.
    pub tenant: TenantName,
    /// What it may do.
    pub scopes: Vec<Grant>,
    /// When it ends; none lasts.
    pub expires: Option<std::time::SystemTime>,
}

/// The sidecar's own app, which sends no identity.
#[derive(Clone, Debug)]
pub struct Local {
    /// Whom it acts for.
    pub tenant: TenantName,
    /// What it may do; the default is all that its tenant may.
    pub scopes: Option<Vec<Grant>>,
}

/// A rate that is enforced, or only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it admits.
    pub rate: Rate,
    /// Counted, but not enforced.
    pub shadow: bool,
    /// By up to so much those who are refused are told to wait longer, so that they do not all come back at once.
    pub jitter: Duration,
}

/// Limits by class of operations.
#[derive(Clone, Debug)]
pub struct ClassLimit {
    /// The operations it counts.
    pub effect: Effect,
    /// What it admits.
    pub limit: Limit,
}

/// A tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// The credential its requests go up with.
    pub credential: CredentialName,
    /// What its callers may do at most.
    pub scopes: Vec<Grant>,
    /// Until when a missing scope refuses no read, but is counted; none: it always refuses.
    pub scope_shadow_until: Option<std::time::SystemTime>,
    /// Its own limit; none is unlimited.
    pub rate_limit: Option<Limit>,
    /// Limits on classes of operations, checked first.
    pub class_limits: Vec<ClassLimit>,
    /// The limit of each of its callers; none is unlimited.
    pub caller_limit: Option<Limit>,
}

/// How the token endpoint wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRequest {
    /// A JSON body (Passport).
    Json,
    /// A form with client id and secret (RFC 6749 §2.3.1).
    Form,
    /// A form, client id and secret in Basic authentication (RFC 6749 §2.3.1).
    Basic,
}

/// Where a secret is kept; read again whenever it is needed anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file; a trailing newline is not part of the secret.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// In the configuration itself.
    Literal(Secret),
}

/// A set of Passport client id and secret.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its name.
    pub name: CredentialName,
    /// OAuth client id.
    pub client_id: SecretSource,
    /// OAuth client secret.
    pub client_secret: SecretSource,
    /// How tokens are asked for.
    pub token_request: TokenRequest,
    /// Credentials of one Passport account share invalidation.
    pub account: Arc<str>,
    /// The budget toward Passport.
    pub quota: Option<Limit>,
    /// Whether tokens are revoked at the end.
    pub revoke_on_shutdown: bool,
}

/// The response cache.
#[derive(Clone, Copy, Debug)]
pub struct Cache {
    /// Bytes over all entries, keys and overhead included; 0 is off.
    pub max_bytes: u64,
    /// How long a stale entry may be served while it is renewed (RFC 5861 §3).
    pub stale_while_revalidate: Duration,
    /// How long a stale entry may be served when renewing fails (RFC 5861 §4).
    pub stale_if_error: Duration,
}

/// Retries of what is safe to resend.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Retries after the first attempt.
    pub attempts: u32,
    /// Retries per request, over ten seconds: 0.1 is one in ten.
    pub budget: f64,
}

/// The circuit breaker of each upstream.
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    /// The share of failures that opens it.
    pub failures: f64,
    /// Requests in the window before it may open.
    pub minimum: u32,
    /// The window over which it counts.
    pub window: Duration,
    /// How long it stays open.
    pub open: Duration,
}

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Logs.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// The filter, as `tracing` reads it.
    pub log: String,
    /// One line per request.
    pub access_log: bool,
    /// How lines look.
    pub format: LogFormat,
    /// Where traces go, if anywhere.
    pub otlp: Option<Otlp>,
}

/// An OpenTelemetry collector.
#[derive(Clone, Debug)]
pub struct Otlp {
    /// Its base URL: spans go to `v1/traces` below it.
    pub endpoint: Uri,
    /// The share of traces that is sampled, of those that begin here; callers decide about theirs.
    pub ratio: f64,
}

impl Otlp {
    /// Where spans go (OTLP/HTTP, "OTLP/HTTP Request").
    #[must_use]
    pub fn traces(&self) -> Uri {
        let base = self.endpoint.to_string();
        format!("{}/v1/traces", base.trim_end_matches('/')).parse().expect("a valid URL without a query, and a path below it")
    }
}
