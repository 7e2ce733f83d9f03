//! Where each request on a connection ends, read from the bytes as they come and more strictly than hyper reads them.
//!
//! hyper takes bare line feeds, repeated lengths and a length beside a coding, and settles them as RFC 9112 allows; nothing behind
//! it can refuse what may be an attempt at smuggling. Here a head with a flaw is the last thing that is taken from a connection.
//! hyper alone decides what a request means, and where the two disagreed, nothing more would be read.

use self::head::{Come, Head, Length};
use crate::chunked::Chunked;

mod head;

/// What takes the place of the rest of a request line that is too long: hyper reads a request then, and the stack can answer it.
const CUT_SHORT: &[u8] = b" HTTP/1.1\r\n\r\n";
const TOO_LONG: &str = "The request line is too long.";

/// How far the present message has come.
#[derive(Debug, Default)]
pub(super) struct Framing(State);

#[derive(Debug, Default)]
enum State {
    /// No byte of the next message has come.
    #[default]
    Between,
    Head(Head),
    Sized(u64),
    Chunked(Chunked),
    /// The request line was too long; so many bytes of what takes the place of its rest were given.
    Endless(usize),
    /// A head had this flaw; where it ends is not certain, so nothing follows.
    Flawed(&'static str),
    /// A body broke its framing; the same holds.
    Broken,
}

impl Framing {
    /// Whether the next byte begins a message.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.0, State::Between)
    }

    /// What makes the last head ambiguous; nothing is taken after it.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        match self.0 {
            State::Flawed(flaw) => Some(flaw),
            _ => None,
        }
    }

    /// Whether the present body breaks its framing: the next byte of it is not to be had.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self.0, State::Broken)
    }

    /// Takes bytes up to the end of the present message; says how many belong to it.
    ///
    /// A length beyond what can be counted, which hyper would take for a head that is too large, is made unreadable to it: it
    /// answers 400. A request line that is too long is cut short: otherwise it depends on how its bytes come whether hyper finds the
    /// target too long, or the head too large.
    pub(super) fn take(&mut self, bytes: &mut [u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &mut bytes[taken..];
            match &mut self.0 {
                State::Between => self.0 = State::Head(Head::default()),
                State::Head(head) => {
                    let (read, come) = head.read(rest);
                    taken += read;
                    if come != Come::Whole {
                        if come == Come::Endless {
                            self.0 = State::Endless(0);
                        }
                        continue;
                    }
                    if head.is_unreadable() {
                        rest[read - 1] = 0;
                    }
                    self.0 = match head.flaw() {
                        Some(flaw) => State::Flawed(flaw),
                        None => following(head.length()),
                    };
                }
                State::Sized(left) => {
                    let read = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    taken += read;
                    *left -= read as u64;
                    if *left == 0 {
                        self.0 = State::Between;
                    }
                }
                State::Chunked(chunked) => {
                    let Some((read, ended)) = chunked.read(rest) else {
                        self.0 = State::Broken;
                        break;
                    };
                    taken += read;
                    if ended {
                        self.0 = State::Between;
                    }
                }
                State::Endless(given) => {
                    let now = cut_short(*given, rest);
                    taken += now;
                    *given += now;
                    if *given == CUT_SHORT.len() {
                        self.0 = State::Flawed(TOO_LONG);
                    }
                }
                State::Flawed(_) | State::Broken => break,
            }
            if matches!(self.0, State::Between | State::Flawed(_)) {
                break;
            }
        }
        taken
    }
}

/// Gives what takes the place of the rest of a request line, of which so many bytes were given; says how many are given now.
fn cut_short(given: usize, rest: &mut [u8]) -> usize {
    let end = &CUT_SHORT[given..];
    let now = end.len().min(rest.len());
    rest[..now].copy_from_slice(&end[..now]);
    now
}

/// What comes after a head.
fn following(length: Length) -> State {
    match length {
        Length::Of(0) => State::Between,
        Length::Of(bytes) => State::Sized(bytes),
        Length::Chunked => State::Chunked(Chunked::default()),
    }
}

#[cfg(test)]
mod tests;
