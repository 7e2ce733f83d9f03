//! A million distinct queries: what is in use stays, and the process does not outgrow the bytes it was given.

use std::process::Command;
use std::thread;

use super::super::answer::Answer;
use super::super::freshness::Received;
use super::super::key::{Key, KeyRef, Variant};
use super::super::store::{Store, Stored};
use super::*;
use crate::clock::Clock as _;
use crate::testing::wall;

const QUERIES: usize = 1_000_000;
const MAX_BYTES: u64 = 64 << 20;
/// Keys that are asked for again and again, once while so many others are asked for once.
const HOT: usize = 100;
const BETWEEN: usize = 10_000;
const WORKERS: usize = 4;

#[test]
fn a_million_distinct_queries_neither_flush_what_is_in_use_nor_outgrow_the_bytes() {
    // In a process of its own, so that what it takes is the cache's alone.
    let scan = ["--exact", "policy::cache::tests::memory::a_scan_in_a_process_of_its_own", "--ignored", "--nocapture"];

    let output = Command::new(std::env::current_exe().unwrap()).args(scan).output().unwrap();

    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
#[ignore = "the test above runs it, in a process of its own"]
fn a_scan_in_a_process_of_its_own() {
    let scan = Scan::of(&Bench::new());
    for hot in 0..HOT {
        scan.miss(&format!("hot {hot}"), 2000);
    }
    scan.hits();
    let before = resident();

    // As from several workers, which also takes less time.
    let lost: usize = thread::scope(|scope| {
        let scan = &scan;
        let workers: Vec<_> = (0..WORKERS).map(|worker| scope.spawn(move || scan.worker(worker))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });

    let (entries, bytes) = scan.store.size();
    let taken = resident() - before;
    let told = format!("{lost} lost, {entries} entries of {bytes} bytes, {taken} bytes resident");
    assert_eq!(lost, 0, "{told}");
    assert!(bytes <= MAX_BYTES && bytes > MAX_BYTES / 10 * 9, "{told}");
    assert!(taken <= MAX_BYTES / 10 * 11, "{told}");
}

struct Scan {
    store: Store,
    key: Key,
    entry: Entry,
}

impl Scan {
    fn of(bench: &Bench) -> Self {
        let any = request(&bench.acme, Method::GET, LIST, &[]);
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.headers.insert("content-type", HeaderValue::from_static("application/json"));
        let (cache, now) = (&bench.service.cache, bench.clock.now());
        let received = Received { status: head.status, fields: &head.headers, asked: now, came: now, wall: wall() };
        let entry = Entry {
            freshness: cache.freshness(&any, &received).unwrap(),
            answer: Arc::new(Answer::new(any.head(), &head, Bytes::new(), wall())),
            epoch: cache.epoch(&any),
        };
        let key = Key::of(&any, Variant::default()).at("");
        Self { store: Store::new(MAX_BYTES, &bench.metrics), key, entry }
    }

    fn key(&self, target: &str) -> Key {
        self.key.clone().at(target)
    }

    /// A query that was not asked before, and its answer.
    fn miss(&self, target: &str, length: usize) {
        let Entry { answer, freshness, epoch } = &self.entry;
        let answer = Arc::new(answer.with_body(Bytes::from(vec![b'x'; length])));
        let entry = Entry { answer, freshness: *freshness, epoch: epoch.clone() };
        self.store.put(self.key(target), Stored::Entry(Arc::new(entry)));
    }

    /// A worker's part of the queries; says how many of the hot keys were missing in between.
    fn worker(&self, worker: usize) -> usize {
        let mut lost = 0;
        for query in (worker..QUERIES).step_by(WORKERS) {
            self.miss(&format!("/v1/accounts?account_number={query}"), 200 + query * 7919 % 8000);
            if query % BETWEEN < WORKERS {
                lost += HOT - self.hits();
            }
        }
        lost
    }

    /// How many of the hot keys are still there.
    fn hits(&self) -> usize {
        let is_there = |hot: &usize| {
            let key = self.key(&format!("hot {hot}"));
            let key: KeyRef<'_> = key.as_ref();
            matches!(self.store.find(key, |_| Variant::default()), Found::Entry(_))
        };
        (0..HOT).filter(is_there).count()
    }
}

/// The bytes of this process that are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
