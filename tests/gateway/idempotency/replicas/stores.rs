//! Both stores of records, driven through the same random lives: what the one says, the other says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use fastrand::Rng;
use passport_gateway::config::{self, SecretSource, Sharing};
use passport_gateway::metrics::Metrics;
use passport_gateway::secret::Secret;
use passport_gateway::store;
use passport_gateway::store::records::{
    Answer, Begun, Claim, Ending, Name, Outcome, Owner, Records, Resolution, Retention, Trace, Unavailable, embedded, shared,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::support::clock;

const LIVES: u64 = 50;
const STEPS: usize = 50;
const RETENTION: Retention = Retention { done: 3_600_000, unknown: 36_000_000 };

/// A process that keeps records in Redis. Nothing ends it: it only falls silent.
fn sharing(redis: &Redis, prefix: &str, max_records: u64, retention: Retention) -> Records {
    let settings = config::Redis {
        url: SecretSource::Literal(Secret::new(redis.url())),
        ca_file: None,
        prefix: prefix.to_owned(),
        timeout: shared::ANSWER,
        mode: Sharing::Exact,
        fallback: 0.25,
    };
    let (background, ended) = (TaskTracker::new(), CancellationToken::new());
    let connected = store::Redis::start(&settings, &Arc::new(Metrics::new()), &background, &ended).unwrap();
    let (records, inbox) = Records::new();
    let settings =
        shared::Settings { key: Some(Secret::new("key".to_owned())), retention, max_records, lease: Duration::from_mins(5) };
    shared::start(settings, connected, inbox, records.board(), Arc::new(clock()), &background, ended);
    records
}

/// A process that keeps records in a file.
fn alone(folder: &TempDir) -> Records {
    let settings = embedded::Settings {
        path: folder.path().join("records.redb"),
        key: None,
        retention: RETENTION,
        max_records: 1000,
        max_bytes: 1 << 20,
        lock_wait: Duration::ZERO,
    };
    let (records, inbox) = Records::new();
    // Nobody waits for the file.
    drop(embedded::start(settings, inbox, records.board(), Arc::new(clock())).unwrap());
    records
}

fn claim(key: u8, request: u8) -> Claim {
    let trace = Trace { operation: "create_breb_payment".to_owned(), request_id: format!("{key} {request}") };
    Claim { name: name(key), fingerprint: [request; 32], trace }
}

fn name(key: u8) -> Name {
    Name::of(&[b"acme", &[key]])
}

fn told(begun: &Result<Begun, Unavailable>) -> String {
    match begun {
        Ok(Begun::Started(_)) => "started".to_owned(),
        Ok(Begun::InFlight) => "in flight".to_owned(),
        Ok(Begun::Done(outcome, past)) => format!("{outcome:?} {:?}", past.trace),
        Ok(Begun::Unknown(past)) => format!("unknown {:?}", past.trace),
        Ok(Begun::Mismatch) => "mismatch".to_owned(),
        Err(why) => format!("{why:?}"),
    }
}

fn ending(kind: u8, key: u8) -> Ending {
    match kind {
        0 => Ending::Free,
        1 => Ending::Unknown,
        2 => Ending::Done(Outcome::Status(201)),
        _ => Ending::Done(Outcome::Answer(Answer { status: 200, fields: Vec::new(), body: vec![key; 100].into() })),
    }
}

/// One life on both stores.
struct Life<'r> {
    redis: &'r Redis,
    prefix: String,
    folder: TempDir,
    /// In Redis, and in a file.
    stores: [Records; 2],
    owners: Vec<(u8, [Owner; 2])>,
    /// The keys under which something may have been sent.
    bound: BTreeSet<u8>,
}

impl<'r> Life<'r> {
    fn begin(redis: &'r Redis, seed: u64) -> Self {
        let (prefix, folder) = (format!("life-{seed}:"), TempDir::new().unwrap());
        let stores = [sharing(redis, &prefix, 1000, RETENTION), alone(&folder)];
        Self { redis, prefix, folder, stores, owners: Vec::new(), bound: BTreeSet::new() }
    }

    async fn step(&mut self, rng: &mut Rng) -> String {
        match rng.u8(0..20) {
            0..8 => self.ask(rng.u8(0..4), rng.u8(0..5) / 4).await,
            8..14 => self.end(rng).await,
            14..16 => self.vanish(rng).await,
            16..19 => self.resolve(rng.u8(0..4), rng.bool()).await,
            _ => self.die().await,
        }
    }

    async fn ask(&mut self, key: u8, request: u8) -> String {
        let [shared, own] = &self.stores;
        let (shared, own) = tokio::join!(shared.begin(claim(key, request)), own.begin(claim(key, request)));
        let said = told(&shared);
        assert_eq!(said, told(&own), "key {key}, request {request}");
        if let (Ok(Begun::Started(shared)), Ok(Begun::Started(own))) = (shared, own) {
            assert!(self.bound.insert(key), "forwarded again: {key}");
            self.owners.push((key, [shared, own]));
        }
        format!("ask {key} {request}: {said}")
    }

