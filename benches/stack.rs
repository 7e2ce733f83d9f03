//! What the whole stack adds to a request, against the same client and upstream in memory without it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on says so")]

mod support;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use passport_gateway::stage::Arrival;
use support::callers::Callers;
use support::passport::{ANSWER, Passport};
use support::requests::{CUSTOMER, GET_PAYMENT, LIST_ACCOUNTS, get, post};
use support::world::World;
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::TaskTracker;

type Ask = fn(&Callers) -> Arrival;

fn stack(criterion: &mut Criterion) {
    let callers = Callers::new();
    let world = World::new(support::configuration(&callers, ""));
    prove_correct(&world, &callers);
    let requests: [(&str, Ask); 4] = [
        ("forward", |callers| get(GET_PAYMENT, &callers.token)),
        ("write", |callers| post("/v1/customers", &callers.token, CUSTOMER)),
        ("hit", |callers| get(LIST_ACCOUNTS, &callers.token)),
        ("refuse", |callers| get("/v1/payments?status=A&status=B", &callers.token)),
    ];
    let mut group = criterion.benchmark_group("stack");
    for (name, request) in requests {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| request(&callers), |request| world.answer(request), BatchSize::SmallInput);
        });
    }
    group.finish();
    baseline(criterion);
}

/// A fast wrong answer is worth nothing.
fn prove_correct(world: &World, callers: &Callers) {
    let forward = world.answer(get(GET_PAYMENT, &callers.token));
    assert!(forward.status == StatusCode::OK && forward.body == ANSWER, "{forward:?}");

    let write = world.answer(post("/v1/customers", &callers.api_key, CUSTOMER));
    assert!(write.status == StatusCode::OK && write.body == ANSWER, "{write:?}");

    let miss = world.answer(get(LIST_ACCOUNTS, &callers.token));
    let hit = world.answer(get(LIST_ACCOUNTS, &callers.token));
    assert!(miss.cache.contains("fwd=uri-miss") && hit.cache.contains("hit"), "{miss:?} {hit:?}");
    assert_eq!(&hit.body[..], ANSWER);

    let refused = world.answer(get("/v1/payments?status=A&status=B", &callers.token));
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
}

/// A client that talks to the same upstream on the same kind of pipe, with nothing between them.
fn baseline(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut sender = runtime.block_on(connect(&Passport::default()));
    assert_eq!(ask(&runtime, &mut sender), ANSWER);
    criterion.bench_function("baseline/forward", |bencher| bencher.iter(|| ask(&runtime, &mut sender)));
}

async fn connect(passport: &Passport) -> SendRequest<Empty<Bytes>> {
    let (sender, connection) = handshake(TokioIo::new(passport.pipe())).await.unwrap();
    TaskTracker::new().spawn(connection);
    sender
}

fn ask(runtime: &Runtime, sender: &mut SendRequest<Empty<Bytes>>) -> Bytes {
    let request = Request::get(GET_PAYMENT).header("host", "upstream.test").header("authorization", "Bearer 0123456789abcdef");
    let request = request.header("accept", "application/json").body(Empty::new()).unwrap();
    runtime.block_on(async {
        sender.ready().await.unwrap();
        sender.send_request(request).await.unwrap().collect().await.unwrap().to_bytes()
    })
}

criterion_group!(benches, stack);
criterion_main!(benches);
