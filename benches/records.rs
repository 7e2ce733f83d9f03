//! What keys cost: nothing to requests that need no record, and to writes the disk's own pace, which many share.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a bench that cannot go on says so")]

mod support;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::HeaderValue;
use passport_gateway::body::Body;
use passport_gateway::clock::{Clock, SystemClock};
use passport_gateway::config::Config;
use passport_gateway::exchange::Exchange;
use passport_gateway::metrics::Metrics;
use passport_gateway::policy::authenticate::Failures;
use passport_gateway::policy::idempotency::{Idempotency, IdempotencyLayer, Idempotent, Store};
use passport_gateway::refusal::Refusal;
use passport_gateway::service::{Response, Service};
use passport_gateway::snapshot::Snapshots;
use passport_gateway::stage::{Arrival, Request, Validated};
use passport_gateway::store::records::embedded::{self, Settings};
use passport_gateway::store::records::{Answer, Begun, Claim, Ending, Inbox, Name, Outcome, Records, Retention, Trace};
use support::callers::Callers;
use support::requests::{CUSTOMER, GET_PAYMENT, get, post};
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;
use tower_layer::Layer;

/// The pace that is promised, what it may add, and for how long it is kept here.
const PER_SECOND: u32 = 200;
const PROMISED: Duration = Duration::from_millis(10);
const SECONDS: u32 = 10;

/// Answers at once.
struct Upstream;

impl Service<Validated> for Upstream {
    type Error = Refusal;

    async fn call(&self, _: Validated) -> Result<Response, Refusal> {
        Ok(Response::new(Body::default()))
    }
}

/// The layer over an upstream, and the inbox of a store that nobody should ask.
struct Bench {
    snapshots: Snapshots,
    failures: Failures,
    layered: Idempotent<Upstream>,
    inbox: Inbox,
}

impl Bench {
    fn new(callers: &Callers) -> Self {
        let config: Arc<Config> = Arc::new(support::configuration(callers, "idempotency.required_for = \"none\""));
        let keys = callers.key_ring(&config.issuers[0]);
        let (records, inbox) = Records::new();
        let store = Store { records, had: oneshot::channel().1 };
        let metrics = Arc::new(Metrics::new());
        let policy = Idempotency::new(&config.idempotency, &config.passport.environment, Some(store), metrics);
        Self {
            snapshots: Snapshots::new(config, keys, SystemClock::shared()),
            failures: Failures::new(SystemClock::shared(), &Metrics::new()),
            layered: IdempotencyLayer::new(Arc::new(policy), TaskTracker::new()).layer(Upstream),
            inbox,
        }
    }

    fn validated(&self, arrival: Arrival) -> Validated {
        let exchange = Exchange::new(HeaderValue::from_static("bench"), Instant::now());
        let routed = Request::observed(arrival, exchange).route(self.snapshots.load()).unwrap();
        let Ok(authenticated) = routed.authenticate(SystemClock.wall(), &self.failures) else { panic!("a valid token") };
        let mut authorized = authenticated.authorize().unwrap();
        let body = authorized.take_body().held().cloned().unwrap_or_default();
        authorized.validate(body, Instant::now()).unwrap()
    }
}

/// Polls a call once, which is all that it takes here; a runtime would box a future of this size in some builds.
fn call(service: &impl Service<Validated, Error = Refusal>, request: Validated) -> Response {
    service.call(request).now_or_never().expect("there is nothing to wait for").unwrap()
}

