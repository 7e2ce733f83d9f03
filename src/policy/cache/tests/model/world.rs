//! The model's reference: what Passport holds, and what each reader must at least be told.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::clock::Clock as _;

/// A call at Passport.
struct Pending {
    call: Call,
    tenant: usize,
    /// Its place among all that Passport was asked.
    asked: u64,
    /// What it read, once it was carried out.
    read: Option<u64>,
    carried_out: bool,
}

/// An answer's place among all that Passport was asked, and its version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    asked: u64,
    version: u64,
}

/// A read under way.
struct Reading {
    question: Question,
    begun: tokio::time::Instant,
    /// What Passport held when it began.
    held: u64,
    /// What writers and operators had been told by then.
    settled: u64,
    /// What was known to be stored for the same question by then.
    stored: Told,
    reply: JoinHandle<Reply>,
}

/// What tells questions apart: the language counts where answers vary by it.
fn spoken(question: Question) -> (usize, usize, usize) {
    (question.tenant, question.target, if question.target == 1 { question.language } else { 0 })
}

/// A write under way.
struct Writing {
    tenant: usize,
    reply: JoinHandle<Reply>,
}

pub(super) struct World {
    bench: Bench,
    /// How often each account was changed at Passport, and when it was.
    versions: [u64; 2],
    history: Vec<(tokio::time::Instant, [u64; 2])>,
    /// The least version that a read beginning now may get, by account, and by tenant because of purges.
    settled: [u64; 2],
    purged: [u64; TENANTS.len()],
    pending: Vec<Pending>,
    reading: Vec<Reading>,
    writing: Vec<Writing>,
    /// Answers made so far; those that were for one receiver alone; and those of them that somebody got.
    serial: u64,
    asked: u64,
    private: HashSet<u64>,
    handed_out: HashSet<u64>,
    /// What was asked for last of all that was told to be stored, by tenant, target and language.
    stored: HashMap<(usize, usize, usize), Told>,
    hits: usize,
}

impl World {
    pub(super) fn new() -> Self {
        let bench = Bench::with(|config| {
            config.cache.stale_while_revalidate = WHILE_REVALIDATE;
            config.cache.stale_if_error = IF_ERROR;
        });
        let history = vec![(bench.clock.now(), [0, 0])];
        Self {
            bench,
            versions: [0; 2],
            history,
            settled: [0; 2],
            purged: [0; TENANTS.len()],
            pending: Vec::new(),
            reading: Vec::new(),
            writing: Vec::new(),
            serial: 0,
            asked: 0,
            private: HashSet::new(),
            handed_out: HashSet::new(),
            stored: HashMap::new(),
            hits: 0,
        }
    }

    pub(super) async fn take(&mut self, step: Step) {
        match step {
            Step::Read(question) => self.read(question),
            Step::Write { tenant } => {
                let request = request(self.snapshots(tenant), Method::POST, "/v1/payments/breb", &[]);
                self.writing.push(Writing { tenant, reply: self.bench.send(request) });
            }
            Step::CarryOut { call } => self.carry_out(call),
            Step::Answer { call, how } => self.answer(call, how),
            Step::Pass { millis } => self.bench.clock.advance(Duration::from_millis(millis)),
            Step::Leave { read } => {
                if let Some(place) = read.checked_rem(self.reading.len()) {
                    self.reading.swap_remove(place).reply.abort();
                }
            }
            Step::Cut { write } => self.cut(write).await,
            Step::Purge { tenant } => {
                let name = TENANTS[tenant].0;
                self.bench.service.cache.purge(Some(&TenantName::new(name)), None);
                for purged in (0..TENANTS.len()).filter(|other| TENANTS[*other].0 == name) {
                    self.purged[purged] = self.versions[ACCOUNT_OF[purged]];
                }
            }
            Step::Alone { account } => self.change(account),
            Step::Elsewhere { account } => {
                self.change(account);
                self.bench.service.cache.invalidate(ACCOUNTS[account], &["list_accounts", "list_payments"]);
                self.settled[account] = self.versions[account];
            }
        }
        self.look_around().await;
    }