    /// An owner says how its write ended.
    async fn end(&mut self, rng: &mut Rng) -> String {
        if self.owners.is_empty() {
            return String::new();
        }
        let ((key, owners), kind) = (self.owners.swap_remove(rng.usize(0..self.owners.len())), rng.u8(0..4));
        for mut owner in owners {
            owner.forwarding();
            owner.end(ending(kind, key)).await.unwrap();
        }
        if kind == 0 {
            self.bound.remove(&key);
        }
        format!("end {key} {kind}")
    }

    /// An owner is dropped without a word, before or after it sent something.
    async fn vanish(&mut self, rng: &mut Rng) -> String {
        if self.owners.is_empty() {
            return String::new();
        }
        let ((key, owners), sent) = (self.owners.swap_remove(rng.usize(0..self.owners.len())), rng.bool());
        for mut owner in owners {
            if sent {
                owner.forwarding();
            }
        }
        if !sent {
            self.bound.remove(&key);
        }
        let left = self.owners.len() as u64;
        for store in &self.stores {
            until("the store has heard of it", async || store.board().in_flight.load(Relaxed) == left).await;
        }
        format!("vanish {key} {sent}")
    }

    async fn resolve(&mut self, key: u8, free: bool) -> String {
        let resolution = if free { Resolution::Free } else { Resolution::Done };
        let [shared, own] = &self.stores;
        let resolved = shared.resolve(name(key), resolution).await;
        assert_eq!(resolved, own.resolve(name(key), resolution).await, "key {key}");
        if resolved.is_ok() && free {
            self.bound.remove(&key);
        }
        format!("resolve {key} {free}: {resolved:?}")
    }

    /// Both processes die over what they are at, and others come.
    async fn die(&mut self) -> String {
        for (_, owners) in self.owners.drain(..) {
            owners.into_iter().for_each(std::mem::forget);
        }
        // As if the leases had passed.
        self.redis.ask(&format!("DEL {}idempotency:in-flight", self.prefix)).await;
        self.stores[1].close().await;
        self.stores = [sharing(self.redis, &self.prefix, 1000, RETENTION), alone(&self.folder)];
        "die".to_owned()
    }
}

#[tokio::test]
async fn what_the_one_store_says_the_other_says_through_random_lives() {
    let redis = durable().await;
    let mut shown = [("started", 0), ("in flight", 0), ("mismatch", 0), ("}", 0), ("Ok(())", 0)];
    for seed in 0..LIVES {
        let (mut rng, mut life, mut steps) = (Rng::with_seed(seed), Life::begin(&redis, seed), Vec::new());
        for _ in 0..STEPS {
            let step = tokio::time::timeout(Duration::from_secs(20), life.step(&mut rng)).await;
            steps.push(step.unwrap_or_else(|_| panic!("seed {seed} hangs after {steps:?}")));
        }
        for (said, count) in &mut shown {
            *count += steps.iter().filter(|step| step.ends_with(*said)).count();
        }
    }
    assert!(shown.iter().all(|(_, count)| *count > 50), "this shows little: {shown:?}");
}

#[tokio::test]
async fn of_a_thousand_claims_at_two_replicas_one_per_key_is_granted() {
    let redis = durable().await;
    let replicas = [0; 2].map(|_| sharing(&redis, "test:", 1000, RETENTION));

    let asked =
        futures_util::future::join_all((0..1000).map(|at| replicas[at % 2].begin(claim(u8::try_from(at % 10).unwrap(), 0))))
            .await;

    let mut count = std::collections::BTreeMap::new();
    for told in asked.iter().map(told) {
        *count.entry(told).or_insert(0) += 1;
    }
    assert_eq!(count, [("in flight".to_owned(), 990), ("started".to_owned(), 10)].into());
}

#[tokio::test]
async fn records_are_bounded_and_go_when_their_time_is_over() {
    let redis = durable().await;
    let records = sharing(&redis, "test:", 2, Retention { done: 1000, unknown: 36_000_000 });
    for key in 0..2 {
        let Ok(Begun::Started(owner)) = records.begin(claim(key, 0)).await else { panic!("there is room") };
        owner.end(ending(2, key)).await.unwrap();
    }

    let full = told(&records.begin(claim(2, 0)).await);
    until("there is room again", async || told(&records.begin(claim(2, 0)).await) == "started").await;

    assert!(["Full", "started"].contains(&&*full), "{full}");
    assert_eq!(told(&records.begin(claim(0, 1)).await), "started", "what was done is forgotten");
}

#[tokio::test]
async fn what_redis_lost_is_begun_anew_and_what_was_under_way_is_not_recorded() {
    let redis = durable().await;
    let records = sharing(&redis, "test:", 1000, RETENTION);
    let Ok(Begun::Started(owner)) = records.begin(claim(0, 0)).await else { panic!("it is free") };

    assert_eq!(redis.ask("FLUSHALL").await, "+OK");

    assert_eq!(owner.end(ending(2, 0)).await, Err(Unavailable::Failed));
    assert_eq!(told(&records.begin(claim(1, 0)).await), "started");
}
