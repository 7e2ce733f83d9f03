//! A caller that writes what it is told to, byte by byte, and reads one answer at a time.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Whatever a connection runs over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A caller's connection.
pub(crate) struct Client {
    stream: BufReader<Box<dyn Stream>>,
    fields: Vec<String>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)), fields: Vec::new() }
    }

    /// Sends this field with each request from here on.
    pub(crate) fn with(mut self, field: impl Into<String>) -> Self {
        self.fields.push(field.into());
        self
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, None).await
    }

    pub(crate) async fn post(&mut self, target: &str, body: &str) -> Answer {
        self.request("POST", target, Some(body)).await
    }

    pub(crate) async fn request(&mut self, method: &str, target: &str, body: Option<&str>) -> Answer {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
        for field in &self.fields {
            head += &format!("{field}\r\n");
        }
        if let Some(body) = body {
            head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        self.send(format!("{head}\r\n{}", body.unwrap_or_default()).as_bytes()).await;
        self.answer(method == "HEAD").await.expect("an answer")
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.unwrap();
    }

    /// The same to somebody who may have closed the connection already.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// What still comes until the connection is closed.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A connection that is reset has ended, too.
        let _ = self.stream.read_to_end(&mut rest).await;
        rest
    }

    /// Reads one answer; none if the connection was closed instead.
    pub(crate) async fn answer(&mut self, head_only: bool) -> Option<Answer> {
        let (status, fields) = self.head().await?;
        let body = if head_only { Vec::new() } else { self.body(&fields).await? };
        Some(Answer { status, fields, body })
    }

    /// Reads the head of an answer, and leaves its body to be read.
    pub(crate) async fn head(&mut self) -> Option<(StatusCode, HeaderMap)> {
        let status = self.line().await?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        let mut fields = HeaderMap::new();
        while let Some((name, value)) = self.line().await?.split_once(':') {
            let name: HeaderName = name.parse().unwrap();
            fields.append(name, HeaderValue::from_str(value.trim()).unwrap());
        }
        Some((status, fields))
    }

    /// Reads so many bytes as they come.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    /// Whether the other end has closed the connection, without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(self.stream.fill_buf().await, Ok([]) | Err(_))
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }

    /// None if the body was cut.
    async fn body(&mut self, fields: &HeaderMap) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        if fields.get("transfer-encoding").is_some() {
            loop {
                let length = usize::from_str_radix(&self.line().await?, 16).ok()?;
                let from = body.len();
                body.resize(from + length, 0);
                self.stream.read_exact(&mut body[from..]).await.ok()?;
                self.line().await?;
                if length == 0 {
                    return Some(body);
                }
            }
        }
        let length = fields.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
        body.resize(length, 0);
        self.stream.read_exact(&mut body).await.ok()?;
        Some(body)
    }
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A field that came once; empty if it did not.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The name of the problem this answer tells; empty if it is none.
    pub(crate) fn problem(&self) -> String {
        if self.field("content-type") != "application/problem+json" {
            return String::new();
        }
        let problem = self.json();
        problem["type"].as_str().unwrap().trim_start_matches("urn:passport-gateway:problem:").to_owned()
    }
}
