//! Authentication over a scripted identity provider, on a clock that the test moves.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Uri};
use jsonwebtoken::Algorithm;
use serde_json::json;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::config::{self, Config, KeySource, TenantFrom};
use crate::metrics::Metrics;
use crate::snapshot::Snapshot;
use crate::tenant::TenantName;
use crate::testing::signer::{Signer, jwks};
use crate::testing::{self, config, wall};
use crate::transport::FetchError;

mod endpoint;
mod layer;
mod refreshing;
mod sources;

const ISSUER: &str = "https://id.test";
const REFRESH: Duration = Duration::from_mins(10);

type Answer = Result<Bytes, KeysError>;

/// An identity provider whose every answer the test gives.
#[derive(Clone)]
struct Scripted(mpsc::UnboundedSender<(Uri, oneshot::Sender<Answer>)>);

impl KeyEndpoint for Scripted {
    async fn get(&self, url: &Uri) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.0.send((url.clone(), answer)).expect("the test listens");
        answered.await.unwrap_or(Err(FetchError::Timeout.into()))
    }
}

/// Everything of a gateway that authentication needs.
struct House {
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
    keys: Arc<IssuerKeys>,
    keepers: KeyKeepers,
    snapshots: Arc<Snapshots>,
    failures: Arc<Failures>,
    asked: Mutex<mpsc::UnboundedReceiver<(Uri, oneshot::Sender<Answer>)>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl House {
    /// A gateway that trusts one issuer, whose first fetch is about to begin.
    fn trusting(source: KeySource) -> Self {
        let issuer = config::Issuer {
            issuer: ISSUER.to_owned(),
            audience: vec!["passport-gateway".to_owned()],
            algorithms: vec![Algorithm::EdDSA],
            keys: source,
            refresh: REFRESH,
            tenant: TenantFrom::Fixed(TenantName::new("acme")),
        };
        let config = Config { issuers: vec![issuer], local: None, ..config() };
        let (clock, metrics) = (testing::clock(), Arc::new(Metrics::new()));
        let keys = Arc::new(IssuerKeys::new(&config.issuers));
        let snapshots = testing::snapshots(config.clone(), clock.clone());
        let (ask, asked) = mpsc::unbounded_channel();
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let refresh = KeyRefresh::new(keys.clone(), snapshots.clone(), Scripted(ask), clock.clone(), metrics.clone());
        let keepers = refresh.spawn(&config.issuers, &tasks, &shutdown);
        let failures = Arc::new(Failures::new(clock.clone(), &metrics));
        Self { clock, metrics, keys, keepers, snapshots, failures, asked: Mutex::new(asked), tasks, shutdown }
    }

    /// The same with keys at a URL, which were fetched.
    async fn knowing(keys: &[&Signer]) -> Self {
        let house = Self::trusting(KeySource::JwksUrl("https://id.test/jwks.json".parse().unwrap()));
        house.publish(keys).await;
        house.keys.attempted().await;
        house
    }

    /// Waits until the identity provider is asked.
    async fn asked(&self) -> (Uri, oneshot::Sender<Answer>) {
        self.asked.lock().await.recv().await.unwrap()
    }

    /// Waits until the identity provider is asked, and answers.
    async fn answer(&self, answer: Answer) -> Uri {
        let (url, asked) = self.asked().await;
        let ended = self.ended();
        asked.send(answer).unwrap_or_else(|_| panic!("nobody waits for the answer"));
        self.until_past(ended).await;
        url
    }

    /// Waits until the identity provider is asked, and answers with these keys.
    fn publish<'a>(&'a self, keys: &[&Signer]) -> impl Future<Output = ()> + use<'a> {
        let set = set(keys);
        async { drop(self.answer(Ok(set)).await) }
    }

    /// Attempts that have ended, as the metrics count them.
    fn ended(&self) -> u64 {
        ["ok", "unreachable", "invalid"].iter().map(|result| self.refreshes(result)).sum()
    }

    async fn until_past(&self, ended: u64) {
        self.keys.issuer(IssuerId::of(&self.snapshots.config().issuers[0])).unwrap().past(ended).await;
    }

    fn status(&self) -> KeyStatus {
        self.keys.status().remove(0)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.load()
    }

    fn layer(&self) -> Authenticate<Inner> {
        let (snapshots, keys, failures) = (self.snapshots.clone(), self.keys.clone(), self.failures.clone());
        AuthenticateLayer::new(snapshots, keys, failures, self.clock.clone()).layer(Inner)
    }

    /// What becomes of a request with this token.
    fn call<'a>(&'a self, token: &str) -> impl Future<Output = Result<Response, Refusal>> + use<'a> {
        let (layer, request) = (self.layer(), self.request(token));
        async move { layer.call(request).await }
    }

    fn request(&self, token: &str) -> Routed {
        let mut arrival = testing::arrival(Method::GET, "/v1/payments", "");
        arrival.head.headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        arrival.peer = crate::peer::Peer { address: Some([192, 0, 2, 1].into()), local: false, certificate: None };
        testing::routed(&self.snapshots, arrival)
    }

    fn refreshes(&self, result: &str) -> u64 {
        self.metrics.jwks_refreshes_total.with(crate::metrics::KeyResult { issuer: ISSUER, result }).get()
    }
}

/// Answers whoever is authenticated and may.
struct Inner;

impl Service<Authenticated> for Inner {
    type Error = Refusal;

    async fn call(&self, request: Authenticated) -> Result<Response, Refusal> {
        request.authorize().map(|_| Response::default())
    }
}

fn set(keys: &[&Signer]) -> Bytes {
    jwks(&keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()).into()
}

/// A good token, but for its key perhaps.
fn token(signer: &Signer) -> String {
    let expires = wall() + Duration::from_hours(7 * 24);
    let expires = expires.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    signer.token(&json!({"iss": ISSUER, "aud": "passport-gateway", "sub": "app", "exp": expires, "scope": "paas.core.*"}))
}

fn unreachable() -> Answer {
    Err(FetchError::Timeout.into())
}
