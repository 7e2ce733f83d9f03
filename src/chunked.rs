//! A chunked body (RFC 9112 §7.1): where it ends, by the letter of the grammar.

/// As many digits as a 64-bit number has; leading zeros only serve to confuse.
const MOST_DIGITS: u8 = 16;

/// How far a body has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chunked(Place);

#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the digits of a chunk's size.
    Size { digits: u8, size: u64 },
    /// In white space after them, which only an extension may follow.
    Space { size: u64 },
    /// In what follows the semicolon.
    Extension { size: u64 },
    /// Before the line feed that ends the size.
    SizeEnd { size: u64 },
    /// In a chunk's data.
    Data { left: u64 },
    /// Before the carriage return after the data.
    DataEnd,
    /// Before the line feed after that.
    DataLine,
    /// At the beginning of a line after the last chunk.
    Trailer,
    /// Within such a line.
    TrailerField,
    /// Before the line feed that ends it.
    TrailerLine,
    /// Before the last line feed.
    End,
}

impl Default for Place {
    fn default() -> Self {
        Self::Size { digits: 0, size: 0 }
    }
}

impl Chunked {
    /// Reads up to the end of the body; says how many bytes that is, and whether it has come. None if these are no chunks.
    pub fn read(&mut self, bytes: &[u8]) -> Option<(usize, bool)> {
        let mut read = 0;
        while read < bytes.len() {
            if let Place::Data { left } = &mut self.0 {
                let rest = bytes.len() - read;
                let data = usize::try_from(*left).map_or(rest, |left| left.min(rest));
                read += data;
                *left -= data as u64;
                if *left == 0 {
                    self.0 = Place::DataEnd;
                }
                continue;
            }
            let byte = bytes[read];
            read += 1;
            if matches!((self.0, byte), (Place::End, b'\n')) {
                return Some((read, true));
            }
            self.0 = self.0.after(byte)?;
        }
        Some((read, false))
    }
}

impl Place {
    fn after(self, byte: u8) -> Option<Self> {
        let next = match (self, byte) {
            (Self::Size { digits, size }, _) if byte.is_ascii_hexdigit() && digits < MOST_DIGITS => {
                let digit = char::from(byte).to_digit(16)?;
                Self::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
            }
            (Self::Size { digits: 1.., size } | Self::Space { size }, b' ' | b'\t') => Self::Space { size },
            (Self::Size { digits: 1.., size } | Self::Space { size }, b';') => Self::Extension { size },
            (Self::Size { digits: 1.., size } | Self::Extension { size }, b'\r') => Self::SizeEnd { size },
            (Self::Extension { size }, _) if is_text(byte) => Self::Extension { size },
            (Self::SizeEnd { size: 0 } | Self::TrailerLine, b'\n') => Self::Trailer,
            (Self::SizeEnd { size }, b'\n') => Self::Data { left: size },
            (Self::DataEnd, b'\r') => Self::DataLine,
            (Self::DataLine, b'\n') => Self::default(),
            (Self::Trailer, b'\r') => Self::End,
            (Self::TrailerField, b'\r') => Self::TrailerLine,
            (Self::Trailer | Self::TrailerField, _) if is_text(byte) => Self::TrailerField,
            _ => return None,
        };
        Some(next)
    }
}

/// No control character but the tab.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}