/// A read, and a write without a key where none is required.
fn keyless(callers: &Callers) -> [(&'static str, Arrival); 2] {
    [("read", get(GET_PAYMENT, &callers.token)), ("write", post("/v1/customers", &callers.token, CUSTOMER))]
}

/// Fails unless requests that need no record allocate no more with the layer than without it, and no store is asked.
fn prove_free(bench: &mut Bench, callers: &Callers) {
    for (name, _) in keyless(callers) {
        let request = || bench.validated(keyless(callers).into_iter().find(|(other, _)| *other == name).unwrap().1);
        let [with, without] = [request(), request()];
        let layered = allocation_counter::measure(|| drop(call(&bench.layered, with)));
        let bare = allocation_counter::measure(|| drop(call(&Upstream, without)));
        assert_eq!((layered.count_total, layered.bytes_total), (bare.count_total, bare.bytes_total), "{name} allocates");
        println!("records/{name}: {} allocations with the layer, {} without", layered.count_total, bare.count_total);
    }
    assert!(bench.inbox.try_recv().is_err(), "the store was asked");
}

fn free(criterion: &mut Criterion) {
    let callers = Callers::new();
    let mut bench = Bench::new(&callers);
    prove_free(&mut bench, &callers);
    let mut group = criterion.benchmark_group("records");
    for at in 0..2 {
        let request = || bench.validated(keyless(&callers).into_iter().nth(at).unwrap().1);
        let name = keyless(&callers)[at].0;
        group.bench_function(format!("{name}/layer"), |bencher| {
            bencher.iter_batched(request, |request| call(&bench.layered, request), BatchSize::SmallInput);
        });
        group.bench_function(format!("{name}/bare"), |bencher| {
            bencher.iter_batched(request, |request| call(&Upstream, request), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn in_file(folder: &Path) -> Records {
    let settings = Settings {
        path: folder.join("records.redb"),
        key: None,
        retention: Retention { done: 86_400_000, unknown: 604_800_000 },
        max_records: 200_000,
        max_bytes: 256 << 20,
        lock_wait: Duration::ZERO,
    };
    let (records, inbox) = Records::new();
    drop(embedded::start(settings, inbox, records.board(), SystemClock::shared()).unwrap());
    records
}

/// One write: how long it waits for its record before it is forwarded, and for its answer to be kept after.
async fn written(records: Records, key: u32) -> Duration {
    let trace = Trace { operation: "create_breb_payment".to_owned(), request_id: key.to_string() };
    let claim = Claim { name: Name::of(&[b"acme", &key.to_be_bytes()]), fingerprint: [0; 32], trace };
    let began = Instant::now();
    let Ok(Begun::Started(mut owner)) = records.begin(claim).await else { panic!("the key is free") };
    owner.forwarding();
    let answer = Answer { status: 200, fields: Vec::new(), body: vec![b'a'; 1024].into() };
    owner.end(Ending::Done(Outcome::Answer(answer))).await.unwrap();
    began.elapsed()
}

/// What the disk itself takes to keep two pages, in order: a write waits for half of the commit under way and for its own, twice.
fn disk(folder: &Path) -> Vec<Duration> {
    let mut file = File::create(folder.join("bare")).unwrap();
    let mut syncs: Vec<_> = (0..PER_SECOND)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[0; 8192]).unwrap();
            file.sync_data().unwrap();
            began.elapsed()
        })
        .collect();
    syncs.sort_unstable();
    syncs
}

/// Keeps the promised pace and says what that adds. On one core: `taskset -c 0 make bench BENCH=records`.
fn pace(_: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut waits = runtime.block_on(async {
        let (records, mut writes, start) = (in_file(folder.path()), JoinSet::new(), Instant::now());
        for key in 0..PER_SECOND * SECONDS {
            // None waits for those before it.
            sleep_until(start + Duration::from_secs(1) * key / PER_SECOND).await;
            writes.spawn(written(records.clone(), key));
        }
        writes.join_all().await
    });
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
    let syncs = disk(folder.path());
    println!(
        "records/disk: a bare sync takes p50 {:.1?}, p99 {:.1?}",
        syncs[syncs.len() / 2],
        syncs[(syncs.len() - 1) * 99 / 100]
    );
    let kept = if at(99) <= PROMISED { "kept" } else { "not kept" };
    println!(
        "records/pace: {PER_SECOND} writes a second for {SECONDS} s add p50 {:.1?}, p99 {:.1?}, at most {:.1?}: p99 of {PROMISED:?} is {kept}",
        at(50),
        at(99),
        at(100)
    );
}

criterion_group!(benches, free, pace);
criterion_main!(benches);
