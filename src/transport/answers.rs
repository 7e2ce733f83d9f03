//! Where each answer on a connection ends, read from the bytes as they come and more strictly than hyper reads them.
//!
//! hyper takes bare line feeds, repeated lengths, a length beside a coding and any coding at all, and settles them as RFC 9112
//! allows; what two readers could read as two different answers would become a caller's. Here the first flaw is the last thing
//! that is taken from a connection, and it is told before hyper has seen the bytes that hold it.

use self::head::{Following, Head};
use crate::chunked::Chunked;

pub use self::guarded::Guarded;
pub use self::watch::Watch;

mod guarded;
mod head;
mod watch;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Flaw(&'static str);

/// How far the answers on a connection have come.
#[derive(Debug, Default)]
pub struct Answers(State);

#[derive(Debug, Default)]
enum State {
    /// No request waits for an answer.
    #[default]
    Resting,
    Head(Head),
    Sized(u64),
    Chunked(Chunked),
    /// The body ends with the connection.
    Open,
    Flawed(Flaw),
}

impl Answers {
    /// A request goes up; `head_only` if its answer has no body, whatever its fields say (RFC 9112 §6.3).
    pub fn ask(&mut self, head_only: bool) {
        if self.is_settled() {
            self.0 = State::Head(Head::new(head_only));
        }
    }

    /// Whether every request was answered, and no answer has more to come.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self.0, State::Resting)
    }

    /// Takes what came. All of it must belong to the present answer: what is more than was announced makes the end uncertain.
    ///
    /// # Errors
    ///
    /// These bytes break the answer, or belong to none; nothing is taken after them.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let read = self.advance(bytes);
        if let Err(flaw) = read {
            self.0 = State::Flawed(flaw);
        }
        read
    }

    fn advance(&mut self, mut bytes: &[u8]) -> Result<(), Flaw> {
        while !bytes.is_empty() {
            let taken = match &mut self.0 {
                State::Resting => return Err(Flaw("It came without having been asked for, or is longer than it said.")),
                State::Flawed(flaw) => return Err(*flaw),
                State::Open => bytes.len(),
                State::Head(head) => {
                    let (taken, following) = head.read(bytes)?;
                    if let Some(following) = following {
                        self.0 = after(following);
                    }
                    taken
                }
                State::Sized(left) => {
                    let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    *left -= taken as u64;
                    if *left == 0 {
                        self.0 = State::Resting;
                    }
                    taken
                }
                State::Chunked(chunked) => {
                    let (taken, ended) = chunked.read(bytes).ok_or(Flaw("Its chunks are none."))?;
                    if ended {
                        self.0 = State::Resting;
                    }
                    taken
                }
            };
            bytes = &bytes[taken..];
        }
        Ok(())
    }
}

fn after(following: Following) -> State {
    match following {
        Following::Bytes(0) => State::Resting,
        Following::Bytes(length) => State::Sized(length),
        Following::Chunks => State::Chunked(Chunked::default()),
        Following::Everything => State::Open,
    }
}

#[cfg(test)]
mod tests;