    fn snapshots(&self, tenant: usize) -> &Arc<Snapshots> {
        [&self.bench.acme, &self.bench.globex, &self.bench.initech, &self.bench.umbrella, &self.bench.moved][tenant]
    }

    fn change(&mut self, account: usize) {
        self.versions[account] += 1;
        self.history.push((self.bench.clock.now(), self.versions));
    }

    /// What Passport held so long before an instant.
    fn held_before(&self, account: usize, instant: tokio::time::Instant, long: Duration) -> u64 {
        let known = instant.checked_sub(long).and_then(|then| self.history.iter().rev().find(|(since, _)| *since <= then));
        known.map_or(0, |(_, versions)| versions[account])
    }

    fn read(&mut self, question: Question) {
        let Question { tenant, target, language, no_cache } = question;
        let mut lines = vec![("accept-language", LANGUAGES[language])];
        lines.extend(no_cache.then_some(("cache-control", "no-cache")));
        let request = request(self.snapshots(tenant), Method::GET, TARGETS[target], &lines);
        let account = ACCOUNT_OF[tenant];
        self.reading.push(Reading {
            question,
            begun: self.bench.clock.now(),
            held: self.versions[account],
            settled: self.settled[account].max(self.purged[tenant]),
            stored: self.stored.get(&spoken(question)).copied().unwrap_or_default(),
            reply: self.bench.send(request),
        });
    }

    fn carry_out(&mut self, call: usize) {
        let is_waiting = |pending: &&mut Pending| !pending.carried_out && !pending.call.reply.is_closed();
        let mut waiting: Vec<_> = self.pending.iter_mut().filter(is_waiting).collect();
        let Some(place) = call.checked_rem(waiting.len()) else { return };
        let pending = &mut *waiting[place];
        pending.carried_out = true;
        let account = ACCOUNT_OF[pending.tenant];
        if pending.call.request.operation().is_write() {
            self.change(account);
        } else {
            pending.read = Some(self.versions[account]);
        }
    }

    /// A write that is cut off before Passport carried it out never will be; nobody knows which it was.
    async fn cut(&mut self, write: usize) {
        let Some(place) = write.checked_rem(self.writing.len()) else { return };
        let Writing { tenant, reply } = self.writing.swap_remove(place);
        reply.abort();
        settle().await;
        self.settled[ACCOUNT_OF[tenant]] = self.versions[ACCOUNT_OF[tenant]];
    }

    fn answer(&mut self, call: usize, how: How) {
        let Some(place) = call.checked_rem(self.pending.len()) else { return };
        let pending = self.pending.swap_remove(place);
        let is_write = pending.call.request.operation().is_write();
        match how {
            How::Lost => pending.call.refuse(Refusal::UpstreamUnreachable(Sent::Something)),
            How::Failing => pending.call.answer(answer(500, "failing")),
            // A plain 4xx says that the write was not carried out; Passport does not lie.
            How::Refusing if !(is_write && pending.carried_out) => pending.call.answer(answer(400, "refused")),
            _ if is_write => {
                if !pending.carried_out && !pending.call.reply.is_closed() {
                    self.change(ACCOUNT_OF[pending.tenant]);
                }
                pending.call.answer(ok("paid"));
            }
            _ => self.tell(pending, how),
        }
    }

    /// Passport tells what it read; or that it is what the gateway holds.
    fn tell(&mut self, pending: Pending, how: How) {
        let Pending { call, tenant, asked, read, .. } = pending;
        let read = read.unwrap_or(self.versions[ACCOUNT_OF[tenant]]);
        let target = call.request.target().as_str();
        let language = call.request.head().headers["accept-language"].to_str().unwrap();
        let varies = target == TARGETS[1];
        let tag = format!("\"{tenant} {target} {language} {read}\"");
        if call.request.held().is_some_and(|held| held.entity_tag.as_ref().is_some_and(|held| *held == tag)) {
            return call.answer(answer(304, ""));
        }
        self.serial += 1;
        let spoken = if varies { language } else { "-" };
        let body = format!("{tenant}|{target}|{spoken}|{read}|{}|{asked}", self.serial);
        let mut response = Response::new(Bytes::from(body).into());
        if varies {
            response = with(response, "vary", "Accept-Language");
        }
        match how {
            How::Tagged => response = with(response, "etag", &tag),
            How::Uncacheable => {
                self.private.insert(self.serial);
                response = with(response, "cache-control", "private");
            }
            _ => {}
        }
        call.answer(response);
    }

