//! What is remembered of one write: plain data, without any clock, file or network.

use bytes::Bytes;

/// Milliseconds since the Unix epoch.
pub type Millis = u64;

/// Tells one owner of a record from every other that ever was: what a late owner says of a record that is another's does not count.
pub type Fence = u64;

/// A keyed digest of (environment, credential, tenant, key): a record's place in its store.
pub type Digest = [u8; 32];

/// A digest of operation, target and body.
pub type Fingerprint = [u8; 32];

/// A write that bore a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Its owner.
    pub fence: Fence,
    /// When it began.
    pub begun: Millis,
    /// When it reached its state.
    pub changed: Millis,
    /// What is known of it.
    pub state: State,
    /// What it was.
    pub trace: Trace,
    /// Which request it was, so that another one is told from it.
    pub fingerprint: Fingerprint,
}

/// What is known of a write. One that is free again has no record.
#[derive(Clone, PartialEq, Eq)]
pub enum State {
    /// Its owner is at it, or died over it.
    InFlight,
    /// It was answered, or somebody looked it up.
    Done(Outcome),
    /// Bytes may have left, and no answer tells what came of them.
    Unknown,
}

/// How a write ended that is known to have ended.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With this answer, which every repetition gets.
    Answer(Answer),
    /// With an answer of this status that was too large to keep.
    Status(u16),
    /// An operator found that it happened.
    Resolved,
}

/// An answer, as far as it is kept. It may hold personal data and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its header fields, as far as they are safe to repeat.
    pub fields: Vec<(String, Vec<u8>)>,
    /// Its body, whole.
    pub body: Bytes,
}

/// What a person needs to find a write again, and nothing personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The operation's name.
    pub operation: String,
    /// The id of the request that was forwarded.
    pub request_id: String,
}

/// What an owner says of its write in the end.
#[derive(Clone, PartialEq, Eq)]
pub enum Ending {
    /// It is known how it ended.
    Done(Outcome),
    /// Nothing was done: the key may be used again.
    Free,
    /// Nobody can know.
    Unknown,
}

/// What an operator says of a write whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It happened.
    Done,
    /// It did not: the key may be used again.
    Free,
}

/// A write that was begun earlier and is no longer under way, as a repetition of it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// What it was.
    pub trace: Trace,
    /// When it began.
    pub begun: Millis,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { fence, begun, changed, state, trace, .. } = self;
        f.debug_struct("Record")
            .field("fence", fence)
            .field("begun", begun)
            .field("changed", changed)
            .field("state", state)
            .field("trace", trace)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InFlight => f.write_str("InFlight"),
            Self::Done(outcome) => write!(f, "Done({outcome:?})"),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answer(answer) => write!(f, "Answer({})", answer.status),
            Self::Status(status) => write!(f, "Status({status})"),
            Self::Resolved => f.write_str("Resolved"),
        }
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({})", self.status)
    }
}

impl std::fmt::Debug for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done(outcome) => write!(f, "Done({outcome:?})"),
            Self::Free => f.write_str("Free"),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}
