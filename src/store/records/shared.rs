//! Records in Redis, which replicas share.
//!
//! **Why at most one forward per key.** A record is changed by a script, and only if it still is, byte for byte, what `judge` decided
//! about: of two replicas that judge the same state one comes first, and the other judges anew. Redis answers once the change is on
//! its disk, which is vetted. A step whose answer was lost is taken again: who finds its own claim has it, and a claim that
//! may have been made but is not used is given back, however long that takes. An owner renews the lease on its record; once that is
//! over the owner counts as dead and its record as unknown, never as free. What it says in the end counts all the same, since it
//! knows better. Nothing is ever decided without Redis.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::opening::{Opened, Trouble, open};
use self::script::Terms;
use super::judge::Retention;
use super::{Board, Command, Condition, Digest, Fence, Inbox, Millis};
use crate::clock::SharedClock;
use crate::secret::Secret;
use crate::store::redis::Redis;

mod opening;
mod script;
mod steps;

/// What one answer of Redis may take: unlike a limit, a record is worth waiting for, and it is on a disk before it is answered.
pub const ANSWER: Duration = Duration::from_secs(1);
/// How often the connection is looked at.
const PACE: Duration = Duration::from_secs(1);
/// What steps that are under way may take when the store is given up.
const LAST: Duration = Duration::from_secs(2);

/// How records are kept.
pub struct Settings {
    /// The operator's key, if records are to be encrypted.
    pub key: Option<Secret>,
    /// How long records are kept.
    pub retention: Retention,
    /// Records at most, of all replicas together.
    pub max_records: u64,
    /// How long an owner counts as alive that is not heard of.
    pub lease: Duration,
}

/// Serves `inbox` until it is closed; then `ended`, which the connection is to heed, is cancelled.
///
/// Redis need not be there: without it nothing is begun.
pub fn start(
    settings: Settings,
    redis: Arc<Redis>,
    inbox: Inbox,
    board: &Arc<Board>,
    clock: SharedClock,
    background: &TaskTracker,
    ended: CancellationToken,
) {
    let Settings { key, retention, max_records, lease } = settings;
    let terms = Terms { done: retention.done, unknown: retention.unknown, lease, max_records };
    let keeper = Arc::new(Keeper {
        redis,
        key,
        terms,
        board: Arc::clone(board),
        clock,
        opened: tokio::sync::Mutex::default(),
        owned: Mutex::default(),
        ended: ended.clone(),
    });
    background.spawn(Arc::clone(&keeper).watch());
    background.spawn(keeper.run(inbox, ended.drop_guard()));
}

/// What the store's tasks share.
struct Keeper {
    redis: Arc<Redis>,
    key: Option<Secret>,
    terms: Terms,
    board: Arc<Board>,
    clock: SharedClock,
    opened: tokio::sync::Mutex<Option<Arc<Opened>>>,
    owned: Mutex<HashMap<(Digest, Fence), Owned>>,
    ended: CancellationToken,
}

/// A record that somebody in this process owns.
#[derive(Clone)]
struct Owned {
    /// As it was written.
    bytes: Arc<[u8]>,
    opened: Arc<Opened>,
}

impl Keeper {
    async fn run(self: Arc<Self>, mut inbox: Inbox, ended: DropGuard) {
        let steps = TaskTracker::new();
        while let Some(command) = inbox.recv().await {
            if let Command::Close(closed) = command {
                steps.close();
                // What takes longer is left as it is: in flight, and unknown once its lease is over.
                let _ = timeout(LAST, steps.wait()).await;
                self.board.set_condition(Condition::Closed);
                // Who does not wait for the end does not want to know.
                let _ = closed.send(());
                break;
            }
            let (keeper, ended) = (Arc::clone(&self), self.ended.clone());
            steps.spawn(async move { ended.run_until_cancelled(keeper.take(command)).await });
        }
        drop(ended);
    }

    /// Keeps leases and knows how Redis is doing, until the end.
    async fn watch(self: Arc<Self>) {
        let pace = PACE.min(self.terms.lease / 4);
        let watching = async {
            self.redis.attempted().await;
            loop {
                // Whoever needs the store is told why it fails; here that is only shown.
                let _ = self.opened().await;
                self.renew().await;
                sleep(pace).await;
            }
        };
        self.ended.run_until_cancelled(watching).await;
    }

    /// The store, known by the connection there is now.
    async fn opened(&self) -> Result<Arc<Opened>, Trouble> {
        let mut opened = self.opened.lock().await;
        let connected = self.redis.status().since;
        if let Some(opened) = opened.as_ref().filter(|opened| opened.connected == connected && !self.redis.is_away()) {
            return Ok(Arc::clone(opened));
        }
        if opened.is_none() {
            // At the start, who comes before the connection waits for it.
            let _ = timeout(ANSWER, self.redis.attempted()).await;
        }
        let connected = self.redis.status().since;
        let found = open(&self.redis, self.key.as_ref(), connected).await.map(Arc::new);
        *opened = found.as_ref().ok().cloned().or(opened.take());
        self.tell(found.as_ref().map(drop));
        found
    }

    /// Shows whether the store can be used, and says so when that changes.
    fn tell(&self, opened: Result<(), &Trouble>) {
        let failure = opened.err().map(ToString::to_string);
        let condition = if failure.is_none() { Condition::Open } else { Condition::Failing };
        let before = (self.board.condition(), self.board.set_failure(failure.clone()));
        self.board.set_condition(condition);
        match failure {
            _ if before == (condition, failure.clone()) => {}
            Some(reason) => {
                self.board.failed();
                tracing::error!(reason, "no idempotency records can be kept in Redis: payments are refused");
            }
            None => tracing::info!("the idempotency records in Redis are open"),
        }
    }

    /// Renews the leases of all that is owned here.
    async fn renew(&self) {
        let owned: Vec<_> = self.owned().iter().map(|((place, _), owned)| (*place, Arc::clone(&owned.bytes))).collect();
        let renewals = owned.iter().map(async |(place, bytes)| {
            if let Ok(false) = script::renew(&self.redis, place, bytes, &self.terms).await {
                tracing::debug!("a record in flight was taken for unknown before its owner was done");
            }
        });
        join_all(renewals).await;
    }

    fn owned(&self) -> MutexGuard<'_, HashMap<(Digest, Fence), Owned>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Millis {
        let since = self.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
