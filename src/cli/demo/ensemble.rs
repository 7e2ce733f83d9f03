//! Sandbox, issuer and gateway together: each bound, told of the others, and stopped in order.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::callers::{Callers, CallersError};
use super::client::NotReady;
use super::configuration::{self, ANYWHERE, ConfigurationError, Values, preferably};
use super::folder::Folder;
use super::issuer::{Issuer, IssuerError};
use crate::clock::SystemClock;
use crate::gateway::{Gateway, StartError};
use crate::sandbox::{self, Client, Control, Sandbox};
use crate::secret::Secret;
use crate::server::Signal;
use crate::telemetry::{self, Logs, TelemetryError};

/// What differs between a visit and a tour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    gateway: SocketAddr,
    admin: SocketAddr,
    /// How long Passport's tokens live.
    token_ttl: Duration,
    /// How long a payment takes until it is settled.
    settle_after: Duration,
    /// Whether the gateway's log lines are shown.
    log: bool,
}

/// Where everything is, and who may call.
#[derive(Clone)]
pub(super) struct Venue {
    /// The gateway's URL, for callers.
    pub(super) gateway: String,
    /// The URL of its admin listener.
    pub(super) admin: String,
    /// The sandbox's URL.
    pub(super) sandbox: String,
    /// The issuer's URL.
    pub(super) issuer: String,
    /// The gateway's configuration.
    pub(super) configuration: PathBuf,
    /// The callers.
    pub(super) callers: Callers,
    /// A look behind the sandbox's scenes.
    pub(super) passport: Control,
    /// How long Passport's tokens live.
    pub(super) token_ttl: Duration,
}

/// The three, bound; issuer and sandbox serve already.
pub(super) struct Ensemble {
    gateway: Gateway,
    venue: Venue,
    others: JoinSet<()>,
    folder: Folder,
    logs: Option<Logs>,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartFailure {
    #[error("the system gives no runtime: {0}")]
    Runtime(io::Error),
    #[error("its folder cannot be made: {0}")]
    Folder(io::Error),
    #[error("the sandbox cannot listen: {0}")]
    Sandbox(io::Error),
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    #[error(transparent)]
    Callers(#[from] CallersError),
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Gateway(#[from] StartError),
    #[error(transparent)]
    NotReady(#[from] NotReady),
}

impl Plan {
    /// The gateway stands where one would look for it, if there is room, and things happen at Passport's pace.
    pub(super) fn visit() -> Self {
        Self {
            gateway: preferably(8080),
            admin: preferably(9901),
            token_ttl: Duration::from_mins(10),
            settle_after: Duration::from_secs(3),
            log: true,
        }
    }

    /// The gateway stands anywhere, and Passport's tokens live so shortly that the tour sees them expire.
    pub(super) fn tour() -> Self {
        Self {
            gateway: ANYWHERE,
            admin: ANYWHERE,
            token_ttl: Duration::from_secs(3),
            settle_after: Duration::from_millis(300),
            log: false,
        }
    }
}

impl Ensemble {
    /// Starts all three.
    pub(super) async fn bind(plan: Plan) -> Result<Self, StartFailure> {
        let folder = Folder::create().map_err(StartFailure::Folder)?;
        let clients = [client(), client()];
        for (credential, client) in ["acme", "reports"].into_iter().zip(&clients) {
            configuration::write_secrets(&folder, credential, client)?;
        }
        let sandbox = Sandbox::bind(passport(&plan, &clients)).await.map_err(StartFailure::Sandbox)?;
        let issuer = Issuer::bind().await?;
        let callers = Callers::make(&issuer, &folder, &SystemClock)?;
        let (sandbox_url, issuer_url, passport) = (format!("http://{}", sandbox.address()), issuer.name(), sandbox.control());
        let mut others = JoinSet::new();
        others.spawn(sandbox.serve(std::future::pending()));
        others.spawn(issuer.serve());

        let mut values = Values {
            gateway: plan.gateway.to_string(),
            admin: plan.admin.to_string(),
            sandbox: &sandbox_url,
            issuer: &issuer_url,
            api_key_sha256: &callers.job_sha256,
        };
        let logs = if plan.log { Some(telemetry::begin(&configuration::load(&folder, &values)?.telemetry)?) } else { None };
        let gateway = gateway(&folder, &mut values)?;
        let configuration = configuration::write(&folder, &values)?;
        let venue = Venue {
            gateway: format!("http://{}", values.gateway),
            admin: format!("http://{}", values.admin),
            sandbox: sandbox_url,
            issuer: issuer_url,
            configuration,
            callers,
            passport,
            token_ttl: plan.token_ttl,
        };
        Ok(Self { gateway, venue, others, folder, logs })
    }

    /// Where everything is.
    pub(super) fn venue(&self) -> &Venue {
        &self.venue
    }

    /// Serves until the gateway was told to stop and has; what it depends on ends after it.
    ///
    /// What a visitor left unfinished is no failure of the demo.
    pub(super) async fn serve(self, stop: UnboundedReceiver<Signal>) -> Result<(), StartFailure> {
        let Self { gateway, mut others, folder, logs, .. } = self;
        let served = gateway.serve(stop).await;
        others.shutdown().await;
        drop((folder, logs));
        Ok(served.map(drop)?)
    }
}

/// The gateway with this configuration, which is told the addresses that it got.
fn gateway(folder: &Folder, values: &mut Values<'_>) -> Result<Gateway, StartFailure> {
    let config = configuration::load(folder, values)?;
    let gateway = match Gateway::bind(config, SystemClock::shared()) {
        // A port that was free a moment ago is so no more.
        Err(StartError::Bind(_)) => {
            (values.gateway, values.admin) = (ANYWHERE.to_string(), ANYWHERE.to_string());
            Gateway::bind(configuration::load(folder, values)?, SystemClock::shared())?
        }
        bound => bound?,
    };
    let addresses = gateway.addresses();
    values.admin = addresses.admin.to_string();
    values.gateway = addresses.server.first().map(ToString::to_string).unwrap_or_default();
    Ok(gateway)
}

/// The sandbox of this plan; its ids and tokens differ from run to run.
fn passport(plan: &Plan, clients: &[Client]) -> sandbox::Options {
    sandbox::Options {
        seed: fastrand::u64(..),
        token_ttl: plan.token_ttl,
        settle_after: plan.settle_after,
        clients: clients.to_vec(),
        ..sandbox::Options::default()
    }
}

/// A client with an account of its own, which may do everything.
fn client() -> Client {
    let account = uuid::Builder::from_random_bytes(random()).into_uuid();
    Client {
        client_id: URL_SAFE_NO_PAD.encode(random::<12>()),
        client_secret: Secret::new(URL_SAFE_NO_PAD.encode(random::<32>())),
        account_id: account.to_string(),
        ..Client::demo()
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system has randomness, or there would be no TLS either");
    bytes
}
