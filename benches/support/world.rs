//! A worker's whole stack, with all that it shares, on a runtime of one thread before a Passport in memory.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use passport_gateway::clock::SystemClock;
use passport_gateway::config::Config;
use passport_gateway::gateway::share;
use passport_gateway::peer::Peer;
use passport_gateway::server::{Limits, serve_connection};
use passport_gateway::service::Service;
use passport_gateway::stack::stack;
use passport_gateway::stage::Arrival;
use passport_gateway::upstream::destination::Destinations;
use passport_gateway::upstream::forward::Forward;
use passport_gateway::upstream::pool::Pool;
use tokio::io::DuplexStream;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::passport::Passport;

/// The answer to a request: its status, what the cache did, and the whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) cache: String,
    pub(crate) body: Bytes,
}

type Call = Box<dyn Fn(Arrival) -> Pin<Box<dyn Future<Output = Answer>>>>;
type Open = Box<dyn Fn() -> DuplexStream>;

/// The stack and its runtime.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    call: Call,
    open: Open,
    _ended: DropGuard,
}

impl World {
    /// A worker of a gateway with this configuration, ready: its keys are loaded and its tokens minted.
    pub(crate) fn new(config: Config) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let ended = CancellationToken::new();
        let (call, open) = runtime.block_on(worker(config, &ended));
        Self { runtime, call, open, _ended: ended.drop_guard() }
    }

    /// Opens a connection to the gateway, on a pipe.
    pub(crate) fn connection(&self) -> DuplexStream {
        let _entered = self.runtime.enter();
        (self.open)()
    }

    /// Sends a request through the whole stack and reads the answer to its end.
    pub(crate) fn answer(&self, arrival: Arrival) -> Answer {
        self.runtime.block_on((self.call)(arrival))
    }
}

async fn worker(config: Config, ended: &CancellationToken) -> (Call, Open) {
    let (passport, background, tasks) = (Arc::new(Passport::default()), TaskTracker::new(), TaskTracker::new());
    let destinations = Destinations::new(&config.passport.upstreams).unwrap();
    let clock = SystemClock::shared();
    let (shared, _) = share(config, &passport, (*passport).clone(), &destinations, clock, &background, ended).unwrap();
    shared.keys.attempted().await;
    shared.tokens.attempted().await;
    let passport_settings = &shared.config.passport;
    let pool = Pool::new(&passport, &destinations, passport_settings, &background, &shared.metrics);
    let forward = Forward::new(pool, &[], passport_settings.stream_timeout, Arc::clone(&shared.metrics));
    let limits = Arc::new(Limits::new(&shared.config.server, passport_settings.stream_timeout));
    let stack = Arc::new(stack(&shared, tasks, forward));
    let (served, connections, drain) = (Arc::clone(&stack), background.clone(), ended.clone());
    let open = move || {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let peer = Peer { address: None, local: true, certificate: None };
        connections.spawn(serve_connection(far, peer, Arc::clone(&served), Arc::clone(&limits), drain.clone()));
        near
    };
    let call = move |arrival| -> Pin<Box<dyn Future<Output = Answer>>> {
        let stack = Arc::clone(&stack);
        Box::pin(async move {
            let Ok(response) = stack.call(arrival).await;
            let (head, body) = response.into_parts();
            let cache = head.headers.get("cache-status").map_or("", |value| value.to_str().unwrap()).to_owned();
            Answer { status: head.status, cache, body: body.collect().await.unwrap().to_bytes() }
        })
    };
    (Box::new(call), Box::new(open))
}
