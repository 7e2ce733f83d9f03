//! One HTTP/1.1 answer off a socket, read as cheaply as a load generator must.

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Result;

/// An answer's bytes: one buffer for all answers of a connection.
#[derive(Default)]
pub struct Answer {
    buffer: Vec<u8>,
    head: usize,
    end: usize,
}

impl Answer {
    /// Reads the next answer, which says its length.
    pub async fn read(&mut self, from: &mut (impl AsyncRead + Unpin)) -> Result<()> {
        self.buffer.drain(..self.end);
        (self.head, self.end) = (0, 0);
        while self.head == 0 {
            self.more(from).await?;
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                self.head = at + 4;
            }
        }
        self.end = self.head + self.content_length()?;
        while self.buffer.len() < self.end {
            self.more(from).await?;
        }
        Ok(())
    }

    /// The status code's digits.
    pub fn status(&self) -> &[u8] {
        self.buffer.get(9..12).unwrap_or_default()
    }

    /// The head, for people.
    pub fn head(&self) -> String {
        String::from_utf8_lossy(&self.buffer[..self.head]).into_owned()
    }

    pub fn body(&self) -> &[u8] {
        &self.buffer[self.head..self.end]
    }

    async fn more(&mut self, from: &mut (impl AsyncRead + Unpin)) -> Result<()> {
        self.buffer.reserve(16 * 1024);
        if from.read_buf(&mut self.buffer).await? == 0 {
            return Err("the connection ended before the answer did".into());
        }
        Ok(())
    }

    fn content_length(&self) -> Result<usize> {
        let head = &self.buffer[..self.head];
        let line =
            head.split(|byte| *byte == b'\n').find(|line| line.len() > 15 && line[..15].eq_ignore_ascii_case(b"content-length:"));
        let value = line
            .map(|line| line[15..].trim_ascii())
            .ok_or_else(|| format!("an answer without Content-Length:\n{}", self.head()))?;
        Ok(std::str::from_utf8(value)?.parse()?)
    }
}
