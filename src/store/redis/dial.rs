//! Connections to Redis: our own sockets and TLS, its protocol by the library.

use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::config::{self, RedisUrl, RedisUrlError, SecretError, SecretSource};
use crate::transport::{Connect, ConnectError, Connector, Origin, OriginError, Stream, Trust, TrustError};

/// What connecting and the first words may take together.
const PATIENCE: Duration = Duration::from_secs(1);

/// Commands that may wait to be sent: as many as requests may be in flight; the library's own fifty would make them queue.
const QUEUE: usize = 16 * 1024;

/// Makes connections to the Redis that the configuration names.
pub(super) struct Dial {
    url: SecretSource,
    connector: Connector,
    /// What a key of ours begins with.
    prefix: String,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("{0}")]
    Secret(#[from] SecretError),
    #[error("the URL {0}")]
    Url(#[from] RedisUrlError),
    #[error("{0}")]
    Origin(#[from] OriginError),
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    Refused(#[from] RedisError),
    #[error("no answer in time")]
    Late,
}

impl Dial {
    pub(super) fn new(settings: &config::Redis) -> Result<Self, TrustError> {
        let url = settings.url.load().ok().and_then(|url| RedisUrl::parse(url.expose()).ok());
        let trust = match &settings.ca_file {
            Some(file) => Trust::File(file.clone()),
            None if url.is_some_and(|url| !url.tls) => Trust::Nothing,
            None => Trust::System,
        };
        let connector = Connector::new(&trust, None, PATIENCE)?.without_alpn();
        Ok(Self { url: settings.url.clone(), connector, prefix: settings.prefix.clone() })
    }

    /// A connection for commands, and what drives it on this runtime.
    pub(super) async fn commands(&self, background: &TaskTracker) -> Result<(MultiplexedConnection, JoinHandle<()>), DialError> {
        let connected = async {
            let (stream, info) = self.stream().await?;
            let config = AsyncConnectionConfig::new().set_response_timeout(None).set_pipeline_buffer_size(QUEUE);
            let (connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config).await?;
            Ok((connection, background.spawn(driver)))
        };
        timeout(PATIENCE, connected).await.unwrap_or(Err(DialError::Late))
    }

    /// A connection for one subscription.
    pub(super) async fn subscribed(&self, channel: &str) -> Result<PubSub, DialError> {
        let connected = async {
            let (stream, info) = self.stream().await?;
            let mut subscription = PubSub::new(&info, stream).await?;
            subscription.subscribe(channel).await?;
            Ok(subscription)
        };
        timeout(PATIENCE, connected).await.unwrap_or(Err(DialError::Late))
    }

    /// A command that only a Redis answers well that takes our writes: a full one, a replica or one that is loading does not.
    pub(super) fn probe(&self) -> redis::Cmd {
        let mut probe = redis::cmd("SET");
        probe.arg(format!("{}probe", self.prefix)).arg(1).arg("PX").arg(10_000);
        probe
    }

    async fn stream(&self) -> Result<(Stream, RedisConnectionInfo), DialError> {
        let url = RedisUrl::parse(self.url.load()?.expose())?;
        let stream = self.connector.connect(&origin(&url)?).await?;
        let mut info = RedisConnectionInfo::default().set_db(url.database);
        if let Some(user) = &url.user {
            info = info.set_username(user);
        }
        if let Some(password) = &url.password {
            info = info.set_password(password.expose());
        }
        Ok((stream, info))
    }
}

fn origin(url: &RedisUrl) -> Result<Origin, OriginError> {
    let scheme = if url.tls { "https" } else { "http" };
    let host = if url.host.contains(':') { format!("[{}]", url.host) } else { url.host.clone() };
    Origin::of(&format!("{scheme}://{host}:{}", url.port).parse().map_err(|_| OriginError::Host)?)
}
