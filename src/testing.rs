//! Requests at every stage, for the tests of single layers: made by the real transitions, since there is no other way.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderValue, Method, Request as HttpRequest};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::ledger::Ledger;

use crate::catalogue::{Catalogue, Modes};
use crate::clock::{ManualClock, SharedClock};
use crate::config::{self, Config};
use crate::exchange::Exchange;
use crate::identity::{Attempts, KeyRing};
use crate::peer::Peer;
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::snapshot::Snapshots;
use crate::stage::{Arrival, Authorized, Request, Routed, Validated};
use crate::store::{Limiters, Replicas};
use crate::tenant::{CredentialName, TenantName};

pub(crate) mod ledger;
pub(crate) mod signer;

/// No bound on failed attempts.
pub(crate) struct Unbounded;

impl Attempts for Unbounded {
    fn admit(&self, _peer: &Peer) -> Result<(), Refusal> {
        Ok(())
    }

    fn failed(&self, _peer: &Peer) {}
}

static CATALOGUE: LazyLock<Arc<Catalogue>> =
    LazyLock::new(|| Arc::new(Catalogue::embedded(&crate::catalogue::raw::Named::default()).unwrap()));

/// The instant at which tests begin, on the wall.
pub(crate) fn wall() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(500_000)
}

/// A clock that stands at [`wall`].
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at(wall()))
}

/// The embedded catalogue, one tenant `acme` that may do everything, and its app as the local caller.
pub(crate) fn config() -> Config {
    let catalogue = Arc::clone(&CATALOGUE);
    let upstreams = catalogue.upstreams().iter().map(|upstream| config::Upstream {
        name: Arc::clone(&upstream.name),
        base: Some("http://upstream.test".parse().unwrap()),
        token_url: Some("http://upstream.test/v1/iam/oauth/tokens".parse().unwrap()),
    });
    let upstreams = upstreams.collect();
    Config {
        server: config::Server {
            listen: vec![config::Listen::Tcp("127.0.0.1:0".parse().unwrap())],
            reuse_port: false,
            hosts: Vec::new(),
            workers: 1,
            max_connections: 100,
            max_header_bytes: 32 * 1024,
            max_body_bytes: 256 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            min_body_rate: 1024,
            idle_timeout: Duration::from_mins(2),
            tls: None,
            http2: Some(config::Http2::SAFE),
        },
        admin: config::Admin { listen: config::Listen::Tcp("127.0.0.1:0".parse().unwrap()) },
        control: None,
        lifecycle: config::Lifecycle {
            readiness: config::Readiness::Attempted,
            pre_drain: Duration::ZERO,
            drain: Duration::from_secs(20),
        },
        passport: config::Passport {
            environment: "custom".into(),
            upstreams,
            ca_file: None,
            proxy: None,
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(15),
            stream_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_secs(30),
            max_connection_age: Duration::from_mins(5),
            max_in_flight: 512,
            forward_headers: Vec::new(),
        },
        issuers: Vec::new(),
        api_keys: Vec::new(),
        clients: Vec::new(),
        local: Some(config::Local { tenant: TenantName::new("acme"), scopes: None }),
        tenants: vec![tenant("acme")],
        credentials: vec![credential("acme")],
        validation: Modes::default(),
        cache: config::Cache { max_bytes: 64 << 20, stale_while_revalidate: Duration::ZERO, stale_if_error: Duration::ZERO },
        retry: config::Retry { attempts: 2, budget: 0.1 },
        breaker: config::Breaker { failures: 0.5, minimum: 20, window: Duration::from_secs(10), open: Duration::from_secs(5) },
        store: config::Store::Embedded,
        audit: None,
        idempotency: idempotency(),
        telemetry: config::Telemetry { log: "info".to_owned(), access_log: 0.0, format: config::LogFormat::Text, otlp: None },
        catalogue,
        overrides: config::Overrides::default(),
    }
}

