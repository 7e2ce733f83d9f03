//! What arrived: a bounded log of requests, and counters per operation.

use std::collections::{BTreeMap, HashSet, VecDeque};

use bytes::Bytes;
use http::request::Parts;
use serde::Serialize;
use serde::ser::Serializer;

use super::moment::Timestamp;
use super::tokens::Presented;

/// A request as it arrived.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// Counts requests from 1; gaps are entries the log has dropped.
    pub number: u64,
    /// When it arrived, in RFC 3339.
    pub at: String,
    /// The operation's label, or `unmatched`.
    pub route: &'static str,
    /// The method.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query, as sent.
    pub query: Option<String>,
    /// The names of all headers, in lower case; a repeated one is repeated.
    pub header_names: Vec<String>,
    /// The values of the headers that are no secret, as far as they are text.
    pub headers: BTreeMap<String, String>,
    /// How the bearer token was found: `none`, `unknown`, `expired`, `revoked` or `valid`.
    pub bearer: &'static str,
    /// The id of the token, if the sandbox issued it.
    pub token_id: Option<String>,
    /// The client the token was issued to.
    pub client_id: Option<String>,
    /// The body as it arrived; nothing for the token endpoint, where it holds a secret.
    #[serde(serialize_with = "as_text")]
    pub body: Bytes,
    /// The faults that happened to it.
    pub faults: Vec<String>,
    /// The status it was answered with; none if it was not, or not yet.
    pub status: Option<u16>,
}

/// What has happened to one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Requests that arrived.
    pub requests: u64,
    /// Different good tokens they carried.
    pub distinct_tokens: usize,
    /// Requests without a bearer token.
    pub without_token: u64,
    /// Requests with a token the sandbox never issued.
    pub unknown_tokens: u64,
    /// Requests with an expired token.
    pub expired_tokens: u64,
    /// Requests with a revoked token.
    pub revoked_tokens: u64,
    /// Requests that a fault happened to.
    pub faulted: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
}

/// Everything that arrived.
#[derive(Default)]
pub(crate) struct Log {
    entries: VecDeque<Received>,
    body_bytes: usize,
    received: u64,
    routes: BTreeMap<&'static str, (Counters, HashSet<String>)>,
}

/// The log keeps this many requests …
const MOST_ENTRIES: usize = 2_000;
/// … and this many bytes of their bodies.
const MOST_BODY_BYTES: usize = 8 << 20;
/// Distinct tokens are counted up to here, per operation.
const MOST_TOKENS: usize = 10_000;

/// Headers whose values say how a gateway behaves and are no secret.
const SHOWN_HEADERS: [&str; 20] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "if-none-match",
    "range",
    "te",
    "traceparent",
    "transfer-encoding",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-request-id",
];

impl Log {
    /// Notes a request and gives back its number.
    pub(crate) fn receive(&mut self, parts: &Parts, arrival: Arrival) -> u64 {
        self.received += 1;
        self.count(&arrival);
        let token = arrival.presented.token();
        self.push(Received {
            number: self.received,
            at: arrival.at.to_string(),
            route: arrival.route,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            header_names: parts.headers.iter().map(|(name, _)| name.to_string()).collect(),
            headers: shown(parts),
            bearer: arrival.presented.name(),
            token_id: token.map(|token| token.id.clone()),
            client_id: token.map(|token| token.client_id.clone()),
            body: arrival.body,
            faults: arrival.faults,
            status: None,
        });
        self.received
    }

    /// Notes how a request was answered.
    pub(crate) fn answered(&mut self, number: u64, route: &'static str, status: u16) {
        if let Some((counters, _)) = self.routes.get_mut(route) {
            *counters.statuses.entry(status).or_default() += 1;
        }
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.number == number) {
            entry.status = Some(status);
        }
    }

    /// The requests still remembered, oldest first.
    pub(crate) fn entries(&self) -> Vec<Received> {
        self.entries.iter().cloned().collect()
    }

    /// The counters by operation label.
    pub(crate) fn counters(&self) -> BTreeMap<String, Counters> {
        let named = |(route, (counters, tokens)): (&&str, &(Counters, HashSet<String>))| {
            ((*route).to_owned(), Counters { distinct_tokens: tokens.len(), ..counters.clone() })
        };
        self.routes.iter().map(named).collect()
    }

    fn count(&mut self, arrival: &Arrival) {
        let (counters, tokens) = self.routes.entry(arrival.route).or_default();
        counters.requests += 1;
        counters.faulted += u64::from(!arrival.faults.is_empty());
        match arrival.presented {
            Presented::Nothing => counters.without_token += 1,
            Presented::Unknown => counters.unknown_tokens += 1,
            Presented::Expired(_) => counters.expired_tokens += 1,
            Presented::Revoked(_) => counters.revoked_tokens += 1,
            Presented::Valid(token) if tokens.len() < MOST_TOKENS => {
                tokens.insert(token.id.clone());
            }
            Presented::Valid(_) => {}
        }
    }

    fn push(&mut self, entry: Received) {
        self.body_bytes += entry.body.len();
        self.entries.push_back(entry);
        while self.entries.len() > MOST_ENTRIES || self.body_bytes > MOST_BODY_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.body_bytes -= oldest.body.len();
        }
    }
}

/// What the sandbox knows of a request when it has read it.
pub(crate) struct Arrival<'a> {
    pub(crate) at: Timestamp,
    pub(crate) route: &'static str,
    pub(crate) presented: &'a Presented,
    pub(crate) body: Bytes,
    pub(crate) faults: Vec<String>,
}

fn shown(parts: &Parts) -> BTreeMap<String, String> {
    let named = |name: &&str| {
        let values: Vec<_> = parts.headers.get_all(*name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| ((*name).to_owned(), values.join(", ")))
    };
    SHOWN_HEADERS.iter().filter_map(named).collect()
}

fn as_text<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&String::from_utf8_lossy(body))
}
