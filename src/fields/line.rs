//! A field value of our own words and numbers, written in place: every answer has some, and `fmt` is slower.

use http::HeaderValue;

/// A value that is being written.
pub struct Line {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl Line {
    /// More bytes than any value has that is written here.
    const LONGEST: usize = 256;

    /// A value that begins with this text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut line = Self { bytes: [0; Self::LONGEST], length: 0 };
        line.push(text);
        line
    }

    /// Adds visible ASCII.
    pub fn push(&mut self, text: &str) -> &mut Self {
        let end = self.length + text.len();
        self.bytes[self.length..end].copy_from_slice(text.as_bytes());
        self.length = end;
        self
    }

    /// Adds a decimal number.
    pub fn push_number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.push(itoa::Buffer::new().format(number))
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.bytes[..self.length]).expect("our own words and numbers are visible ASCII")
    }
}
