//! Records of writes that bear a key: the handle that requests hold, and what stores are asked to do.
//!
//! A store reads [`Command`]s from its inbox and lets [`judge`] decide on each, atomically and, before it replies, durably. Whoever
//! is told [`Begun::Started`] holds the [`Owner`], which cannot be lost: dropped before anything was forwarded it frees the key, and
//! after that it leaves the outcome unknown.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

pub use self::board::{Board, Condition};
pub use self::judge::{Retention, Unresolvable};
pub use self::owner::Owner;
pub use self::record::{Answer, Digest, Ending, Fence, Fingerprint, Millis, Outcome, Past, Resolution, Trace};

mod board;
pub mod embedded;
mod encoded;
pub mod judge;
mod owner;
pub mod record;
pub mod seal;
pub mod shared;
#[cfg(test)]
pub(crate) mod testing;

/// The handle on a store of records.
#[derive(Clone, Debug)]
pub struct Records {
    commands: mpsc::UnboundedSender<Command>,
    board: Arc<Board>,
}

/// What a store reads. Bounded by the requests in flight, each of which waits for the reply to its last command.
pub type Inbox = mpsc::UnboundedReceiver<Command>;

/// What a store is asked to do.
#[derive(Debug)]
pub enum Command {
    /// Let a request be forwarded, if no other with its key was.
    Begin(Box<Claim>, Reply),
    /// Take note of how an owner's write ended.
    End(Digest, Fence, Ending, oneshot::Sender<Result<(), Unavailable>>),
    /// Take an operator's word for how a write ended.
    Resolve(Name, Resolution, oneshot::Sender<Result<(), Unresolved>>),
    /// Let go of what is kept long enough.
    Sweep,
    /// Keep nothing in memory any more and give the store up.
    Close(oneshot::Sender<()>),
}

impl Command {
    /// Whether somebody who waits for a record may go on after it.
    fn ends(&self) -> bool {
        matches!(self, Self::End(..) | Self::Resolve(..))
    }
}

/// What a record is found by: environment, credential, tenant and key. It may be personal and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(Vec<u8>);

/// A request that wants to be forwarded.
#[derive(Clone, Debug)]
pub struct Claim {
    /// What its record is found by.
    pub name: Name,
    /// Which request it is.
    pub fingerprint: Fingerprint,
    /// What it is.
    pub trace: Trace,
}

/// What comes of a claim.
#[derive(Debug)]
pub enum Begun {
    /// The record is durable: the request may be forwarded.
    Started(Owner),
    /// A request with this key is under way.
    InFlight,
    /// A request with this key ended so.
    Done(Outcome, Past),
    /// A request with this key was sent, and nobody knows what came of it.
    Unknown(Past),
    /// The key was used for another request.
    Mismatch,
}

/// Why a store does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Another process has it.
    #[error("the store of idempotency records is held by another process")]
    Held,
    /// It holds as much as it may.
    #[error("the store of idempotency records is full")]
    Full,
    /// It fails.
    #[error("the store of idempotency records fails")]
    Failed,
    /// It is closed.
    #[error("the store of idempotency records is closed")]
    Closed,
}

/// Why an operator's word changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// The record is not to be resolved.
    #[error(transparent)]
    Unresolvable(#[from] Unresolvable),
    /// The store does nothing.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Where the answer to a claim goes.
#[derive(Debug)]
pub struct Reply {
    to: oneshot::Sender<Result<Begun, Unavailable>>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Records {
    /// A handle, and the inbox from which a store reads what is asked of it.
    #[must_use]
    pub fn new() -> (Self, Inbox) {
        let (commands, inbox) = mpsc::unbounded_channel();
        (Self { commands, board: Arc::default() }, inbox)
    }

    /// How the store is doing.
    #[must_use]
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Asks to forward a request. Dropping the future, or what it gives, gives the claim back.
    ///
    /// # Errors
    ///
    /// The store does nothing: no record was made, or if one was, its outcome is unknown rather than free.
    pub async fn begin(&self, claim: Claim) -> Result<Begun, Unavailable> {
        let (to, reply) = oneshot::channel();
        let reply_to = Reply { to, commands: self.commands.clone() };
        self.commands.send(Command::Begin(Box::new(claim), reply_to)).map_err(|_| Unavailable::Closed)?;
        reply.await.unwrap_or(Err(Unavailable::Closed))
    }

    /// Takes an operator's word for how a write ended.
    ///
    /// # Errors
    ///
    /// Its outcome is not unknown, or the store does nothing.
    pub async fn resolve(&self, name: Name, resolution: Resolution) -> Result<(), Unresolved> {
        let (to, reply) = oneshot::channel();
        self.commands.send(Command::Resolve(name, resolution, to)).map_err(|_| Unavailable::Closed)?;
        reply.await.unwrap_or(Err(Unavailable::Closed.into()))
    }

    /// Lets go of what is kept long enough.
    pub fn sweep(&self) {
        // A store that is closed has nothing to let go of.
        let _ = self.commands.send(Command::Sweep);
    }

    /// Gives the store up, once it has done what it was asked before.
    pub async fn close(&self) {
        let (to, closed) = oneshot::channel();
        if self.commands.send(Command::Close(to)).is_ok() {
            // A store that ends without a word has closed as well.
            let _ = closed.await;
        }
    }
}

impl Name {
    /// A name of these parts, each told from the next.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut name = Vec::new();
        for part in parts {
            name.extend_from_slice(&(part.len() as u64).to_be_bytes());
            name.extend_from_slice(part);
        }
        Self(name)
    }

    /// Its bytes, for the store's keyed digest alone.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Name(redacted)")
    }
}

impl Reply {
    /// Whether nobody waits for it any more.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.to.is_closed()
    }

    /// Lets the request be forwarded. If nobody waits for it any more, the claim is given back.
    pub fn started(self, digest: Digest, fence: Fence) {
        let owner = Owner::new(digest, fence, self.commands);
        // Sent back, the owner is dropped here and frees the key.
        let _ = self.to.send(Ok(Begun::Started(owner)));
    }

    /// Gives any other answer.
    pub fn told(self, told: Result<Begun, Unavailable>) {
        // Who left does not want to know.
        let _ = self.to.send(told);
    }
}
