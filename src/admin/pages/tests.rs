use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;

use crate::admin::{Attempt, Cache, Credential, Facts, Status, Store, Tenant, Token};
use crate::peer::Peer;

use super::*;

const PROBE: Peer = Peer { address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), local: true, certificate: None };

struct Told(Facts);

impl StatusSource for Told {
    fn facts(&self) -> Facts {
        self.0.clone()
    }

    fn status(&self) -> Status {
        Status {
            version: "1.2.3",
            uptime_seconds: 60,
            environment: "sandbox".to_owned(),
            connections: vec![2, 1],
            tenants: vec![Tenant { name: "acme".to_owned(), credential: "acme".to_owned() }],
            credentials: vec![Credential {
                name: "acme".to_owned(),
                state: "ready",
                token: Some(Token { age_seconds: 10, expires_in_seconds: 290 }),
                failure: None,
                lacking_scopes: Vec::new(),
                refused_operations: Vec::new(),
            }],
            issuers: Vec::new(),
            limits: Vec::new(),
            cache: Cache::default(),
            idempotency: None,
            upstreams: Vec::new(),
            store: Store { kind: "embedded", state: "connected", since_seconds: 0, failure: None },
            last_reload: None,
        }
    }
}

struct Answer {
    status: StatusCode,
    fields: HeaderMap,
    body: String,
}

impl Answer {
    fn field(&self, name: &str) -> &str {
        self.fields[name].to_str().unwrap()
    }
}

async fn ask(facts: Facts, method: Method, host: &str, target: &str) -> Answer {
    let pages = Pages::new(Arc::new(Metrics::new()), Arc::new(Told(facts)), Readiness::Attempted);
    let request = Request::builder().method(method).uri(target).header("host", host).body(()).unwrap();
    let arrival = Arrival { head: request.into_parts().0, body: Body::empty(), peer: PROBE, flaw: None };
    let (head, body) = pages.call(arrival).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status, fields: head.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn get(target: &str) -> Answer {
    ask(facts(Attempt::Succeeded), Method::GET, "localhost", target).await
}

fn facts(attempt: Attempt) -> Facts {
    Facts {
        uptime: Duration::ZERO,
        draining: false,
        credentials: vec![("acme".to_owned(), attempt)],
        issuers: Vec::new(),
        records: None,
    }
}

#[tokio::test]
async fn metrics_come_in_the_text_format_of_prometheus() {
    let answer = get("/metrics").await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.field("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert!(answer.body.contains("\npassport_gateway_build_info{version="), "{}", answer.body);
}

#[tokio::test]
async fn alive_is_alive_even_when_not_ready() {
    let alive = ask(facts(Attempt::Pending), Method::GET, "localhost", "/livez").await;
    let ready = ask(facts(Attempt::Pending), Method::GET, "localhost", "/readyz").await;

    assert_eq!((alive.status, alive.body.as_str()), (StatusCode::OK, "ok\n"));
    assert_eq!((ready.status, ready.body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"));
}

#[tokio::test]
async fn ready_is_one_word_and_verbose_names_each_condition() {
    let (ready, verbose) = (get("/readyz").await, get("/readyz?verbose").await);

    assert_eq!((ready.status, ready.body.as_str()), (StatusCode::OK, "ready\n"));
    assert_eq!(verbose.status, StatusCode::OK);
    assert_eq!(verbose.body, "[+] serving: accepting requests\n[+] credential acme: the first attempt has ended\nready\n");
}

#[tokio::test]
async fn status_is_json_with_the_conditions_beside_the_facts() {
    let answer = get("/status").await;

    let status: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer.field("content-type"), "application/json");
    assert_eq!(status["ready"], true);
    assert_eq!(status["conditions"][1]["name"], "credential acme");
    assert_eq!(status["credentials"][0]["token"]["expires_in_seconds"], 290);
}

#[tokio::test]
async fn the_page_may_run_only_what_is_its_own() {
    let answer = get("/").await;

    assert_eq!(answer.field("content-type"), "text/html; charset=utf-8");
    assert!(answer.field("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(answer.body.contains("fetch(path"));
}

#[tokio::test]
async fn other_paths_and_methods_are_told_apart() {
    let (unknown, head) = (get("/metricsz").await, ask(facts(Attempt::Failed), Method::HEAD, "localhost", "/status").await);
    let write = ask(facts(Attempt::Failed), Method::POST, "localhost", "/status").await;

    assert_eq!((unknown.status, head.status), (StatusCode::NOT_FOUND, StatusCode::OK));
    assert_eq!((write.status, write.field("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}

#[tokio::test]
async fn a_rebound_name_reads_nothing() {
    let answer = ask(facts(Attempt::Succeeded), Method::GET, "evil.example", "/status").await;

    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(!answer.body.contains("acme"), "{}", answer.body);
}

#[tokio::test]
async fn nothing_may_be_stored_whatever_the_answer() {
    for target in ["/", "/livez", "/readyz", "/metrics", "/status", "/nothing"] {
        assert_eq!(get(target).await.field("cache-control"), "no-store", "{target}");
    }
}
