//! A caller that knows what its answers must hold.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::support::{Answer, Client};

/// So that the load is a load, and not a test of what the machine can bear.
const PAUSE: Duration = Duration::from_millis(3);
/// Wrong answers that are kept for the report.
const KEPT: usize = 20;

/// What came of all requests.
#[derive(Debug, Default)]
pub(super) struct Tally {
    answers: Mutex<BTreeMap<(&'static str, u16), u64>>,
    wrong: Mutex<Vec<String>>,
}

pub(super) struct Caller {
    tenant: &'static str,
    key: String,
    server: SocketAddr,
    client: Option<Client>,
    tally: Arc<Tally>,
}

/// What is asked for: a mark that its answer must hold, and nobody else's does.
struct Ask {
    method: &'static str,
    target: String,
    fields: String,
    body: String,
    mark: String,
    /// Whether its answer may have been stored for another request.
    shared: bool,
}

impl Tally {
    pub(super) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    pub(super) fn good(&self, tenant: &str) -> u64 {
        let answers = self.answers.lock().unwrap();
        answers.iter().filter(|((of, status), _)| *of == tenant && *status == 200).map(|(_, count)| count).sum()
    }

    fn count(&self, tenant: &'static str, status: u16) {
        *self.answers.lock().unwrap().entry((tenant, status)).or_default() += 1;
    }

    fn report(&self, wrong: String) {
        let mut all = self.wrong.lock().unwrap();
        if all.len() < KEPT {
            all.push(wrong);
        }
    }
}

impl Caller {
    pub(super) fn new(tenant: &'static str, key: &str, server: SocketAddr, tally: Arc<Tally>) -> Self {
        Self { tenant, key: key.to_owned(), server, client: None, tally }
    }

    /// Asks until it is enough.
    pub(super) async fn run(mut self, enough: Arc<AtomicBool>) {
        while !enough.load(Relaxed) {
            let ask = any();
            let answered = self.ask(&ask).await;
            if ask.method == "POST" && answered != Some(200) {
                // With the same key: what has happened must not happen again.
                self.ask(&ask).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends it and judges the answer; gives its status, none if it was cut.
    async fn ask(&mut self, ask: &Ask) -> Option<u16> {
        let Ask { method, target, fields, body, .. } = ask;
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(self.server).await,
        };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n{fields}Content-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        let answer = match client.try_send(request.as_bytes()).await {
            Ok(()) => client.answer(false).await,
            Err(_) => None,
        };
        let Some(answer) = answer else {
            self.tally.count(self.tenant, 0);
            return None;
        };
        let status = answer.status.as_u16();
        self.tally.count(self.tenant, status);
        if let Err(why) = judge(self.tenant, ask, &answer) {
            self.tally.report(format!(
                "{why}: {} {method} {target} {answer:?} {:?}",
                self.tenant,
                String::from_utf8_lossy(&answer.body)
            ));
        }
        if answer.field("connection") != "close" {
            self.client = Some(client);
        }
        Some(status)
    }
}

fn judge(tenant: &str, ask: &Ask, answer: &Answer) -> Result<(), &'static str> {
    match answer.status.as_u16() {
        200 => {}
        500 | 502 | 503 | 504 => return if mentions(answer, "forged") { Err("forged") } else { Ok(()) },
        409 if ask.method == "POST" => return Ok(()),
        _ => return Err("a status that nobody gave"),
    }
    let Ok(told) = serde_json::from_slice::<Value>(&answer.body) else { return Err("no JSON") };
    let says = |member: &str, value: &str| told[member].as_str().is_some_and(|said| said == value);
    if !says("tenant", tenant) {
        return Err("another tenant's");
    }
    if !told["about"].as_str().is_some_and(|about| about.contains(&ask.mark)) {
        return Err("another request's");
    }
    let is_replay = !answer.field("idempotent-replayed").is_empty();
    if !ask.shared && !is_replay && !says("request", answer.field("x-request-id")) {
        return Err("another request's by its id");
    }
    Ok(())
}

fn mentions(answer: &Answer, word: &str) -> bool {
    String::from_utf8_lossy(&answer.body).contains(word)
}

fn any() -> Ask {
    let id = Uuid::from_u128(fastrand::u128(..)).to_string();
    let get = |target: String, mark: String, shared| Ask {
        method: "GET",
        target,
        fields: String::new(),
        body: String::new(),
        mark,
        shared,
    };
    match fastrand::u8(..10) {
        0..4 => {
            let page = fastrand::u8(1..30);
            get(format!("/v1/customers?page={page}"), format!("page={page} "), true)
        }
        4..7 => get(format!("/v1/payments/{id}"), id, false),
        7 => Ask {
            fields: "Cache-Control: no-cache\r\n".to_owned(),
            ..get("/v1/accounts".to_owned(), "/accounts".to_owned(), true)
        },
        8 => Ask { method: "DELETE", ..get(format!("/v1/qrcodes/{id}"), id, false) },
        _ => Ask {
            method: "POST",
            target: "/v1/payments/breb/confirm".to_owned(),
            fields: format!("Content-Type: application/json\r\nIdempotency-Key: {id}\r\n"),
            body: format!(r#"{{"id":"{id}"}}"#),
            mark: id,
            shared: false,
        },
    }
}
