//! Random interleavings of reads, writes, expiry and failures of two tenants, against what a reader must be able to rely on:
//! never another's answer, never one older than a write that was answered before the read began, never one older than the TTL.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::clock::Clock as _;

const TARGETS: [&str; 3] = [LIST, "/v1/accounts?status=active", PAYMENTS];
const STALE: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
enum Step {
    /// A read begins, of one target, by tenant 0 or 1, perhaps with `no-cache`.
    Read { tenant: usize, target: usize, no_cache: bool },
    /// A write begins.
    Write { tenant: usize },
    /// Passport carries out a call that has reached it: reads its state, or changes it.
    CarryOut { call: usize },
    /// Passport's answer to a call arrives.
    Answer { call: usize, how: How },
    /// Time passes.
    Pass { millis: u64 },
    /// Somebody leaves.
    Leave { read: usize },
    /// The operator purges.
    Purge { tenant: usize },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Well,
    Uncacheable,
    Failing,
    Lost,
    Refusing,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop_oneof![
        6 => Just(How::Well), 1 => Just(How::Uncacheable), 1 => Just(How::Failing), 1 => Just(How::Lost), 1 => Just(How::Refusing)
    ];
    prop_oneof![
        8 => (0..2_usize, 0..TARGETS.len(), prop::bool::weighted(0.1))
            .prop_map(|(tenant, target, no_cache)| Step::Read { tenant, target, no_cache }),
        2 => (0..2_usize).prop_map(|tenant| Step::Write { tenant }),
        6 => (0..9_usize).prop_map(|call| Step::CarryOut { call }),
        6 => (0..9_usize, how).prop_map(|(call, how)| Step::Answer { call, how }),
        3 => (1..4000_u64).prop_map(|millis| Step::Pass { millis }),
        1 => (0..9_usize).prop_map(|read| Step::Leave { read }),
        1 => (0..2_usize).prop_map(|tenant| Step::Purge { tenant }),
    ]
}

/// A call at Passport.
struct Pending {
    call: Call,
    tenant: usize,
    /// What it read, once it was carried out.
    read: Option<u64>,
    carried_out: bool,
}

/// A read under way, and what it must get.
struct Reading {
    tenant: usize,
    target: usize,
    at_least: u64,
    reply: JoinHandle<Reply>,
}

/// A write under way.
struct Writing {
    tenant: usize,
    reply: JoinHandle<Reply>,
}

struct World {
    bench: Bench,
    /// How often each tenant's state was changed at Passport.
    versions: [u64; 2],
    /// The least version that a read beginning now may get, by tenant.
    settled: [u64; 2],
    /// When each version came about.
    history: Vec<(tokio::time::Instant, [u64; 2])>,
    pending: Vec<Pending>,
    reading: Vec<Reading>,
    writing: Vec<Writing>,
    served: Cell<usize>,
}

impl World {
    fn new() -> Self {
        let bench = Bench::with(|config| {
            config.cache.stale_while_revalidate = STALE;
            config.cache.stale_if_error = STALE;
        });
        let history = vec![(bench.clock.now(), [0, 0])];
        Self {
            bench,
            versions: [0; 2],
            settled: [0; 2],
            history,
            pending: Vec::new(),
            reading: Vec::new(),
            writing: Vec::new(),
            served: Cell::new(0),
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Read { tenant, target, no_cache } => self.read(tenant, target, no_cache),
            Step::Write { tenant } => {
                let request = request(self.snapshots(tenant), Method::POST, "/v1/payments/breb", &[]);
                self.writing.push(Writing { tenant, reply: self.bench.send(request) });
            }
            Step::CarryOut { call } => self.carry_out(call),
            Step::Answer { call, how } => self.answer(call, how),
            Step::Pass { millis } => self.bench.clock.advance(Duration::from_millis(millis)),
            Step::Leave { read } if !self.reading.is_empty() => {
                let place = read % self.reading.len();
                self.reading.swap_remove(place).reply.abort();
            }
            Step::Leave { .. } => {}
            Step::Purge { tenant } => {
                let name = TenantName::new(if tenant == 0 { "acme" } else { "globex" });
                self.bench.service.cache.purge(Some(&name), None);
            }
        }
        self.look_around().await;
    }

    fn snapshots(&self, tenant: usize) -> &Arc<Snapshots> {
        if tenant == 0 { &self.bench.acme } else { &self.bench.globex }
    }

    fn read(&mut self, tenant: usize, target: usize, no_cache: bool) {
        let lines: &[_] = if no_cache { &[("cache-control", "no-cache")] } else { &[] };
        let request = request(self.snapshots(tenant), Method::GET, TARGETS[target], lines);
        let oldest = self.bench.clock.now().checked_sub(TTL + STALE);
        let known = self.history.iter().rev().find(|(since, _)| oldest.is_some_and(|oldest| *since <= oldest));
        let at_least = if no_cache {
            self.versions[tenant]
        } else {
            self.settled[tenant].max(known.map_or(0, |(_, versions)| versions[tenant]))
        };
        self.reading.push(Reading { tenant, target, at_least, reply: self.bench.send(request) });
    }

