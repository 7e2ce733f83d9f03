//! What deciding by a limit costs: here alone, by caller, and with requests taken ahead, of which it counts the round trips.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on says so")]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use passport_gateway::config::Sharing;
use passport_gateway::identity::CallerKey;
use passport_gateway::rate::Rate;
use passport_gateway::store::{Ask, Counter, Grant, Ledger, Limiters, Priority, Replicas, Taken};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

/// What the round trips of leases are counted at, as the promise has it.
const PER_SECOND: u32 = 1000;

/// A ledger that has all that is wanted, half a millisecond away.
#[derive(Default)]
struct Plenty(AtomicU64);

impl Ledger for Plenty {
    fn is_away(&self) -> bool {
        false
    }

    fn take<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Taken> + Send + 'a>> {
        self.0.fetch_add(1, Relaxed);
        Box::pin(async move {
            sleep(Duration::from_micros(500)).await;
            Ok(Grant { taken: ask.wanted, owed: Duration::ZERO })
        })
    }
}

fn rate(requests: u32) -> Rate {
    let requests = NonZeroU32::new(requests).unwrap();
    Rate { requests, per: Duration::from_secs(1), burst: requests }
}

fn leased(ledger: &Arc<Plenty>, rate: Rate) -> Arc<Counter> {
    let replicas = Replicas::new(ledger.clone(), Sharing::Leased, 0.25, TaskTracker::new());
    Limiters::shared(replicas).counter("bench".to_owned(), rate, Instant::now())
}

/// Fails unless a lease saves nineteen of twenty round trips at a thousand decisions a second, on a clock of its own.
fn count_round_trips() {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for requests in [PER_SECOND, 100 * PER_SECOND] {
            let ledger = Arc::new(Plenty::default());
            let counter = leased(&ledger, rate(requests));
            let decisions = 10 * PER_SECOND;
            for _ in 0..decisions {
                sleep(Duration::from_secs(1) / PER_SECOND).await;
                if counter.decide(Instant::now(), Priority::High).is_none() {
                    counter.ask(Instant::now(), Priority::High).await;
                }
            }
            let trips = ledger.0.load(Relaxed);
            assert!(trips * 20 <= u64::from(decisions), "{trips} round trips for {decisions} decisions");
        }
    });
}

fn own(criterion: &mut Criterion) {
    let counter = Limiters::default().counter("bench".to_owned(), rate(1_000_000), Instant::now());
    criterion.bench_function("limits/own", |bencher| {
        bencher.iter(|| black_box(&counter).decide(Instant::now(), Priority::High));
    });
}

fn callers(criterion: &mut Criterion) {
    let limits = Limiters::default().callers("bench".to_owned(), rate(1_000_000));
    let keys: Vec<_> = (0..1000).map(|caller| CallerKey::of(&[&caller.to_string()])).collect();
    let mut keys = keys.iter().cycle();
    criterion.bench_function("limits/caller", |bencher| {
        bencher.iter(|| limits.decide(*keys.next().unwrap(), Instant::now()));
    });
}

fn ahead(criterion: &mut Criterion) {
    count_round_trips();
    let runtime: Runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let _entered = runtime.enter();
    let counter = leased(&Arc::new(Plenty::default()), rate(1_000_000));
    criterion.bench_function("limits/leased", |bencher| {
        bencher.iter(|| match black_box(&counter).decide(Instant::now(), Priority::High) {
            Some(decision) => decision,
            None => runtime.block_on(counter.ask(Instant::now(), Priority::High)),
        });
    });
}

criterion_group!(benches, own, callers, ahead);
criterion_main!(benches);
