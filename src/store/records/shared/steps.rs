//! What a command does to a record: judged here, made by a script, and judged anew if the record was another by then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::opening::{Opened, Trouble};
use super::script::{self, Found, Next, Swapped};
use super::{Keeper, Owned};
use crate::store::records::encoded::{decode, encode};
use crate::store::records::judge::{self, Asked, Change, Retention, Unresolvable, Verdict};
use crate::store::records::record::{Record, State};
use crate::store::records::{Begun, Claim, Command, Digest, Ending, Fence, Name, Reply, Resolution, Unavailable};

/// How long a claim is tried again whose answer was lost.
const CLAIMING: Duration = Duration::from_secs(2);
/// How long an owner's last word is tried before its caller gets the answer all the same. It is tried on until it is taken.
const ENDING: Duration = Duration::from_secs(5);
/// The pauses between tries: the first and the longest.
const PAUSE: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];

/// Redis itself lets go of records whose time is over, by its own clock.
const REDIS_ENDS_IT: Retention = Retention { done: u64::MAX, unknown: u64::MAX };

/// What came of a claim.
enum Told {
    /// It is made.
    Started,
    /// It is not.
    Begun(Begun),
}

/// Whether a change was made, or what the record is instead.
type Made = Result<(), Option<Found>>;

impl Keeper {
    pub(super) async fn take(self: Arc<Self>, command: Command) {
        match command {
            Command::Begin(claim, reply) => self.begin(&claim, reply).await,
            Command::End(place, fence, ending, to) => self.end(place, fence, &ending, to).await,
            Command::Resolve(name, resolution, to) => {
                let resolved = self.resolve(&name, resolution).await;
                self.board.ended.notify_waiters();
                let told = resolved.map_err(|_| Unavailable::Failed.into()).and_then(|resolved| resolved.map_err(Into::into));
                // Whoever left does not want to know.
                let _ = to.send(told);
            }
            Command::Sweep => {
                if let Ok(tally) = script::look(&self.redis, &self.terms).await {
                    script::show(&self.board, tally);
                }
            }
            // Whoever reads the inbox closes the store.
            Command::Close(_) => {}
        }
    }

    /// Claims until it is known what came of it; what is not known in time is taken back.
    async fn begin(&self, claim: &Claim, reply: Reply) {
        let (since, fence) = (Instant::now(), fastrand::u64(..));
        let (mut placed, mut pause) = (None, PAUSE[0]);
        let told = loop {
            let told = self.claim(claim, fence, &mut placed).await;
            let is_over = since.elapsed() >= CLAIMING || reply.is_abandoned();
            match told {
                Err(trouble) if placed.is_some() && !trouble.lasts() && !is_over => sleep(pause).await,
                // Whoever hears so late has little left of its lease: it may be taken for dead before it has begun.
                Ok(Told::Started) if since.elapsed() >= self.terms.lease / 2 => break Err(Trouble::Late),
                told => break told,
            }
            pause = (pause * 2).min(PAUSE[1]);
        };
        match (told, placed) {
            (Ok(Told::Started), Some((place, owned))) => {
                self.owned().insert((place, fence), owned);
                reply.started(place, fence);
            }
            (Ok(Told::Begun(begun)), _) => reply.told(Ok(begun)),
            (told, placed) => {
                let full = matches!(told, Err(Trouble::Full));
                reply.told(Err(if full { Unavailable::Full } else { Unavailable::Failed }));
                if let Some((place, owned)) = placed {
                    // It may stand there, and nothing was sent.
                    self.owned().insert((place, fence), owned);
                    self.end(place, fence, &Ending::Free, oneshot::channel().0).await;
                }
            }
        }
    }

    /// Claims once; `placed` is what may have been written.
    async fn claim(&self, claim: &Claim, fence: Fence, placed: &mut Option<(Digest, Owned)>) -> Result<Told, Trouble> {
        let opened = self.opened().await?;
        let place = opened.seal.digest(claim.name.as_bytes());
        let asked = Asked { fence, fingerprint: opened.seal.fingerprint(&claim.fingerprint), trace: claim.trace.clone() };
        // That there is no record is the rule, and is tried without looking.
        let mut found = None;
        loop {
            if let Some(there) = &found {
                let own = read(&opened, &place, there)?;
                if own.fence == fence {
                    let holds = own.state == State::InFlight && !there.lapsed;
                    return if holds { Ok(Told::Started) } else { Err(Trouble::Late) };
                }
            }
            let (_, record) = self.settled(&opened, &place, found).await?;
            let begun = match judge::begin(record.as_ref(), &asked, self.now()) {
                Verdict::Start(record) => {
                    let bytes: Arc<[u8]> = encode(&record, &place, &opened.seal).into();
                    *placed = Some((place, Owned { bytes: Arc::clone(&bytes), opened: Arc::clone(&opened) }));
                    match self.swap(&opened, &place, &[], Next::Put(&record, &bytes)).await? {
                        Ok(()) => return Ok(Told::Started),
                        Err(other) => found = other,
                    }
                    continue;
                }
                Verdict::InFlight => Begun::InFlight,
                Verdict::Done(outcome, past) => Begun::Done(outcome, past),
                Verdict::Unknown(past) => Begun::Unknown(past),
                Verdict::Mismatch => Begun::Mismatch,
            };
            return Ok(Told::Begun(begun));
        }
    }

