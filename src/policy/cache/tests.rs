//! The cache layer over an upstream that the test plays itself, one call at a time.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tower_layer::Layer;

use super::*;
use crate::clock::ManualClock;
use crate::config;
use crate::metrics::Metrics;
use crate::refusal::Sent;
use crate::snapshot::Snapshots;
use crate::tenant::{CredentialName, TenantName};
use crate::testing::{arrival, clock, credential, snapshots, tenant, validated};

mod bounds;
mod coalescing;
mod invalidation;
mod memory;
mod model;
mod reading;
mod renewal;
mod stale;
mod told;

const LIST: &str = "/v1/accounts";
const PAYMENTS: &str = "/v1/payments";
const ACCOUNT: &str = "/v1/accounts/6c23f053-0e1a-46b4-b902-97ba47e351bc";
/// The catalogue's TTL of all three.
const TTL: Duration = Duration::from_secs(5);

/// Building the catalogue takes longer than most tests.
static BASE: LazyLock<config::Config> = LazyLock::new(crate::testing::config);

/// A cache, the tenants that use it, and the upstream below it.
struct Bench {
    service: Arc<Cache<Upstream>>,
    calls: mpsc::UnboundedReceiver<Call>,
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    acme: Arc<Snapshots>,
    globex: Arc<Snapshots>,
    /// Of acme's account, with a credential of its own.
    initech: Arc<Snapshots>,
    /// With acme's credential.
    umbrella: Arc<Snapshots>,
    /// Acme, after a reload that gave it initech's credential.
    moved: Arc<Snapshots>,
}

/// The upstream, as the cache sees it: every call waits for the test to answer it.
struct Upstream(mpsc::UnboundedSender<Call>);

/// A call to the upstream.
struct Call {
    request: Validated,
    reply: oneshot::Sender<Result<Response, Refusal>>,
}

/// What a caller got.
struct Reply {
    answer: Result<(StatusCode, HeaderMap, Result<Bytes, crate::body::Cut>), Refusal>,
    cache: Option<CacheStatus>,
    waited: Duration,
}

impl Service<Validated> for Upstream {
    type Error = Refusal;

    async fn call(&self, request: Validated) -> Result<Response, Refusal> {
        let (reply, answered) = oneshot::channel();
        self.0.send(Call { request, reply }).expect("the bench outlives its calls");
        answered.await.unwrap_or(Err(Refusal::UpstreamUnreachable(Sent::Something)))
    }
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(adjust: impl Fn(&mut config::Config)) -> Self {
        let clock = clock();
        let mut config = BASE.clone();
        config.tenants = vec![tenant("acme"), tenant("globex"), tenant("initech"), tenant("umbrella")];
        config.tenants[3].credential = CredentialName::new("acme");
        let initech = config::Credential { account: "acme".into(), ..credential("initech") };
        config.credentials = vec![credential("acme"), credential("globex"), initech];
        adjust(&mut config);
        let with = |config: &config::Config, local: &str| {
            let local = Some(config::Local { tenant: TenantName::new(local), scopes: None });
            snapshots(config::Config { local, ..config.clone() }, clock.clone())
        };
        let [acme, globex, initech, umbrella] = ["acme", "globex", "initech", "umbrella"].map(|tenant| with(&config, tenant));
        config.tenants[0].credential = CredentialName::new("initech");
        let moved = with(&config, "acme");
        let (upstream, calls) = mpsc::unbounded_channel();
        let (metrics, tasks) = (Arc::new(Metrics::new()), TaskTracker::new());
        let cache = ResponseCache::new(config.cache, &config.passport.forward_headers, clock.clone(), &metrics, tasks.clone());
        Self {
            service: Arc::new(CacheLayer::new(Arc::new(cache)).layer(Upstream(upstream))),
            calls,
            metrics,
            tasks,
            acme,
            globex,
            initech,
            umbrella,
            moved,
            clock,
        }
    }

