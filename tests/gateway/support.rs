//! A real gateway before a real sandbox, on clocks that the test moves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use passport_gateway::clock::ManualClock;
use passport_gateway::config::{self, Config};
use passport_gateway::gateway::{Gateway, Surroundings};
use passport_gateway::identity::new_key;
use passport_gateway::sandbox::{Control, Options, Received, Sandbox};
use passport_gateway::server::{Signal, Unfinished};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::task::TaskTracker;

pub(crate) use self::client::{Answer, Client};

pub(crate) mod browser;
mod client;
pub(crate) mod filed;
pub(crate) mod frames;
pub(crate) mod issuer;
pub(crate) mod oidc_provider;
pub(crate) mod pki;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod redis;
pub(crate) mod scripted;
#[path = "../../src/testing/signer.rs"]
pub(crate) mod signer;
pub(crate) mod until;
pub(crate) mod way;

/// The wall time at which every world begins, in seconds since the epoch.
pub(crate) const BEGINNING: u64 = 1_800_000_000;

/// A gateway, the Passport behind it, and the clock of both.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) passport: Control,
    pub(crate) server: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) control: Option<SocketAddr>,
    stop: mpsc::UnboundedSender<Signal>,
    serving: JoinHandle<Unfinished>,
    _passport: Passport,
}

/// A sandbox of its own, which ends with this.
pub(crate) struct Passport {
    pub(crate) address: SocketAddr,
    pub(crate) control: Control,
    _serving: JoinSet<()>,
}

impl World {
    /// A gateway whose one tenant `acme` may do everything, with its app as the local caller.
    pub(crate) async fn new() -> Self {
        Self::with(LOCAL).await
    }

    /// A gateway whose configuration has these lines besides listeners and Passport's place. Lines of another table come as
    /// dotted keys before the first header.
    pub(crate) async fn with(lines: &str) -> Self {
        Self::at(clock(), lines).await
    }

    /// The same on a clock that others tell time by, too.
    pub(crate) async fn at(clock: ManualClock, lines: &str) -> Self {
        Self::begun(clock, Surroundings::default(), lines).await
    }

    /// The same within such a process.
    pub(crate) async fn within(surroundings: Surroundings, lines: &str) -> Self {
        Self::begun(clock(), surroundings, lines).await
    }

    async fn begun(clock: ManualClock, surroundings: Surroundings, lines: &str) -> Self {
        let passport = Passport::start(&clock).await;
        let config = parse(&format!("{}\n{lines}", places(passport.address, lines)));
        Self::served(clock, passport, surroundings, config)
    }

    /// A gateway with this configuration, within such a process.
    pub(crate) fn served(clock: ManualClock, passport: Passport, surroundings: Surroundings, config: Config) -> Self {
        let gateway = Gateway::bind_within(surroundings, config, Arc::new(clock.clone())).unwrap();
        let addresses = gateway.addresses();
        let tcp = |address: &passport_gateway::server::Address| address.tcp().unwrap();
        let (server, admin) = (tcp(&addresses.server[0]), tcp(&addresses.admin));
        let control = addresses.control.as_ref().and_then(passport_gateway::server::Address::tcp);
        let (stop, stopped) = mpsc::unbounded_channel();
        let serving = TaskTracker::new().spawn(async move { gateway.serve(stopped).await.unwrap() });
        Self { clock, passport: passport.control.clone(), server, admin, control, stop, serving, _passport: passport }
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

    /// Sends these very bytes on a connection of its own and reads one answer.
    pub(crate) async fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut client = self.client().await;
        client.send(request.as_ref()).await;
        client.answer(false).await.expect("an answer")
    }

    /// What arrived at Passport for operations, token requests left out, oldest first.
    pub(crate) fn arrived(&self) -> Vec<Received> {
        arrived(&self.passport)
    }

    /// The one request that arrived at Passport for an operation.
    pub(crate) fn sent_up(&self) -> Received {
        let mut arrived = self.arrived();
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        arrived.remove(0)
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

    /// The value of a sample once all requests of this connection are counted: that happens after an answer's last byte, and
    /// before the next request is taken from the connection.
    pub(crate) async fn metric_after(&self, client: &mut Client, sample: &str) -> f64 {
        client.get("/").await;
        self.metric(sample).await
    }

    /// Sends the gateway a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.stop.send(signal).unwrap();
    }

    /// Waits until the gateway has ended.
    pub(crate) async fn ended(self) -> Unfinished {
        self.serving.await.unwrap()
    }
}

impl Passport {
    pub(crate) async fn start(clock: &ManualClock) -> Self {
        let options = Options { clock: Arc::new(clock.clone()), ..Options::default() };
        let sandbox = Sandbox::bind(options).await.unwrap();
        let (address, control) = (sandbox.address(), sandbox.control());
        let mut serving = JoinSet::new();
        serving.spawn(sandbox.serve(std::future::pending()));
        Self { address, control, _serving: serving }
    }
}

/// What arrived at a sandbox for operations, oldest first.
pub(crate) fn arrived(passport: &Control) -> Vec<Received> {
    passport.requests().into_iter().filter(|request| request.path != "/v1/iam/oauth/tokens").collect()
}

/// A clock that stands at the beginning.
pub(crate) fn clock() -> ManualClock {
    ManualClock::starting_at(UNIX_EPOCH + Duration::from_secs(BEGINNING))
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

/// Listeners, Passport's place and the like, but for what `lines` set themselves.
fn places(passport: SocketAddr, lines: &str) -> String {
    let base_url = format!("\"http://{passport}\"");
    let places = [
        ("server.listen", "[\"127.0.0.1:0\"]"),
        ("server.workers", "2"),
        ("admin.listen", "\"127.0.0.1:0\""),
        ("lifecycle.pre_drain", "\"0s\""),
        ("passport.environment", "\"custom\""),
        ("passport.base_url", &base_url),
        // A chapter that is not about keys sends none.
        ("idempotency.required_for", "\"none\""),
    ];
    let is_set = |key: &str| lines.contains(key) || (key.starts_with("idempotency") && lines.contains("idempotency"));
    let unset = places.iter().filter(|(key, _)| !is_set(key));
    unset.map(|(key, value)| format!("{key} = {value}\n")).collect()
}

fn parse(text: &str) -> Config {
    match config::parse(text, "test.toml".as_ref(), &|_| None) {
        Ok(loaded) => loaded.config,
        Err(report) => panic!("{}", report.render(false)),
    }
}

/// An API key of `acme`'s with these scopes, and the configuration that knows it.
pub(crate) fn keyed(scopes: &str) -> (String, String) {
    let (key, sha256) = new_key();
    let lines = format!(
        r#"
[[api_keys]]
id = "orders-app"
sha256 = "{sha256}"
tenant = "acme"
scopes = [{scopes}]

[tenants.acme]
scopes = ["paas.core.*"]

[credentials.acme]
client_id = "sandbox-client"
client_secret = "sandbox-secret"
environment = "custom"
"#
    );
    (key, lines)
}
