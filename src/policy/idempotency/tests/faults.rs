//! Ten thousand lives: processes that die at any step, a store that fails, an upstream that does its worst, and callers who hang up
//! and ask again. At most one forward per key binds, and each caller ends with the true answer or with `outcome-unknown`.

use fastrand::Rng;
use futures_util::future::join_all;
use futures_util::stream;
use http_body_util::StreamBody;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use super::*;
use crate::policy::complete::CompleteLayer;
use crate::store::records::testing::Failure;

const RUNS: u64 = 10_000;

/// What really happened at Passport, which outlives every gateway.
struct Truth {
    rng: Rng,
    forwards: Vec<Forward>,
}

/// A request of which a byte arrived.
#[derive(Debug)]
struct Forward {
    key: String,
    /// Passport refused it before doing anything, with a 401 or 429.
    did_nothing: bool,
    /// What was answered, whoever heard it.
    answer: Option<(u16, String)>,
}

/// Passport, as a gateway of this life sees it.
struct Passport(Arc<Mutex<Truth>>);

async fn turns(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

impl Passport {
    fn dice(&self, sides: usize) -> usize {
        self.0.lock().unwrap().rng.usize(0..sides)
    }

    /// The first byte of a request arrives.
    fn arrives(&self, key: &str) -> usize {
        let forwards = &mut self.0.lock().unwrap().forwards;
        let before: Vec<_> = forwards.iter().filter(|forward| forward.key == key).collect();
        assert!(before.iter().all(|forward| forward.did_nothing), "{key} was forwarded again after {before:?}");
        forwards.push(Forward { key: key.to_owned(), did_nothing: false, answer: None });
        forwards.len() - 1
    }

    /// Passport decides, and begins to answer.
    fn answers(&self, at: usize, status: u16) -> String {
        let forward = &mut self.0.lock().unwrap().forwards[at];
        let body = format!("{} {at}", forward.key);
        forward.did_nothing = matches!(status, 401 | 429);
        forward.answer = Some((status, body.clone()));
        body
    }
}

impl Service<Validated> for Passport {
    type Error = Refusal;

    async fn call(&self, request: Validated) -> Result<Response, Refusal> {
        let key = request.head().headers["idempotency-key"].to_str().unwrap();
        turns(self.dice(4)).await;
        if self.dice(8) == 0 {
            return Err(Refusal::UpstreamUnreachable(Sent::Nothing));
        }
        let at = self.arrives(key);
        turns(self.dice(6)).await;
        if self.dice(8) == 0 {
            return Err(Refusal::UpstreamUnreachable(Sent::Something));
        }
        let status = [200, 200, 201, 400, 422, 401, 429, 408, 500, 503][self.dice(10)];
        let body = self.answers(at, status);
        turns(self.dice(4)).await;
        match (status, self.dice(12)) {
            (401, _) => Err(Refusal::UpstreamTokenUnavailable(std::time::Duration::from_secs(1))),
            (_, 0) => Err(Refusal::UpstreamInvalidResponse),
            (_, cut) => Ok(http::Response::builder().status(status).body(pieces(&body, cut == 1)).unwrap()),
        }
    }
}

/// A body that takes its time, and may be cut.
fn pieces(body: &str, cut: bool) -> Body {
    let (first, last) = body.split_at(1);
    let last = if cut { Err(Cut::Truncated) } else { Ok(http_body::Frame::data(last.to_owned().into())) };
    let pieces = [Ok(http_body::Frame::data(first.to_owned().into())), last];
    Body::streamed(StreamBody::new(stream::unfold(pieces.into_iter(), |mut pieces| async move {
        turns(2).await;
        Some((pieces.next()?, pieces))
    })))
}

/// A caller who wants one payment, whatever it takes.
struct Caller {
    key: &'static str,
    rng: Rng,
    end: Option<Reply>,
}

impl Caller {
    /// Asks until it knows.
    async fn ask<S: Service<Validated, Error = Refusal>>(&mut self, gateway: &S, request: &Validated) {
        while self.end.is_none() {
            let patience = if self.rng.usize(0..4) == 0 { self.rng.usize(1..40) } else { 10_000 };
            let asking = async { read(gateway.call(request.clone()).await?).await };
            let reply = tokio::select! {
                biased;
                reply = asking => Some(reply),
                () = turns(patience) => None,
            };
            assert_ne!(reply, Some(Err(Refusal::Internal)), "a task panicked");
            // A refusal or a broken answer that says nothing of the payment is a reason to ask again.
            self.end = reply.filter(|reply| match reply {
                Ok((status, _, body)) => *status != 429 && !body.starts_with("Truncated"),
                Err(refusal) => matches!(refusal, Refusal::OutcomeUnknown(_)),
            });
            turns(3).await;
        }
    }
}

/// One life of a gateway on this disk: it ends when every caller knows, or when it is killed.
fn live(
    store: &Simulated,
    truth: &Arc<Mutex<Truth>>,
    callers: &mut [Caller],
    requests: &[Validated; 2],
    dies: Option<usize>,
    metrics: &Arc<Metrics>,
) {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (records, _serving) = store.open();
        let settings = Settings { required_for: RequiredFor::Money, ..testing::idempotency() };
        let policy = Arc::new(Idempotency::new(&settings, &"custom".into(), Some(opened(records)), metrics.clone()));
        let tasks = TaskTracker::new();
        let layer = IdempotencyLayer::new(policy, tasks.clone()).layer(Passport(Arc::clone(truth)));
        let gateway = CompleteLayer::new(tasks.clone()).layer(layer);
        let asking = join_all(callers.iter_mut().map(|caller| caller.ask(&gateway, &requests[usize::from(caller.key == "two")])));
        let Some(after) = dies else {
            asking.await;
            tasks.close();
            return tasks.wait().await;
        };
        tokio::select! {
            _ = asking => {}
            () = turns(after) => {}
        }
    });
    // Here the process is gone, with all its tasks; what their guards say is heard by nobody.
}