    /// Tells how an owner's write ended until Redis has taken note, or has lost the record.
    async fn end(&self, place: Digest, fence: Fence, ending: &Ending, to: oneshot::Sender<Result<(), Unavailable>>) {
        let Some(owned) = self.owned().get(&(place, fence)).cloned() else {
            // Whoever left does not want to know.
            let _ = to.send(Err(Unavailable::Failed));
            return;
        };
        let (began, mut to, mut pause) = (Instant::now(), Some(to), PAUSE[0]);
        let mut tell = |told| to.take().map(|to| to.send(told));
        let ended = loop {
            match self.end_once(&owned, &place, fence, ending).await {
                Err(trouble) if !trouble.lasts() && !matches!(trouble, Trouble::Moved) => {}
                ended => break ended,
            }
            if began.elapsed() >= ENDING {
                let _ = tell(Err(Unavailable::Failed));
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE[1]);
        };
        if let Err(trouble) = &ended {
            tracing::error!(error = %trouble, "how a write with a key ended cannot be recorded");
        }
        self.owned().remove(&(place, fence));
        self.board.ended.notify_waiters();
        let _ = tell(ended.map_err(|_| Unavailable::Failed));
    }

    async fn end_once(&self, owned: &Owned, place: &Digest, fence: Fence, ending: &Ending) -> Result<(), Trouble> {
        // That nobody touched the record meanwhile is the rule, and is tried without looking.
        let mut found = Some(Found { bytes: owned.bytes.to_vec(), lapsed: false });
        loop {
            let record = found.as_ref().map(|found| read(&owned.opened, place, found)).transpose()?;
            let change = judge::end(record.as_ref(), fence, ending.clone(), self.now());
            match self.make(&owned.opened, place, found.as_ref(), &change).await? {
                Ok(()) => return Ok(()),
                Err(other) => found = other,
            }
        }
    }

    async fn resolve(&self, name: &Name, resolution: Resolution) -> Result<Result<(), Unresolvable>, Trouble> {
        let opened = self.opened().await?;
        let place = opened.seal.digest(name.as_bytes());
        let mut found = self.swap(&opened, &place, &[], Next::Nothing).await?.err().flatten();
        loop {
            let (there, record) = self.settled(&opened, &place, found).await?;
            let change = match judge::resolve(record.as_ref(), resolution, self.now()) {
                Ok(change) => change,
                Err(unresolvable) => return Ok(Err(unresolvable)),
            };
            match self.make(&opened, &place, there.as_ref(), &change).await? {
                Ok(()) => return Ok(Ok(())),
                Err(other) => found = other,
            }
        }
    }

    /// What was found as it is by now, in bytes and read; that its owner died is written down first.
    async fn settled(
        &self,
        opened: &Opened,
        place: &Digest,
        mut found: Option<Found>,
    ) -> Result<(Option<Found>, Option<Record>), Trouble> {
        while let Some(there) = &found {
            let record = read(opened, place, there)?;
            let settled = REDIS_ENDS_IT.settle(Some(record.clone()), |_| !there.lapsed, self.now());
            let Some(died) = settled.filter(|settled| *settled != record) else { return Ok((found, Some(record))) };
            let bytes = encode(&died, place, &opened.seal);
            found = match self.swap(opened, place, &there.bytes, Next::Put(&died, &bytes)).await? {
                Ok(()) => Some(Found { bytes, lapsed: true }),
                Err(other) => other,
            };
        }
        Ok((None, None))
    }

    /// Does as it was decided about what was found.
    async fn make(&self, opened: &Opened, place: &Digest, found: Option<&Found>, change: &Change) -> Result<Made, Trouble> {
        let judged = found.map_or([].as_slice(), |found| &found.bytes);
        match change {
            Change::None => Ok(Ok(())),
            Change::Remove => self.swap(opened, place, judged, Next::Free).await,
            Change::Put(record) => {
                let bytes = encode(record, place, &opened.seal);
                self.swap(opened, place, judged, Next::Put(record, &bytes)).await
            }
        }
    }

    async fn swap(&self, opened: &Opened, place: &Digest, judged: &[u8], next: Next<'_>) -> Result<Made, Trouble> {
        let (swapped, tally) = script::swap(&self.redis, &opened.about, place, judged, next, &self.terms).await?;
        if let Swapped::Moved = swapped {
            *self.opened.lock().await = None;
            return Err(Trouble::Moved);
        }
        script::show(&self.board, tally);
        match swapped {
            Swapped::Changed => Ok(Ok(())),
            Swapped::Found(other) => Ok(Err(other)),
            Swapped::Full | Swapped::Moved => Err(Trouble::Full),
        }
    }
}

fn read(opened: &Opened, place: &Digest, found: &Found) -> Result<Record, Trouble> {
    decode(&found.bytes, place, &opened.seal).map_err(|_| Trouble::Damaged)
}
