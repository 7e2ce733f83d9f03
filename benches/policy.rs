//! What a hot request spends on authentication, authorization and validation together, against the least that would do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on says so")]

mod support;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::HeaderValue;
use passport_gateway::clock::{Clock, SystemClock};
use passport_gateway::exchange::Exchange;
use passport_gateway::metrics::Metrics;
use passport_gateway::policy::authenticate::Failures;
use passport_gateway::refusal::Refusal;
use passport_gateway::snapshot::Snapshots;
use passport_gateway::stage::{Arrival, Authenticated, Request, Routed, Unproven, Validated};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use support::callers::Callers;
use support::requests::{CUSTOMER, LIST_PAYMENTS, get, post};
use tokio::time::Instant;

/// As many requests are at hand at once as a busy worker has. Of thousands, which criterion would make, the memory would be new
/// each time, and what the system takes to give it would count.
const AT_ONCE: BatchSize = BatchSize::NumIterations(64);

/// A snapshot with its callers, before which requests are routed.
struct Gate {
    snapshots: Snapshots,
    failures: Failures,
}

impl Gate {
    fn new(callers: &Callers) -> Self {
        let config = Arc::new(support::configuration(callers, ""));
        let snapshots = Snapshots::new(Arc::clone(&config), callers.key_ring(&config.issuers[0]), SystemClock::shared());
        Self { snapshots, failures: Failures::new(SystemClock::shared(), &Metrics::new()) }
    }

    fn route(&self, arrival: Arrival) -> Routed {
        let exchange = Exchange::new(HeaderValue::from_static("bench"), Instant::now());
        Request::observed(arrival, exchange).route(self.snapshots.load()).unwrap()
    }

    fn authenticate(&self, request: Routed) -> Result<Authenticated, Refusal> {
        request.authenticate(SystemClock.wall(), &self.failures).map_err(|unproven| match unproven {
            Unproven::Refused(refusal) => refusal,
            Unproven::UnknownKey(..) => panic!("the key is at hand"),
        })
    }

    /// What is measured.
    fn admit(&self, request: Routed) -> Result<Validated, Refusal> {
        let mut authorized = self.authenticate(request)?.authorize()?;
        let body = authorized.take_body().held().cloned().unwrap_or_default();
        authorized.validate(body, Instant::now())
    }
}

fn policy(criterion: &mut Criterion) {
    let callers = Callers::new();
    let gate = Gate::new(&callers);
    for (caller, credential) in [("token", &callers.token), ("api_key", &callers.api_key)] {
        prove_correct(&gate, credential);
        let mut group = criterion.benchmark_group(format!("policy/{caller}"));
        group.bench_function("list_payments", |bencher| {
            bencher.iter_batched(|| gate.route(get(LIST_PAYMENTS, credential)), |request| gate.admit(request), AT_ONCE);
        });
        group.bench_function("create_customer", |bencher| {
            let create = || gate.route(post("/v1/customers", credential, CUSTOMER));
            bencher.iter_batched(create, |request| gate.admit(request), AT_ONCE);
        });
        group.bench_function("authenticate_alone", |bencher| {
            let list = || gate.route(get(LIST_PAYMENTS, credential));
            bencher.iter_batched(list, |request| gate.authenticate(request), AT_ONCE);
        });
        group.finish();
    }
    baseline(criterion, &callers.token);
}

/// A fast wrong answer is worth nothing.
fn prove_correct(gate: &Gate, credential: &HeaderValue) {
    let list = gate.admit(gate.route(get(LIST_PAYMENTS, credential))).unwrap();
    assert_eq!(&*list.operation().name, "list_payments");
    assert!(list.target().as_str().contains("receiver_name=Mar%C3%ADa%20P%C3%A9rez"), "{}", list.target());

    let create = gate.admit(gate.route(post("/v1/customers", credential, CUSTOMER))).unwrap();
    assert_eq!(
        (create.target().as_str(), create.body()),
        ("/v1/paas/entities/customers", &Bytes::from_static(CUSTOMER.as_bytes()))
    );

    let refused = |arrival| gate.admit(gate.route(arrival)).unwrap_err().kind().name;
    let mut forged = credential.to_str().unwrap().to_owned();
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    assert_eq!(refused(get(LIST_PAYMENTS, &forged.parse().unwrap())), "invalid-credential");
    assert_eq!(refused(get("/v1/payments?status=A&status=B", credential)), "invalid-request");
    assert_eq!(refused(post("/v1/customers", credential, r#"{"type":"BUSINESS"}"#)), "invalid-request");
}

/// What the least careful program would do: look the credential's digest up, test a bit, decode the query and write it back
/// in order; or read the body as JSON. It checks no rule, binds to no snapshot and proves nothing.
fn baseline(criterion: &mut Criterion, credential: &HeaderValue) {
    let known = HashMap::from([(digest(&SHA256, credential.as_bytes()).as_ref().to_vec(), u64::MAX)]);
    let allowed = |credential: &HeaderValue| {
        let granted = known[digest(&SHA256, credential.as_bytes()).as_ref()];
        granted >> black_box(7) & 1 == 1
    };
    let query = LIST_PAYMENTS.split_once('?').unwrap().1;
    let mut group = criterion.benchmark_group("baseline/token");
    group.bench_function("list_payments", |bencher| {
        bencher.iter(|| (allowed(black_box(credential)), rewritten(black_box(query))));
    });
    group.bench_function("create_customer", |bencher| {
        let read = || serde_json::from_str::<serde_json::Value>(black_box(CUSTOMER)).unwrap();
        bencher.iter(|| (allowed(black_box(credential)), read()));
    });
    group.finish();
}

fn rewritten(query: &str) -> String {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (decode(name), decode(value))).collect();
    pairs.sort();
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

criterion_group!(benches, policy);
criterion_main!(benches);
