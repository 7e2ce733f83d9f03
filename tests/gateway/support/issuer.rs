//! An identity provider on loopback: it publishes keys, counts who fetches them, and can be down or slow.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::BEGINNING;
use super::signer::{Signer, jwks};

/// The `iss` of its tokens.
pub(crate) const ISSUER: &str = "https://id.example.internal";

/// The identity provider; it ends with this.
pub(crate) struct Issuer {
    address: SocketAddr,
    state: Arc<State>,
    _serving: JoinSet<()>,
}

struct State {
    /// The published keys; none: it answers 503.
    published: Mutex<Option<Vec<u8>>>,
    fetches: watch::Sender<usize>,
    holding: watch::Sender<bool>,
}

impl Issuer {
    /// An issuer that publishes these keys.
    pub(crate) async fn of(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            published: Mutex::new(Some(document(signers))),
            fetches: watch::Sender::new(0),
            holding: watch::Sender::new(false),
        });
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, _serving: serving }
    }

    /// An issuer that cannot answer yet.
    pub(crate) async fn down() -> Self {
        let issuer = Self::of(&[]).await;
        issuer.go_down();
        issuer
    }

    /// The configuration of a gateway that believes it, of tenants `acme` (everything) and `globex` (reading accounts).
    pub(crate) fn configuration(&self) -> String {
        configuration(&format!(r#"jwks_url = "http://{}/jwks.json""#, self.address))
    }

    /// Publishes these keys in place of the former ones.
    pub(crate) fn publish(&self, signers: &[&Signer]) {
        *self.state.published.lock().unwrap() = Some(document(signers));
    }

    /// Answers 503 from here on.
    pub(crate) fn go_down(&self) {
        *self.state.published.lock().unwrap() = None;
    }

    /// Lets fetches wait from here on, or no longer.
    pub(crate) fn hold(&self, hold: bool) {
        self.state.holding.send_replace(hold);
    }

    /// How often the keys were fetched.
    pub(crate) fn fetches(&self) -> usize {
        *self.state.fetches.borrow()
    }

    /// Waits until the keys were fetched so often.
    pub(crate) async fn fetched(&self, times: usize) {
        self.state.fetches.subscribe().wait_for(|fetches| *fetches >= times).await.unwrap();
    }
}

/// The configuration of a gateway that believes an issuer whose keys are found like this.
pub(crate) fn configuration(keys: &str) -> String {
    format!(
        r#"
[[issuers]]
issuer = "{ISSUER}"
{keys}

[tenants.acme]
scopes = ["paas.core.*"]

[tenants.globex]
credential = "acme"
scopes = ["paas.core.accounts.*"]

[credentials.acme]
client_id = "sandbox-client"
client_secret = "sandbox-secret"
environment = "custom"
"#
    )
}

/// The claims of a good token of `acme`'s, for five minutes, with every scope.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": "passport-gateway",
        "sub": "orders-app",
        "tenant": "acme",
        "scope": "openid paas.core.*",
        "exp": BEGINNING + 300,
    })
}

/// These claims, with one that is different; null takes it out.
pub(crate) fn with(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    let members = claims.as_object_mut().unwrap();
    match value.into() {
        Value::Null => members.remove(name),
        value => members.insert(name.to_owned(), value),
    };
    claims
}

fn document(signers: &[&Signer]) -> Vec<u8> {
    jwks(&signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>())
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&state)));
    }
}

async fn answer(mut stream: TcpStream, state: Arc<State>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    state.fetches.send_modify(|fetches| *fetches += 1);
    let _ = state.holding.subscribe().wait_for(|holding| !holding).await;
    let published = state.published.lock().unwrap().clone();
    let (status, body) = published.map_or(("503 Service Unavailable", Vec::new()), |keys| ("200 OK", keys));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
}
