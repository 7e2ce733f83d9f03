//! Notices a head that announces its body twice, by `Content-Length` and by `Transfer-Encoding`.
//!
//! hyper settles that as RFC 9112 §6.3 allows (the coding counts, the connection is closed) and takes the length away, so that
//! nothing behind it can refuse what may be an attempt at smuggling. This looks at the names of fields as the bytes come; hyper
//! alone decides what they mean. A request that was sent together with the one before it is not looked at.

use http::HeaderName;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

/// As much of a line as tells these two names from all others.
const LONGEST: usize = 18;

/// What was seen of one head.
#[derive(Debug, Default)]
pub(super) struct Framing {
    line: [u8; LONGEST],
    /// Bytes of the present line, its end excluded.
    length: usize,
    part: Part,
    by_length: bool,
    by_coding: bool,
}

/// Where the present line stands. An empty one before the first is none (RFC 9112 §2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Before,
    Within,
    After,
}

impl Framing {
    /// Takes note of further bytes; what comes after the head does not matter.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.part == Part::After {
                return;
            }
            if byte == b'\n' {
                self.end_line();
            } else if byte != b'\r' {
                if let Some(place) = self.line.get_mut(self.length) {
                    *place = byte;
                }
                self.length += 1;
            }
        }
    }

    /// Whether both fields were seen.
    pub(super) fn is_twofold(&self) -> bool {
        self.by_length && self.by_coding
    }

    fn end_line(&mut self) {
        let line = &self.line[..self.length.min(LONGEST)];
        self.by_length |= is_field(line, &CONTENT_LENGTH);
        self.by_coding |= is_field(line, &TRANSFER_ENCODING);
        self.part = match (self.part, line.is_empty()) {
            (Part::Before, true) => Part::Before,
            (_, false) => Part::Within,
            (_, true) => Part::After,
        };
        self.length = 0;
    }
}

fn is_field(line: &[u8], name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_twofold(head: &str, piece: usize) -> bool {
        let mut framing = Framing::default();
        head.as_bytes().chunks(piece).for_each(|bytes| framing.read(bytes));
        framing.is_twofold()
    }

    #[test]
    fn both_names_are_seen_in_any_order_case_and_pieces() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "\r\nPOST / HTTP/1.1\r\ntransfer-encoding:chunked\r\nhost: a\r\nCONTENT-LENGTH:3\r\n\r\n",
            "POST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 3\n\n",
        ] {
            assert!((1..head.len()).all(|piece| is_twofold(head, piece)), "{head:?}");
        }
    }

    #[test]
    fn one_name_a_value_or_the_body_is_not_both() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nTransfer-Encoding: chunked\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nx: Transfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length-2: 3\r\n\r\n",
        ] {
            assert!(!is_twofold(head, 7), "{head:?}");
        }
    }
}
