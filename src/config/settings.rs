//! The validated configuration, one struct per part of the gateway.

use std::path::PathBuf;
use std::sync::Arc;

use crate::catalogue::{Catalogue, Modes};

pub use self::audit::{Audit, AuditPlace, WhenFull};
pub use self::callers::{ApiKey, Issuer, KeySource, Local, TenantFrom};
pub use self::client::{CertificateName, Client};
pub use self::credential::{Credential, SecretSource, TokenRequest};
pub(super) use self::idempotency::sharing_a_credential;
pub use self::idempotency::{Idempotency, RequiredFor, SharedBy, WhenUnavailable};
pub use self::lifecycle::{Lifecycle, Readiness};
pub use self::listeners::{Admin, Control, Http2, Listen, Server};
pub use self::passport::{Passport, Upstream};
pub use self::store::{Redis, Sharing, Store};
pub use self::telemetry::{LogFormat, Otlp, Telemetry};
pub use self::tenant::{ClassLimit, Limit, Tenant};
pub use self::tls::Tls;
pub use self::tuning::{Breaker, Cache, Retry};

mod audit;
mod callers;
mod client;
mod credential;
mod idempotency;
mod lifecycle;
mod listeners;
mod passport;
mod store;
mod telemetry;
mod tenant;
mod tls;
mod tuning;

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
    /// `[audit]`.
    pub audit: Option<Audit>,
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
