//! Reloads while callers call: each request is answered as if there were none.
//!
//! `RELOADS=1000 cargo test --test gateway reload::under_load` does as many as the promise says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use passport_gateway::sandbox::{Options, Sandbox};
use tokio::task::JoinSet;

use super::acme;
use crate::support::Client;
use crate::support::process::Process;

const CALLERS: usize = 8;
const MIX: [(&str, &str, &str); 4] = [
    ("GET", "/v1/accounts", ""),
    ("GET", "/v1/keys", "Cache-Control: no-cache\r\n"),
    ("DELETE", "/v1/qrcodes/6c23f053-0e1a-46b4-b902-97ba47e351bc", ""),
    ("GET", "/v1/customers", ""),
];
const TOKEN: &str = "a-token-of-more-than-16-bytes";

fn reloads() -> usize {
    std::env::var("RELOADS").ok().and_then(|count| count.parse().ok()).unwrap_or(100)
}

/// A configuration that differs with each number: a limit, an operation, and every other time another tenant with a credential.
fn configuration(places: &str, number: usize) -> String {
    let limit = format!("rate_limit = {{ requests = 1000000, per = \"1s\", burst = {} }}", 900_000 + number % 7);
    let beta = r#"
[tenants.beta]
scopes = ["paas.core.accounts.*"]
[credentials.beta]
client_id = "sandbox-client"
client_secret = "sandbox-secret"
environment = "custom"
"#;
    let operation = format!("[operations.list_customers]\ncache_ttl = \"{}s\"\n", 1 + number % 5);
    format!("{places}{}", acme(&limit, &[operation.as_str(), if number.is_multiple_of(2) { beta } else { "" }].concat()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_and_no_token_is_minted_anew() {
    let sandbox = Sandbox::bind(Options::default()).await.unwrap();
    let places = format!(
        "server.listen = [\"127.0.0.1:0\"]\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\ntelemetry.log = \"error\"\n\
         idempotency.required_for = \"none\"\n\
         control = {{ listen = \"127.0.0.1:0\", token = \"{TOKEN}\" }}\n\
         passport = {{ environment = \"custom\", base_url = \"http://{}\" }}\n",
        sandbox.address()
    );
    let mut passport = JoinSet::new();
    passport.spawn(sandbox.serve(std::future::pending()));
    let gateway = Process::run(&configuration(&places, 0)).await;
    let control: toml::Table = gateway.ready.parse().unwrap();
    let control: SocketAddr = control["control"].as_str().unwrap().parse().unwrap();
    Client::connect(gateway.server).await.get("/v1/accounts").await;
    let enough = Arc::new(AtomicBool::new(false));

    let mut callers: JoinSet<_> = (0..CALLERS).map(|_| call(gateway.server, Arc::clone(&enough))).collect();
    let mut changer = Client::connect(control).await.with(format!("Authorization: Bearer {TOKEN}"));
    for number in 1..=reloads() {
        std::fs::write(gateway.beside("gateway.toml"), configuration(&places, number)).unwrap();
        let told = changer.post("/reload", "{}").await;
        assert_eq!(told.status.as_u16(), 200, "{number}: {}", told.text());
    }
    enough.store(true, Relaxed);
    let mut answers: BTreeMap<u16, u64> = BTreeMap::new();
    while let Some(caller) = callers.join_next().await {
        for (status, count) in caller.unwrap() {
            *answers.entry(status).or_default() += count;
        }
    }

    assert!(answers.keys().all(|status| matches!(status, 200 | 404)), "{answers:?}");
    assert!(answers.values().sum::<u64>() > reloads() as u64 / 4, "{answers:?}");
    let metrics = gateway.admin("/metrics").await.text();
    let minted = r#"passport_gateway_upstream_token_requests_total{credential="acme",result="ok"} 1"#;
    assert!(metrics.lines().any(|line| line == minted), "{metrics}");
    assert_eq!(gateway.end().await.0, Some(0));
}

/// Sends requests until it is enough; counts the answers by status.
async fn call(server: SocketAddr, enough: Arc<AtomicBool>) -> BTreeMap<u16, u64> {
    let mut answers = BTreeMap::new();
    let mut client = Client::connect(server).await;
    for (method, target, fields) in MIX.iter().cycle() {
        if enough.load(Relaxed) {
            break;
        }
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes()).await;
        *answers.entry(client.answer(false).await.expect("an answer").status.as_u16()).or_default() += 1;
    }
    answers
}
