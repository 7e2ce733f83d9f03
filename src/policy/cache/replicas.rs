//! Invalidation across replicas: what became untrue here is told to the others over Redis, and what they tell is heeded.
//!
//! Why nobody here is given, after a message, what its write made untrue: the write had ended at Passport before its message was
//! sent. Hearing it advances the generations, and whatever is stored or under way then is of an older one: it is not found, not kept
//! and not joined any more. Whatever is asked for later reaches Passport later than the write did. Until the message comes, and if it
//! never does, an entry ends with its TTL; none is served stale while nothing can be heard. And because nobody knows what was missed
//! meanwhile, being able to hear again invalidates everything. Messages name accounts, tenants and operations, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::message::{Change, Message, Noted};
use self::outbox::Outbox;
use super::report::ReplicasReport;
use super::response_cache::ResponseCache;
use crate::clock::SharedClock;
use crate::metrics::{MessageResult, Metrics};
use crate::store::redis::{Event, cmd};
use crate::store::{Redis, Use};
use crate::tenant::TenantName;

pub(super) mod message;
mod outbox;

const CHANNEL: &str = "cache-invalidation";
/// How long a write's answer waits for its message to be accepted.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long a gateway that ends waits for the rest to be accepted, if Redis does not take it at once.
const FAREWELL: Duration = Duration::from_secs(2);
/// The pause before a message is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// The way to the other replicas.
pub(super) struct Replicas {
    redis: Arc<Redis>,
    /// By what a replica knows its own messages.
    own: String,
    outbox: Outbox,
    hears: AtomicBool,
    /// How late the last change of another was heard of, in milliseconds; the greatest number is never.
    last_lag: AtomicU64,
    clock: SharedClock,
    metrics: Arc<Metrics>,
}

impl Replicas {
    /// Begins to tell and to listen, until `ended`.
    pub(super) fn start(
        cache: &Arc<ResponseCache>,
        redis: Arc<Redis>,
        clock: SharedClock,
        metrics: Arc<Metrics>,
        background: &TaskTracker,
        ended: &CancellationToken,
    ) -> Arc<Self> {
        let own = format!("{:016x}", fastrand::u64(..));
        let (outbox, hears, last_lag) = (Outbox::default(), AtomicBool::new(false), AtomicU64::new(u64::MAX));
        let replicas = Arc::new(Self { redis, own, outbox, hears, last_lag, clock, metrics });
        let (telling, listening) = (Arc::clone(&replicas), Arc::clone(&replicas));
        let stop = ended.clone();
        background.spawn(async move {
            let _ = stop.run_until_cancelled(telling.tell()).await;
        });
        let (cache, stop) = (Arc::clone(cache), ended.clone());
        background.spawn(async move {
            let _ = stop.run_until_cancelled(listening.listen(&cache)).await;
        });
        replicas
    }

    /// Whether what others tell is heard, as far as anybody knows.
    pub(super) fn hears(&self) -> bool {
        self.hears.load(SeqCst)
    }

    /// Leaves a change to be told.
    pub(super) fn note(&self, change: Change) {
        self.outbox.push(Noted { at: message::millis(self.clock.wall()), change });
    }

    /// Waits until all that was noted so far is accepted, but not long, and not at all in vain; says whether it is.
    pub(super) async fn told(&self) -> bool {
        let patience = if self.redis.is_away() { Duration::ZERO } else { PATIENCE };
        let in_time = self.outbox.accepted(Instant::now() + patience).await;
        self.message(if in_time { "in_time" } else { "late" });
        in_time
    }

    /// Waits until all that was noted is accepted, even if Redis must come back first, but not for ever.
    ///
    /// Whoever ends without that leaves the others with entries that a write of its own made untrue, until they end.
    pub(super) async fn tell_the_rest(&self) {
        if !self.outbox.accepted(Instant::now() + FAREWELL).await {
            let changes = self.outbox.untold();
            tracing::warn!(changes, "other replicas were not told of changes; these show there when entries end");
        }
    }

    /// How it stands.
    pub(super) fn report(&self) -> ReplicasReport {
        let last_lag = Some(self.last_lag.load(Relaxed)).filter(|millis| *millis != u64::MAX);
        ReplicasReport { heard: self.hears(), untold: self.outbox.untold(), last_lag: last_lag.map(Duration::from_millis) }
    }

    /// Tells what is noted, again and again until it is accepted.
    async fn tell(&self) {
        let channel = self.redis.key(CHANNEL);
        loop {
            let batch = self.outbox.next().await;
            let message = Message { from: self.own.clone(), changes: batch.changes().cloned().collect() };
            let publish = cmd("PUBLISH").arg(&channel).arg(message.to_bytes()).to_owned();
            match self.redis.query::<u64>(Use::Invalidation, &publish).await {
                Ok(_listeners) => self.outbox.done(&batch),
                Err(_counted) => {
                    self.outbox.put_back(batch);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn listen(&self, cache: &ResponseCache) {
        let mut events = self.redis.subscribe(Use::Invalidation, CHANNEL);
        while let Some(event) = events.next().await {
            match event {
                Event::Subscribed => {
                    cache.forget_everything();
                    cache.count_invalidation("reconnect");
                    self.hear(true);
                }
                Event::Lost => {
                    self.hear(false);
                    tracing::warn!("other replicas are not heard; their writes show here when entries end");
                }
                Event::Message(bytes) => self.heed(cache, &bytes),
            }
        }
    }

    fn heed(&self, cache: &ResponseCache, bytes: &[u8]) {
        let Some(message) = Message::from_bytes(bytes) else {
            self.message("unreadable");
            // It told of something.
            return cache.forget_everything();
        };
        if message.from == self.own {
            return;
        }
        let now = message::millis(self.clock.wall());
        for Noted { at, change } in message.changes {
            let lag = now.saturating_sub(at);
            self.last_lag.store(lag, Relaxed);
            self.metrics.cache_invalidation_lag_seconds.with(()).observe(Duration::from_millis(lag).as_secs_f64());
            cache.count_invalidation("replica");
            match change {
                Change::Written { account, operations } => cache.forget(&account, operations.iter().map(|name| &**name)),
                Change::Purged { tenant, operation } => {
                    cache.forget_of(tenant.as_deref().map(TenantName::new).as_ref(), operation.as_deref());
                }
            }
        }
    }

    fn hear(&self, hears: bool) {
        self.hears.store(hears, SeqCst);
        self.metrics.cache_invalidation_heard.with(()).set(i64::from(hears));
    }

    fn message(&self, result: &'static str) {
        self.metrics.cache_invalidation_messages_total.with(MessageResult { result }).inc();
    }
}
