//! One head, line by line: how long its body is, and what makes it ambiguous.

use memchr::memchr;

/// The longest body that hyper counts.
const LONGEST: u64 = u64::MAX - 2;

/// The longest request line whose end is waited for: twice the longest target that is answered otherwise than by 414, and well within
/// what hyper holds.
const LONGEST_LINE: usize = 16 * 1024;

/// What was seen of a head.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    begun: bool,
    length: Option<u64>,
    chunked: bool,
    unreadable: bool,
    flaw: Option<&'static str>,
}

/// What was read of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Come {
    /// More is to come.
    Part,
    /// All of it.
    Whole,
    /// As much as there may be of a request line, which is longer.
    Endless,
}

/// How long the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes.
    Of(u64),
    /// As its chunks say.
    Chunked,
}

impl Head {
    /// Reads up to the end of the head; says how many bytes that is, and how far it has come. Nothing is read of a request line beyond
    /// the longest one.
    ///
    /// An empty line before the first is none (RFC 9112 §2.2).
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, Come) {
        let mut read = 0;
        while let Some(end) = memchr(b'\n', &bytes[read..]) {
            let rest = &bytes[read..read + end];
            if let Some(room) = self.overflows(rest.len()) {
                return (read + room, Come::Endless);
            }
            read += end + 1;
            let ended = if self.line.is_empty() {
                self.end_line(rest)
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(rest);
                self.end_line(&line)
            };
            if ended {
                return (read, Come::Whole);
            }
        }
        if let Some(room) = self.overflows(bytes.len() - read) {
            return (read + room, Come::Endless);
        }
        self.line.extend_from_slice(&bytes[read..]);
        (bytes.len(), Come::Part)
    }

    /// Whether the request line is longer than the longest with so many bytes more; if so, says how many still fit.
    fn overflows(&self, more: usize) -> Option<usize> {
        let room = LONGEST_LINE.saturating_sub(self.line.len());
        (!self.begun && more > room).then_some(room)
    }

    /// What makes it ambiguous.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        let both = self.chunked && self.length.is_some();
        self.flaw.or(both.then_some("Content-Length and Transfer-Encoding exclude each other."))
    }

    /// Whether hyper would not answer 400, as it should.
    pub(super) fn is_unreadable(&self) -> bool {
        self.unreadable
    }

    /// How long the body is, if there is no flaw.
    pub(super) fn length(&self) -> Length {
        if self.chunked { Length::Chunked } else { Length::Of(self.length.unwrap_or(0)) }
    }

    /// Says whether the line is the empty one that ends the head.
    fn end_line(&mut self, line: &[u8]) -> bool {
        let Some(line) = line.strip_suffix(b"\r") else {
            self.fault("A line of the head ends without a carriage return.");
            return line.is_empty() && self.begun;
        };
        match (self.begun, line.is_empty()) {
            (true, true) => return true,
            (true, false) => self.field(line),
            (false, true) => {}
            (false, false) => {
                self.begun = true;
                self.request_line(line);
            }
        }
        false
    }

    /// hyper forgets a fragment, and lets bytes through that no target may hold (RFC 9112 §3.2).
    fn request_line(&mut self, line: &[u8]) {
        let target = line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        // All bytes are looked at, even after a wrong one: that lets the compiler look at many at once.
        let fits = |byte: u8| byte != b'#' && byte.is_ascii_graphic();
        if !target.iter().fold(true, |all, &byte| all & fits(byte)) {
            self.fault("The request target holds a character that must be percent-encoded.");
        }
    }

    fn field(&mut self, line: &[u8]) {
        if let Some(value) = value_of(b"content-length", line) {
            self.announced(value);
        } else if let Some(value) = value_of(b"transfer-encoding", line) {
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                self.fault("Transfer-Encoding must be chunked, once and alone.");
            }
            self.chunked = true;
        }
    }

    fn announced(&mut self, value: &[u8]) {
        if self.length.is_some() {
            self.fault("There is more than one Content-Length.");
        }
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|value| value.parse().ok());
        match length {
            Some(length) if length <= LONGEST => self.length = Some(length),
            _ => {
                self.unreadable = true;
                self.length = Some(0);
                self.fault("Content-Length is no number of bytes.");
            }
        }
    }

    /// The first one is told.
    fn fault(&mut self, flaw: &'static str) {
        self.flaw.get_or_insert(flaw);
    }
}

/// The value of a field line, if the line is of the field with this name.
fn value_of<'l>(name: &[u8], line: &'l [u8]) -> Option<&'l [u8]> {
    let (own, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    own.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}
