//! The head of one answer, with the informational ones before it, line by line (RFC 9112 §4 and §5).

use memchr::memchr;

use super::Flaw;

/// What all heads of one answer may take.
const MOST_BYTES: usize = 32 * 1024;
/// Informational answers before the final one (RFC 9110 §15.2).
const MOST_INTERIM: u8 = 16;
/// Digits of a length that fits what every recipient counts with, a signed number of 64 bits.
const MOST_DIGITS: usize = 18;

/// What was seen of an answer's head.
#[derive(Debug)]
pub(super) struct Head {
    bodiless: bool,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    taken: usize,
    interim: u8,
    message: Message,
}

/// One message's status line and fields.
#[derive(Debug, Default)]
struct Message {
    /// None before the status line.
    status: Option<u16>,
    is_1_0: bool,
    length: Option<u64>,
    chunked: bool,
}

/// What comes after a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Following {
    /// So many bytes.
    Bytes(u64),
    /// Chunks.
    Chunks,
    /// All until the connection ends.
    Everything,
}

impl Head {
    pub(super) fn new(bodiless: bool) -> Self {
        Self { bodiless, line: Vec::new(), taken: 0, interim: 0, message: Message::default() }
    }

    /// Reads up to the end of the final head; says how many bytes that is, and what follows once it has come.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(usize, Option<Following>), Flaw> {
        let mut read = 0;
        while let Some(end) = memchr(b'\n', &bytes[read..]) {
            let rest = &bytes[read..read + end];
            read += end + 1;
            self.count(end + 1)?;
            let following = if self.line.is_empty() {
                self.end_line(rest)?
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(rest);
                self.end_line(&line)?
            };
            if following.is_some() {
                return Ok((read, following));
            }
        }
        self.count(bytes.len() - read)?;
        self.line.extend_from_slice(&bytes[read..]);
        Ok((bytes.len(), None))
    }

    fn count(&mut self, bytes: usize) -> Result<(), Flaw> {
        self.taken += bytes;
        if self.taken > MOST_BYTES { Err(Flaw("Its head is too long.")) } else { Ok(()) }
    }

    fn end_line(&mut self, line: &[u8]) -> Result<Option<Following>, Flaw> {
        let line = line.strip_suffix(b"\r").ok_or(Flaw("A line of its head ends without a carriage return."))?;
        if line.iter().fold(false, |found, &byte| found | is_control(byte)) {
            return Err(Flaw("Its head holds a control character."));
        }
        match (self.message.status, line.is_empty()) {
            (None, _) => self.message.status_line(line)?,
            (Some(_), false) => self.message.field(line)?,
            (Some(status), true) => return self.end(status),
        }
        Ok(None)
    }

    /// Where the answer ends (RFC 9112 §6.3), or that this was not it yet.
    fn end(&mut self, status: u16) -> Result<Option<Following>, Flaw> {
        let message = std::mem::take(&mut self.message);
        if message.chunked && (message.length.is_some() || message.is_1_0) {
            return Err(Flaw("Transfer-Encoding excludes Content-Length, and HTTP/1.0."));
        }
        let announces = message.chunked || message.length.is_some_and(|length| length > 0);
        let following = match status {
            101 => return Err(Flaw("It switches protocols, for which nobody asked.")),
            100..=199 if announces || message.length.is_some() => return Err(Flaw("An informational answer announces a body.")),
            100..=199 => {
                self.interim += 1;
                let enough = self.interim > MOST_INTERIM;
                return if enough { Err(Flaw("Too many informational answers come before it.")) } else { Ok(None) };
            }
            204 if announces => return Err(Flaw("An answer without content announces some.")),
            204 | 304 => Following::Bytes(0),
            _ if self.bodiless => Following::Bytes(0),
            _ if message.chunked => Following::Chunks,
            _ => message.length.map_or(Following::Everything, Following::Bytes),
        };
        Ok(Some(following))
    }
}

impl Message {
    /// `HTTP/1.1 200 OK`. Many leave out the space before a reason that is empty.
    fn status_line(&mut self, line: &[u8]) -> Result<(), Flaw> {
        let Some((b"HTTP/1.", [minor @ (b'0' | b'1'), b' ', status @ ..])) = line.split_at_checked(7) else {
            return Err(Flaw("It does not begin with a status line of HTTP/1.1 or 1.0."));
        };
        let Some(([a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'], [] | [b' ', ..])) = status.split_at_checked(3) else {
            return Err(Flaw("Its status is none."));
        };
        self.is_1_0 = *minor == b'0';
        self.status = Some([a, b, c].into_iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')));
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Flaw> {
        let colon = memchr(b':', line).unwrap_or(0);
        let (name, value) = line.split_at(colon);
        // Also a line that begins with white space, which once continued the one before it (RFC 9112 §5.2).
        if name.is_empty() || !name.iter().all(|&byte| TOKEN[usize::from(byte)]) {
            return Err(Flaw("A line of its head is no field."));
        }
        let value = value[1..].trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            return self.announced(value);
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            // Nobody asked for another coding, and nobody here could undo it.
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Flaw("Transfer-Encoding must be chunked, once and alone."));
            }
            self.chunked = true;
        }
        Ok(())
    }

    fn announced(&mut self, value: &[u8]) -> Result<(), Flaw> {
        if self.length.is_some() {
            return Err(Flaw("There is more than one Content-Length."));
        }
        // A zero in front makes some readers count in eights.
        let plain = value == b"0" || matches!(value, [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit));
        let value = std::str::from_utf8(value).ok().filter(|value| plain && value.len() <= MOST_DIGITS);
        self.length = value.and_then(|value| value.parse().ok());
        if self.length.is_none() { Err(Flaw("Content-Length is no number of bytes.")) } else { Ok(()) }
    }
}

/// What no line may hold (RFC 9110 §5.5): all controls but the tab.
fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// Which bytes a name may hold (RFC 9110 §5.6.2).
static TOKEN: [bool; 256] = {
    let (mut table, marks, mut byte) = ([false; 256], b"!#$%&'*+-.^_`|~", 0_u8);
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    while byte < 128 {
        table[byte as usize] |= byte.is_ascii_alphanumeric();
        byte += 1;
    }
    table
};
