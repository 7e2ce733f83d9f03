//! A store in memory whose records outlive the process that a test kills, and which fails when it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::digest::{SHA256, digest};
use tokio::task::{JoinHandle, yield_now};
use tokio_util::task::TaskTracker;

use super::judge::{self, Asked, Change, Retention, Verdict};
use super::record::Record;
use super::{Begun, Command, Condition, Digest, Fence, Inbox, Records, Reply, Unavailable};

/// How a command fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing is written.
    Before,
    /// It is written, and nobody hears of it.
    After,
}

/// Decides which commands fail.
pub(crate) type Fate = Box<dyn FnMut() -> Option<Failure> + Send>;

/// What is on the disk, and who is alive.
pub(crate) struct Disk {
    pub(crate) records: BTreeMap<Digest, Record>,
    alive: BTreeSet<Fence>,
    next: Fence,
    pub(crate) fate: Fate,
}

/// A store that keeps what was written when it is killed.
#[derive(Clone)]
pub(crate) struct Simulated(Arc<Mutex<Disk>>);

const RETENTION: Retention = Retention { done: 3_600_000, unknown: 36_000_000 };

impl Simulated {
    /// An empty disk.
    pub(crate) fn new(fate: Fate) -> Self {
        let disk = Disk { records: BTreeMap::new(), alive: BTreeSet::new(), next: 1, fate };
        Self(Arc::new(Mutex::new(disk)))
    }

    /// An empty disk, and a store on it.
    pub(crate) fn start() -> (Self, Records) {
        let store = Self::new(Box::new(|| None));
        let (records, _) = store.open();
        (store, records)
    }

    /// A process opens the store: whoever was at a request is dead.
    pub(crate) fn open(&self) -> (Records, JoinHandle<()>) {
        let (records, inbox) = Records::new();
        self.disk().alive.clear();
        records.board().set_condition(Condition::Open);
        let (store, board) = (self.clone(), Arc::clone(records.board()));
        let serving = TaskTracker::new().spawn(async move {
            store.serve(inbox, || board.ended.notify_waiters()).await;
        });
        (records, serving)
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    /// Every command takes a few turns of the runtime before it is durable, and one more before anybody hears of it.
    async fn serve(self, mut inbox: Inbox, ended: impl Fn()) {
        while let Some(command) = inbox.recv().await {
            yield_now().await;
            yield_now().await;
            let ends = command.ends();
            let tell = self.disk().take(command);
            yield_now().await;
            tell();
            if ends {
                ended();
            }
        }
    }
}

type Tell = Box<dyn FnOnce() + Send>;

impl Disk {
    fn take(&mut self, command: Command) -> Tell {
        let fate = (self.fate)();
        match command {
            Command::Begin(claim, reply) => {
                let place = place(claim.name.as_bytes());
                self.begin(place, &Asked { fence: self.next, fingerprint: claim.fingerprint, trace: claim.trace }, reply, fate)
            }
            Command::End(place, fence, ending, to) => {
                self.alive.remove(&fence);
                if fate != Some(Failure::Before) {
                    let change = judge::end(self.records.get(&place), fence, ending, 0);
                    self.make(place, change);
                }
                Box::new(move || _ = to.send(if fate.is_none() { Ok(()) } else { Err(Unavailable::Failed) }))
            }
            Command::Resolve(name, resolution, to) => {
                let place = place(name.as_bytes());
                let found = self.settled(place);
                let resolved = judge::resolve(found.as_ref(), resolution, 0).map(|change| self.make(place, change));
                Box::new(move || _ = to.send(resolved.map_err(Into::into)))
            }
            Command::Sweep => Box::new(|| ()),
            Command::Close(to) => Box::new(move || _ = to.send(())),
        }
    }

    fn begin(&mut self, place: Digest, asked: &Asked, reply: Reply, fate: Option<Failure>) -> Tell {
        if fate == Some(Failure::Before) {
            return Box::new(|| reply.told(Err(Unavailable::Failed)));
        }
        let begun = match judge::begin(self.settled(place).as_ref(), asked, 0) {
            Verdict::Start(record) => {
                self.records.insert(place, record);
                self.next += 1;
                if fate.is_some() {
                    return Box::new(|| reply.told(Err(Unavailable::Failed)));
                }
                self.alive.insert(asked.fence);
                let fence = asked.fence;
                return Box::new(move || reply.started(place, fence));
            }
            Verdict::InFlight => Begun::InFlight,
            Verdict::Done(outcome, past) => Begun::Done(outcome, past),
            Verdict::Unknown(past) => Begun::Unknown(past),
            Verdict::Mismatch => Begun::Mismatch,
        };
        Box::new(move || reply.told(if fate.is_none() { Ok(begun) } else { Err(Unavailable::Failed) }))
    }

    fn settled(&mut self, place: Digest) -> Option<Record> {
        let settled = RETENTION.settle(self.records.get(&place).cloned(), |fence| self.alive.contains(&fence), 0);
        if let Some(settled) = &settled {
            self.records.insert(place, settled.clone());
        }
        settled
    }

    fn make(&mut self, place: Digest, change: Change) {
        match change {
            Change::Put(record) => _ = self.records.insert(place, record),
            Change::Remove => _ = self.records.remove(&place),
            Change::None => {}
        }
    }
}

fn place(name: &[u8]) -> Digest {
    digest(&SHA256, name).as_ref().try_into().unwrap()
}
