//! A real gateway before a real sandbox, on clocks that the test moves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use passport_gateway::clock::ManualClock;
use passport_gateway::config::{self, Config};
use passport_gateway::gateway::Gateway;
use passport_gateway::sandbox::{Control, Options, Sandbox};
use passport_gateway::server::{Signal, Unfinished};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub(crate) use self::client::{Answer, Client};

mod client;

/// A gateway, the Passport behind it, and the clock of both.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) passport: Control,
    pub(crate) server: SocketAddr,
    pub(crate) admin: SocketAddr,
    stop: mpsc::UnboundedSender<Signal>,
    served: JoinHandle<Unfinished>,
    _sandbox: oneshot::Sender<()>,
}

impl World {
    /// A gateway whose one tenant `acme` may do everything, with its app as the local caller.
    pub(crate) async fn new() -> Self {
        Self::with(LOCAL).await
    }

    /// A gateway whose configuration has these lines besides listeners and Passport's place.
    pub(crate) async fn with(lines: &str) -> Self {
        let wall = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let clock = ManualClock::starting_at(wall);
        let options = Options { clock: Arc::new(clock.clone()), ..Options::default() };
        let sandbox = Sandbox::bind(options).await.unwrap();
        let (address, passport) = (sandbox.address(), sandbox.control());
        let (keep, ended) = oneshot::channel::<()>();
        tokio::spawn(sandbox.serve(async { drop(ended.await) }));
        Self::before(address, lines, clock, passport, keep)
    }

    fn before(address: SocketAddr, lines: &str, clock: ManualClock, passport: Control, keep: oneshot::Sender<()>) -> Self {
        let config = parse(&format!("{}\n{lines}", places(address)));
        let gateway = Gateway::bind(config, Arc::new(clock.clone())).unwrap();
        let addresses = gateway.addresses();
        let tcp = |address: &passport_gateway::server::Address| address.to_string().parse().unwrap();
        let (server, admin) = (tcp(&addresses.server[0]), tcp(&addresses.admin));
        let (stop, stopped) = mpsc::unbounded_channel();
        let served = tokio::spawn(gateway.serve(stopped));
        Self { clock, passport, server, admin, stop, served, _sandbox: keep }
    }

    /// A connection of a caller.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.server).await
    }

    /// Sends a GET on a connection of its own.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.client().await.get(target).await
    }

    /// Sends a POST of JSON on a connection of its own.
    pub(crate) async fn post(&self, target: &str, body: &str) -> Answer {
        self.client().await.post(target, body).await
    }

    /// A page of the admin listener.
    pub(crate) async fn admin(&self, target: &str) -> Answer {
        Client::connect(self.admin).await.get(target).await
    }

    /// The value of a sample of `/metrics`, zero if there is none.
    pub(crate) async fn metric(&self, sample: &str) -> f64 {
        let text = self.admin("/metrics").await.text();
        let value = text.lines().find_map(|line| line.strip_prefix(sample)?.trim().parse().ok());
        value.unwrap_or(0.0)
    }

    /// Sends the gateway a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.stop.send(signal).unwrap();
    }

    /// Waits until the gateway has ended.
    pub(crate) async fn ended(self) -> Unfinished {
        self.served.await.unwrap()
    }
}

/// The local app as `acme`, which may do everything.
pub(crate) const LOCAL: &str = r#"
[local]
tenant = "acme"

[tenants.acme]
scopes = ["paas.core.*"]

[credentials.acme]
client_id = "sandbox-client"
client_secret = "sandbox-secret"
environment = "custom"
"#;

fn places(passport: SocketAddr) -> String {
    format!(
        r#"
        server.listen = ["127.0.0.1:0"]
        server.workers = 2
        admin.listen = "127.0.0.1:0"
        lifecycle.pre_drain = "0s"
        passport.environment = "custom"
        passport.base_url = "http://{passport}"
        "#
    )
}

fn parse(text: &str) -> Config {
    match config::parse(text, "test.toml".as_ref(), &|_| None) {
        Ok(loaded) => loaded.config,
        Err(report) => panic!("{}", report.render(false)),
    }
}
