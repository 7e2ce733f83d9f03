//! The sandbox as its users meet it: over a real socket, chapter by chapter.

use std::io;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Client, Control, Options, Sandbox};
use crate::clock::ManualClock;

mod controls;
mod faults;
mod lists;
mod payments;
mod records;
mod tokens;

/// A served sandbox, a clock to move it by, and a token that may do everything.
struct House {
    address: std::net::SocketAddr,
    control: Control,
    clock: ManualClock,
    token: String,
    tasks: JoinSet<()>,
}

/// A whole answer.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }
}

impl House {
    async fn open() -> Self {
        Self::with(Options::default()).await
    }

    /// The clock of `options` is replaced by one that stands still at a known time.
    async fn with(options: Options) -> Self {
        let clock = ManualClock::starting_at(UNIX_EPOCH + Duration::from_millis(1_760_000_000_123));
        let sandbox = Sandbox::bind(Options { clock: Arc::new(clock.clone()), ..options }).await.unwrap();
        let (address, control) = (sandbox.address(), sandbox.control());
        let mut tasks = JoinSet::new();
        tasks.spawn(sandbox.serve(std::future::pending()));
        let mut house = Self { address, control, clock, token: String::new(), tasks };
        house.token = house.mint().await;
        house
    }

    async fn mint(&mut self) -> String {
        let demo = Client::demo();
        let body = json!({"client_id": demo.client_id, "client_secret": demo.client_secret.expose(), "grant_type": "client_credentials"});
        let answer = self.request("POST", "/v1/iam/oauth/tokens", None, &body.to_string()).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, Some(&self.token.clone()), "").await.unwrap()
    }

    async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.request("POST", path, Some(&self.token.clone()), &body.to_string()).await.unwrap()
    }

    async fn send(&mut self, method: &str, path: &str) -> Answer {
        self.request(method, path, Some(&self.token.clone()), "").await.unwrap()
    }

    /// The one record a GET must find.
    async fn record(&mut self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// The first record of a list.
    async fn first(&mut self, plural: &str, path: &str) -> Value {
        self.record(path).await[plural][0].clone()
    }

    async fn request(&mut self, method: &str, path: &str, token: Option<&str>, body: &str) -> io::Result<Answer> {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        request = request.header(header::HOST, "sandbox").header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let mut sender = self.connect().await;
        exchange(&mut sender, request.body(body.to_owned().into()).unwrap()).await
    }

    async fn connect(&mut self) -> SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        self.tasks.spawn(async move {
            // How it ends is seen by whoever sent the request.
            let _ = connection.await;
        });
        sender
    }
}

async fn exchange(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> io::Result<Answer> {
    sender.ready().await.map_err(io::Error::other)?;
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Answer { status: head.status, headers: head.headers, bytes })
}