fn run(seed: u64, requests: &[Validated; 2], metrics: &Arc<Metrics>) -> [usize; 2] {
    let mut rng = Rng::with_seed(seed);
    let (fate, unreliable) = (rng.fork(), rng.bool());
    let fate = std::sync::Mutex::new(fate);
    let store = Simulated::new(Box::new(move || match fate.lock().unwrap().usize(0..40) {
        0 if unreliable => Some(Failure::Before),
        1 if unreliable => Some(Failure::After),
        _ => None,
    }));
    let truth = Arc::new(Mutex::new(Truth { rng: rng.fork(), forwards: Vec::new() }));
    let count = rng.usize(1..=3);
    let mut callers: Vec<Caller> =
        (0..count).map(|_| Caller { key: if rng.u8(0..4) == 0 { "two" } else { "one" }, rng: rng.fork(), end: None }).collect();
    for _ in 0..rng.usize(0..=3) {
        live(&store, &truth, &mut callers, requests, Some(rng.usize(1..70)), metrics);
    }
    live(&store, &truth, &mut callers, requests, None, metrics);

    let forwards = &truth.lock().unwrap().forwards;
    let mut ends = [0; 2];
    for caller in callers {
        match caller.end.expect("every caller knows in the end") {
            Ok((status, _, body)) => {
                let own =
                    |forward: &Forward| forward.key == caller.key && forward.answer.as_ref() == Some(&(status, body.clone()));
                assert!(forwards.iter().any(own), "seed {seed}: {status} {body} is nobody's answer among {forwards:?}");
                ends[0] += 1;
            }
            Err(_) => ends[1] += 1,
        }
    }
    ends
}

#[tokio::test]
async fn whatever_dies_whenever_no_key_is_forwarded_twice() {
    let snapshots = testing::snapshots(testing::config(), testing::clock());
    let requests = ["one", "two"].map(|key| {
        let mut arrival = arrival(Method::POST, PAY, PAYMENT);
        arrival.head.headers.insert("idempotency-key", HeaderValue::from_static(key));
        validated(&snapshots, arrival)
    });
    let metrics = Arc::new(Metrics::new());

    let runs = move || (0..RUNS).map(|seed| run(seed, &requests, &metrics)).fold([0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    let [answered, unknown] = tokio::task::spawn_blocking(runs).await.unwrap();

    assert!(answered > 5_000 && unknown > 1_000, "{answered} were answered, {unknown} unknown: this shows little");
}
