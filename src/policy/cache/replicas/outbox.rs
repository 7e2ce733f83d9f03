//! Changes that wait to be told: each once, however often it happens meanwhile, until it was accepted.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::message::Noted;

/// Where changes wait. They are made of configured names, so there are never more than those allow.
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
    /// The place up to which all are accepted.
    accepted: watch::Sender<u64>,
}

#[derive(Default)]
struct Waiting {
    /// The place of the change that was noted last.
    last: u64,
    changes: Vec<Noted>,
}

/// Changes that are being told.
pub(super) struct Batch {
    upto: u64,
    changes: Vec<Noted>,
}

impl Outbox {
    /// Adds a change. One that waits already is told once, with the time at which it was noted first.
    pub(super) fn push(&self, noted: Noted) {
        let mut waiting = self.lock();
        waiting.last += 1;
        if !waiting.changes.iter().any(|other| other.change == noted.change) {
            waiting.changes.push(noted);
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// How many additions were not accepted yet.
    pub(super) fn untold(&self) -> u64 {
        let last = self.lock().last;
        last.saturating_sub(*self.accepted.borrow())
    }

    /// Waits until what was added so far is accepted; says whether it was in time.
    pub(super) async fn accepted(&self, deadline: Instant) -> bool {
        let last = self.lock().last;
        let mut accepted = self.accepted.subscribe();
        let done = accepted.wait_for(|accepted| *accepted >= last);
        matches!(timeout_at(deadline, done).await, Ok(Ok(_)))
    }

    /// Takes out all that waits, once something does. One caller at a time.
    pub(super) async fn next(&self) -> Batch {
        loop {
            if let Some(batch) = self.take() {
                return batch;
            }
            self.filled.notified().await;
        }
    }

    fn take(&self) -> Option<Batch> {
        let mut waiting = self.lock();
        let changes = std::mem::take(&mut waiting.changes);
        (!changes.is_empty()).then_some(Batch { upto: waiting.last, changes })
    }

    /// All of a batch is accepted.
    pub(super) fn done(&self, batch: &Batch) {
        self.accepted.send_replace(batch.upto);
    }

    /// A batch was not accepted.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut waiting = self.lock();
        let newer = std::mem::replace(&mut waiting.changes, batch.changes);
        for noted in newer {
            if !waiting.changes.iter().any(|other| other.change == noted.change) {
                waiting.changes.push(noted);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    /// What is in it, oldest first.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Noted> {
        self.changes.iter()
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self { waiting: Mutex::default(), filled: Notify::new(), accepted: watch::Sender::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::message::Change;
    use super::*;

    fn noted(at: u64, tenant: &str) -> Noted {
        Noted { at, change: Change::Purged { tenant: Some(tenant.to_owned()), operation: None } }
    }

    async fn soon(outbox: &Outbox) -> bool {
        outbox.accepted(Instant::now() + Duration::from_millis(20)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_waited_for_until_it_is_accepted_and_not_longer_than_allowed() {
        let outbox = Outbox::default();
        assert!(soon(&outbox).await, "nothing was noted");
        outbox.push(noted(1, "a"));
        assert!(!soon(&outbox).await);

        let batch = outbox.next().await;
        outbox.push(noted(2, "b"));
        outbox.done(&batch);

        assert!(!soon(&outbox).await, "the second is still to be told");
        assert_eq!(outbox.untold(), 1);
        let batch = outbox.next().await;
        outbox.done(&batch);
        assert!(soon(&outbox).await);
        assert_eq!(outbox.untold(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_accepted_is_told_again_once_with_its_first_time() {
        let outbox = Outbox::default();
        outbox.push(noted(1, "a"));
        let batch = outbox.next().await;
        outbox.push(noted(2, "a"));
        outbox.push(noted(3, "b"));

        outbox.put_back(batch);

        let told: Vec<_> = outbox.next().await.changes().cloned().collect();
        assert_eq!(told, [noted(1, "a"), noted(3, "b")]);
    }
}