    fn carry_out(&mut self, call: usize) {
        let waiting = self.pending.iter().enumerate().filter(|(_, pending)| !pending.carried_out).map(|(place, _)| place);
        let waiting: Vec<_> = waiting.collect();
        let Some(place) = waiting.get(call % waiting.len().max(1)) else { return };
        let pending = &mut self.pending[*place];
        pending.carried_out = true;
        if pending.call.request.operation().is_write() {
            self.versions[pending.tenant] += 1;
            self.history.push((self.bench.clock.now(), self.versions));
        } else {
            pending.read = Some(self.versions[pending.tenant]);
        }
    }

    fn answer(&mut self, call: usize, how: How) {
        if self.pending.is_empty() {
            return;
        }
        let mut pending = self.pending.swap_remove(call % self.pending.len());
        let tenant = pending.tenant;
        let write = pending.call.request.operation().is_write();
        match how {
            How::Lost => pending.call.refuse(Refusal::UpstreamUnreachable(Sent::Something)),
            How::Failing => pending.call.answer(super::answer(500, "failing")),
            // A plain 4xx says that the write was not carried out; Passport does not lie.
            How::Refusing if !(write && pending.carried_out) => pending.call.answer(super::answer(400, "refused")),
            How::Well | How::Uncacheable | How::Refusing if write => {
                if !pending.carried_out {
                    self.versions[tenant] += 1;
                    self.history.push((self.bench.clock.now(), self.versions));
                }
                pending.call.answer(ok("paid"));
            }
            How::Well | How::Uncacheable | How::Refusing => {
                let read = *pending.read.get_or_insert(self.versions[tenant]);
                let target = pending.call.request.target();
                let response = Response::new(Bytes::from(format!("{tenant} {target} {read}")).into());
                let uncacheable = matches!(how, How::Uncacheable);
                pending.call.answer(if uncacheable { with(response, "cache-control", "private") } else { response });
            }
        }
    }

    /// Lets everybody go on, then looks who has got what.
    async fn look_around(&mut self) {
        settle().await;
        while let Ok(call) = self.bench.calls.try_recv() {
            let tenant = usize::from(call.request.tenant().name.as_str() == "globex");
            self.pending.push(Pending { call, tenant, read: None, carried_out: false });
        }
        for place in (0..self.reading.len()).rev() {
            if self.reading[place].reply.is_finished() {
                let reading = self.reading.swap_remove(place);
                self.check(reading).await;
            }
        }
        for place in (0..self.writing.len()).rev() {
            if self.writing[place].reply.is_finished() {
                let Writing { tenant, reply } = self.writing.swap_remove(place);
                // From here on whoever begins to read must see what Passport had done when the writer got its answer. A
                // plain refusal says that it did nothing.
                if !matches!(reply.await.unwrap().answer, Ok((StatusCode::BAD_REQUEST, ..))) {
                    self.settled[tenant] = self.settled[tenant].max(self.versions[tenant]);
                }
            }
        }
    }

    async fn check(&self, reading: Reading) {
        let reply = reading.reply.await.unwrap();
        if reply.answer.is_err() || reply.status() != StatusCode::OK {
            return;
        }
        let body = String::from_utf8(reply.body().to_vec()).unwrap();
        let (owner, version) = body.rsplit_once(' ').unwrap();
        assert_eq!(owner, format!("{} {}", reading.tenant, TARGETS[reading.target]), "a foreign answer");
        let version: u64 = version.parse().unwrap();
        assert!(version >= reading.at_least, "version {version} where {} was due: {:?}", reading.at_least, reply.cache);
        self.served.set(self.served.get() + usize::from(reply.result() == CacheResult::Hit));
    }

    /// Answers everything that is still under way; nobody may be left waiting.
    async fn finish(mut self) -> usize {
        self.look_around().await;
        while !self.pending.is_empty() {
            self.take(Step::Answer { call: 0, how: How::Well }).await;
        }
        assert!(self.reading.is_empty() && self.writing.is_empty(), "somebody waits for ever");
        assert_eq!(self.bench.service.cache.status().flights, 0);
        self.served.get()
    }
}

fn run(steps: Vec<Step>) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        for step in steps {
            world.take(step).await;
        }
        world.finish().await
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_serves_a_wrong_or_foreign_answer(steps in prop::collection::vec(step(), 1..120)) {
        run(steps);
    }
}

#[test]
fn the_model_sees_hits() {
    let read = || Step::Read { tenant: 0, target: 0, no_cache: false };

    let hits = run(vec![read(), Step::Answer { call: 0, how: How::Well }, read(), Step::Pass { millis: 4000 }, read()]);

    assert_eq!(hits, 2);
}