    /// Lets everybody go on, then looks who has got what.
    async fn look_around(&mut self) {
        settle().await;
        while let Ok(call) = self.bench.calls.try_recv() {
            let asker = (call.request.tenant().name.as_str(), call.request.credential().1.name.as_str());
            let tenant = TENANTS.iter().position(|tenant| *tenant == asker).unwrap();
            self.asked += 1;
            self.pending.push(Pending { call, tenant, asked: self.asked, read: None, carried_out: false });
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
                    let account = ACCOUNT_OF[tenant];
                    self.settled[account] = self.versions[account];
                }
            }
        }
    }

    async fn check(&mut self, reading: Reading) {
        let Reading { question, begun, held, settled, stored, reply } = reading;
        let Question { tenant, target, no_cache, .. } = question;
        let reply = reply.await.unwrap();
        if reply.answer.is_err() || reply.status() != StatusCode::OK {
            return;
        }
        let account = ACCOUNT_OF[tenant];
        let now = self.bench.clock.now();
        let at_least = match reply.result() {
            _ if no_cache => held,
            CacheResult::Miss | CacheResult::Revalidated => held,
            CacheResult::Hit => settled.max(self.held_before(account, begun, TTL)),
            CacheResult::Stale if reply.cache.as_ref().is_some_and(|cache| cache.forward.is_none()) => {
                settled.max(self.held_before(account, begun, TTL + WHILE_REVALIDATE))
            }
            // What is served in place of a failure is looked at when that comes.
            CacheResult::Stale => {
                let settled = settled.max(self.settled[account]).max(self.purged[tenant]);
                settled.max(self.held_before(account, now, TTL + IF_ERROR))
            }
            CacheResult::Collapsed | CacheResult::Bypass => settled,
        };
        let body = String::from_utf8(reply.body().to_vec()).unwrap();
        let parts: Vec<_> = body.split('|').collect();
        let key = spoken(question);
        let language = if target == 1 { LANGUAGES[key.2] } else { "-" };
        assert_eq!(parts[..3], [tenant.to_string().as_str(), TARGETS[target], language], "a foreign answer");
        let version: u64 = parts[3].parse().unwrap();
        assert!(version >= at_least, "version {version} where {at_least} was due: {:?}", reply.cache);
        let serial: u64 = parts[4].parse().unwrap();
        let is_first = self.handed_out.insert(serial);
        assert!(is_first || !self.private.contains(&serial), "an answer for one receiver went to two: {:?}", reply.cache);
        let told = Told { asked: parts[5].parse().unwrap(), version };
        let is_replaced = reply.result() == CacheResult::Hit && told.asked < stored.asked && told.version < stored.version;
        assert!(!is_replaced, "{told:?} took the place of {stored:?}, which was asked for later");
        if reply.stored() {
            let newest = self.stored.entry(key).or_default();
            *newest = told.max(*newest);
        }
        self.hits += usize::from(reply.result() == CacheResult::Hit);
    }

    /// Answers everything that is still under way; nobody may be left waiting. Says how many hits there were.
    pub(super) async fn finish(mut self) -> usize {
        self.look_around().await;
        while !self.pending.is_empty() {
            self.take(Step::Answer { call: 0, how: How::Well }).await;
        }
        assert!(self.reading.is_empty() && self.writing.is_empty(), "somebody waits for ever");
        assert_eq!(self.bench.service.cache.status().flights, 0);
        self.hits
    }
}
