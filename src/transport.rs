//! Connections to the outside: name, TCP, egress proxy and TLS under one time limit, and a client for single requests.

pub use self::answers::{Answers, Flaw, Guarded, Watch};
pub use self::client::{Client, FetchError};
pub use self::connector::{Connect, ConnectError, Connector};
pub use self::handshake::{Driver, handshake};
pub use self::origin::{Origin, OriginError};
pub use self::proxy::{Proxy, ProxyError};
pub use self::resolve::Names;
pub use self::stream::{Stream, Wire};
pub use self::trust::{Trust, TrustError};

mod answers;
mod client;
mod connector;
mod handshake;
mod origin;
mod proxy;
mod resolve;
mod stream;
mod trust;

/// How the gateway names itself to those it calls.
pub const USER_AGENT: &str = concat!("passport-gateway/", env!("CARGO_PKG_VERSION"));