    /// Makes a request that goes on by itself.
    fn send(&self, request: Validated) -> JoinHandle<Reply> {
        let service = Arc::clone(&self.service);
        self.tasks.spawn(async move {
            let exchange = request.exchange().clone();
            let answer = match service.call(request).await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let body = body.collect().await.map(http_body_util::Collected::to_bytes);
                    Ok((head.status, head.headers, body))
                }
                Err(refusal) => Err(refusal),
            };
            Reply { answer, cache: exchange.cache().cloned(), waited: exchange.waited() }
        })
    }

    fn get(&self, target: &str) -> JoinHandle<Reply> {
        self.get_with(target, &[])
    }

    fn get_with(&self, target: &str, lines: &[(&'static str, &str)]) -> JoinHandle<Reply> {
        self.send(request(&self.acme, Method::GET, target, lines))
    }

    /// Begins a payment, which names payments, accounts and QR codes.
    fn pay(&self) -> JoinHandle<Reply> {
        self.send(request(&self.acme, Method::POST, "/v1/payments/breb", &[]))
    }

    /// The next call to the upstream.
    async fn asked(&mut self) -> Call {
        tokio::time::timeout(Duration::from_millis(1), self.calls.recv()).await.expect("the upstream is asked").unwrap()
    }

    /// Lets everything that can go on go on; nobody must have asked the upstream.
    async fn quiet(&mut self) {
        settle().await;
        assert!(self.calls.try_recv().is_err(), "the upstream was asked");
    }

    /// A request that is answered by the upstream.
    async fn miss(&mut self, target: &str, response: Response) -> Reply {
        let reply = self.get(target);
        self.asked().await.answer(response);
        reply.await.unwrap()
    }

    /// A request that is answered without the upstream.
    async fn hit(&mut self, target: &str) -> Reply {
        self.hit_with(target, &[]).await
    }

    async fn hit_with(&mut self, target: &str, lines: &[(&'static str, &str)]) -> Reply {
        let reply = self.get_with(target, lines);
        self.quiet().await;
        assert!(reply.is_finished(), "the request waits");
        reply.await.unwrap()
    }

    /// Asserts that a request goes to the upstream, and answers it.
    async fn goes_up_with(&mut self, target: &str, lines: &[(&'static str, &str)]) -> Reply {
        let reply = self.get_with(target, lines);
        self.asked().await.answer(ok("new"));
        reply.await.unwrap()
    }

    async fn goes_up(&mut self, target: &str) -> Reply {
        self.goes_up_with(target, &[]).await
    }
}

impl Call {
    fn answer(self, response: Response) {
        // A caller that has left does not listen.
        let _ = self.reply.send(Ok(response));
    }

    fn refuse(self, refusal: Refusal) {
        let _ = self.reply.send(Err(refusal));
    }
}

impl Reply {
    fn status(&self) -> StatusCode {
        self.answer.as_ref().unwrap().0
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.answer.as_ref().unwrap().1.get(name).map(|value| value.to_str().unwrap())
    }

    fn body(&self) -> &Bytes {
        self.answer.as_ref().unwrap().2.as_ref().unwrap()
    }

    fn result(&self) -> CacheResult {
        self.cache.as_ref().expect("the cache told what it did").result
    }

    /// `Cache-Status` without this cache's name.
    fn told(&self) -> String {
        self.cache.as_ref().expect("the cache told what it did").field().to_str().unwrap().replacen("passport-gateway; ", "", 1)
    }

    fn stored(&self) -> bool {
        self.cache.as_ref().unwrap().stored
    }

    fn refusal(&self) -> &Refusal {
        self.answer.as_ref().expect_err("the request was refused")
    }
}

/// A request of a tenant's own app.
fn request(tenant: &Arc<Snapshots>, method: Method, target: &str, lines: &[(&'static str, &str)]) -> Validated {
    let body = if method == Method::POST { PAYMENT } else { "" };
    let mut arrival = arrival(method, target, body);
    for (name, value) in lines {
        arrival.head.headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    validated(tenant, arrival)
}

const PAYMENT: &str = r#"{"account_id":"6c23f053-0e1a-46b4-b902-97ba47e351bc","resolution_id":"6c23f053-0e1a-46b4-b902-97ba47e351bc","amount":{"value":"1","currency":"COP"}}"#;

fn ok(body: &'static str) -> Response {
    Response::new(Bytes::from_static(body.as_bytes()).into())
}

fn answer(status: u16, body: &'static str) -> Response {
    let mut response = ok(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn with(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    response
}

/// On a paused runtime time moves only once every task waits for something else.
async fn settle() {
    tokio::time::sleep(Duration::from_micros(1)).await;
}
