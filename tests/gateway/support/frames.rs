//! An HTTP/2 peer that writes what frames it is told to, right or wrong, and reads what comes back.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::client::Stream;

/// What is waited for at most, with room for a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

/// A connection that is open at the level of frames.
pub(crate) struct Peer {
    stream: BufReader<Box<dyn Stream>>,
}

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// How a stream, or the connection, ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer with this status and body.
    Answered(u16, Vec<u8>),
    /// The stream was reset with this code.
    Reset(u32),
    /// The connection was given up.
    Closed,
}

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as literals that are neither indexed nor coded (RFC 7541 §6.2.2).
pub(crate) fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

fn text(text: &str) -> Vec<u8> {
    [integer(text.len(), 0x7f), text.as_bytes().to_vec()].concat()
}

/// An integer after a prefix of ones (RFC 7541 §5.1).
fn integer(value: usize, most: usize) -> Vec<u8> {
    if value < most {
        return vec![u8::try_from(value).unwrap()];
    }
    let (mut bytes, mut rest) = (vec![u8::try_from(most).unwrap()], value - most);
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 0x80);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// The fields of a GET.
pub(crate) const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/v1/accounts")];

impl Peer {
    /// Connects and says the preface with these settings.
    pub(crate) async fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), settings).await
    }

    /// The same over what is connected.
    pub(crate) async fn over(stream: impl Stream + 'static, settings: &[(u16, u32)]) -> Self {
        let mut peer = Self { stream: BufReader::new(Box::new(stream)) };
        let settings: Vec<u8> =
            settings.iter().flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        peer.send([PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat()).await;
        peer
    }

    /// Sends bytes; the gateway may have closed.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes).await;
    }

    /// Sends bytes; says whether the connection still takes them.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Sends a request without a body.
    pub(crate) async fn get(&mut self, stream: u32, list: &[(&str, &str)]) {
        self.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields(list))).await;
    }

    /// The next frame; none if the connection is closed.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        tokio::time::timeout(PATIENCE, self.read()).await.expect("a frame or a close")
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// Reads on until this stream ends, or the connection does.
    pub(crate) async fn outcome(&mut self, stream: u32) -> Outcome {
        let (mut status, mut body) = (0, Vec::new());
        while let Some(frame) = self.frame().await {
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.send(super::frames::frame(SETTINGS, ACK, 0, &[])).await,
                GOAWAY if frame.payload[4..8] != [0; 4] => return Outcome::Closed,
                RST_STREAM if frame.stream == stream => {
                    return Outcome::Reset(u32::from_be_bytes(frame.payload[..4].try_into().unwrap()));
                }
                HEADERS if frame.stream == stream => status = status_of(&frame.payload),
                DATA => {
                    if let length @ 1.. = u32::try_from(frame.payload.len()).unwrap() {
                        self.send(super::frames::frame(WINDOW_UPDATE, 0, 0, &length.to_be_bytes())).await;
                    }
                    if frame.stream == stream {
                        body.extend(frame.payload);
                    }
                }
                _ => continue,
            }
            if frame.stream == stream && matches!(frame.kind, HEADERS | DATA) && frame.flags & END_STREAM != 0 {
                return Outcome::Answered(status, body);
            }
        }
        Outcome::Closed
    }

    /// Reads until the gateway gives the connection up: by GOAWAY with an error, or by closing it.
    pub(crate) async fn is_given_up(&mut self) -> bool {
        loop {
            match tokio::time::timeout(PATIENCE, self.read()).await {
                Ok(None) => return true,
                Ok(Some(frame)) if frame.kind == GOAWAY && frame.payload[4..8] != [0; 4] => return true,
                Ok(Some(_)) => {}
                Err(_) => return false,
            }
        }
    }

    /// Reads until nothing comes for a moment; none if the connection is closed.
    pub(crate) async fn settle(&mut self) -> Option<()> {
        while let Ok(frame) = tokio::time::timeout(Duration::from_millis(50), self.read()).await {
            frame?;
        }
        Some(())
    }
}

/// The status in the first field of a block: an index of the static table, or three coded digits.
fn status_of(block: &[u8]) -> u16 {
    // A change of the table's size may stand before it.
    let block = if block[0] & 0xe0 == 0x20 { &block[1..] } else { block };
    match block[0] {
        0x88 => 200,
        0x89 => 204,
        0x8a => 206,
        0x8b => 304,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        _ if block[1] & 0x80 == 0 => std::str::from_utf8(&block[2..5]).unwrap().parse().unwrap(),
        _ => digits(&block[2..2 + usize::from(block[1] & 0x7f)]),
    }
}

/// Digits in Huffman's code (RFC 7541, appendix B): five bits for 0 to 2, six for the others.
fn digits(bytes: &[u8]) -> u16 {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let five = u16::from_str_radix(&bits[at..at + 5], 2).unwrap();
        let (digit, length) =
            if five <= 2 { (five, 5) } else { (u16::from_str_radix(&bits[at..at + 6], 2).unwrap() - 0x19 + 3, 6) };
        (at, number) = (at + length, number * 10 + digit);
    }
    number
}
