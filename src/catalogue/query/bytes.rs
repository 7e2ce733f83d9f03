//! What each byte of a query means, by one table: a query's bytes are looked at once.

use std::borrow::Cow;

/// What bytes mean, as bits: what a text holds is the union over its bytes. Those that stand for themselves, read or written, have
/// none: the unreserved characters of RFC 3986 §2.3.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Classes(u8);

/// What each byte means.
const CLASSES: [Classes; 256] = classes();

/// A name or a value as it was sent, and what its bytes mean.
#[derive(Clone, Copy)]
pub(super) struct Text<'q> {
    raw: &'q str,
    holds: Classes,
}

impl Classes {
    const NONE: Self = Self(0);
    /// Stands for itself where it is read, and is written as `%XX`.
    const RESERVED: Self = Self(1);
    /// Stands for something else, or needs a closer look: `+`, `%`, control characters and all beyond ASCII.
    const ENCODED: Self = Self(2);

    fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

const fn classes() -> [Classes; 256] {
    let mut classes = [Classes::ENCODED; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        classes[byte as usize] = match byte {
            b'+' | b'%' => Classes::ENCODED,
            b'-' | b'.' | b'_' | b'~' => Classes::NONE,
            _ if byte.is_ascii_alphanumeric() => Classes::NONE,
            _ => Classes::RESERVED,
        };
        byte += 1;
    }
    classes
}

impl<'q> Text<'q> {
    /// Looks at each byte of a name or a value, once.
    pub(super) fn of(raw: &'q str) -> Self {
        let holds = raw.bytes().fold(Classes::NONE, |holds, byte| holds.union(CLASSES[usize::from(byte)]));
        Self { raw, holds }
    }

    /// The bytes as they were sent.
    pub(super) fn raw(self) -> &'q str {
        self.raw
    }

    /// Whether it is its own canonical form.
    pub(super) fn is_canonical(self) -> bool {
        self.holds == Classes::NONE
    }

    /// Undoes form encoding; the error says what cannot be read.
    pub(super) fn decode(self) -> Result<Cow<'q, str>, &'static str> {
        if self.holds.0 & Classes::ENCODED.0 != 0 { decode(self.raw).map(Cow::Owned) } else { Ok(Cow::Borrowed(self.raw)) }
    }
}

fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => rest.next().zip(rest.next()).and_then(|(high, low)| hex(high, low)).ok_or("has a broken percent-encoding")?,
            plain => plain,
        });
    }
    let decoded = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    if decoded.chars().any(char::is_control) { Err("has a control character") } else { Ok(decoded) }
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