/// No records are kept, and no key is required.
pub(crate) fn idempotency() -> config::Idempotency {
    config::Idempotency {
        path: None,
        required_for: config::RequiredFor::None,
        retention: Duration::from_hours(24),
        unknown_retention: Duration::from_hours(7 * 24),
        encryption_key: None,
        lock_wait: Duration::ZERO,
        lease: Duration::from_secs(10),
        wait: Duration::ZERO,
        max_records: 1000,
        max_bytes: 1 << 20,
        shared_by: config::SharedBy::Tenant,
        forward_header: None,
        when_unavailable: config::WhenUnavailable::Refuse,
    }
}

/// A tenant that may do everything, with the credential of its name.
pub(crate) fn tenant(name: &str) -> config::Tenant {
    config::Tenant {
        name: TenantName::new(name),
        credential: CredentialName::new(name),
        scopes: vec!["paas.core.*".parse().unwrap()],
        scope_shadow_until: None,
        rate_limit: None,
        class_limits: Vec::new(),
        caller_limit: None,
    }
}

/// A credential with secrets of its own.
pub(crate) fn credential(name: &str) -> config::Credential {
    let secret = |kind: &str| config::SecretSource::Literal(Secret::new(format!("{name}-{kind}")));
    config::Credential {
        name: CredentialName::new(name),
        client_id: secret("id"),
        client_secret: secret("secret"),
        token_request: config::TokenRequest::Json,
        revoke_on_shutdown: false,
        account: name.into(),
        quota: None,
    }
}

/// The same, with limits that are kept in `ledger`, too.
pub(crate) fn sharing(config: Config, clock: SharedClock, ledger: &Arc<Ledger>, mode: config::Sharing) -> Arc<Snapshots> {
    let replicas = Replicas::new(ledger.clone(), mode, 0.25, TaskTracker::new());
    Arc::new(Snapshots::with(Arc::new(config), KeyRing::default(), clock, Limiters::shared(replicas)))
}

/// The snapshots of a configuration, on `clock`.
pub(crate) fn snapshots(config: Config, clock: SharedClock) -> Arc<Snapshots> {
    Arc::new(Snapshots::new(Arc::new(config), KeyRing::default(), clock))
}

/// A request of the local app as it comes from the connection.
pub(crate) fn arrival(method: Method, target: &str, body: &'static str) -> Arrival {
    let request = HttpRequest::builder().method(method).uri(target).header("host", "localhost");
    let request = if body.is_empty() { request } else { request.header("content-type", "application/json") };
    let (head, ()) = request.body(()).unwrap().into_parts();
    Arrival {
        head,
        body: Bytes::from_static(body.as_bytes()).into(),
        peer: Peer { address: None, local: true, certificate: None },
        flaw: None,
    }
}

/// The same, routed by `snapshots`.
pub(crate) fn routed(snapshots: &Snapshots, arrival: Arrival) -> Routed {
    let exchange = Exchange::new(HeaderValue::from_static("test"), Instant::now());
    Request::observed(arrival, exchange).route(snapshots.load()).unwrap()
}

/// The same, authorized as the local app.
pub(crate) fn authorized(snapshots: &Snapshots, arrival: Arrival) -> Authorized {
    routed(snapshots, arrival).authenticate(wall(), &Unbounded).unwrap().authorize().unwrap()
}

/// The same, validated.
pub(crate) fn validated(snapshots: &Snapshots, arrival: Arrival) -> Validated {
    let body = arrival.body.held().cloned().unwrap_or_default();
    authorized(snapshots, arrival).validate(body, Instant::now()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_reaches_the_last_stage_by_its_transitions() {
        let snapshots = snapshots(config(), clock());

        let list = validated(&snapshots, arrival(Method::GET, "/v1/payments?status=SETTLED", ""));

        assert_eq!(&*list.operation().name, "list_payments");
        assert_eq!(list.target().as_str(), "/v1/payments?status=SETTLED");
        assert_eq!(list.tenant().name.as_str(), "acme");
    }
}
