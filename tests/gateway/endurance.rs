//! Ten thousand requests while Passport dies and returns: each is answered, nothing leaks, and the metrics add up.
//!
//! `cargo test --release --test gateway endurance` does it with the release build.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use passport_gateway::sandbox::{Options, Sandbox};
use tokio::task::JoinSet;

use crate::support::Client;
use crate::support::process::Process;
use crate::support::until::until;

const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 20;
/// Reads that are stored, a read that never is, reads that insist on Passport, and a write that invalidates.
const MIX: [(&str, &str, &str); 4] = [
    ("GET", "/v1/accounts", ""),
    ("GET", "/v1/payments/6c23f053-0e1a-46b4-b902-97ba47e351bc", ""),
    ("GET", "/v1/keys", "Cache-Control: no-cache\r\n"),
    ("DELETE", "/v1/qrcodes/6c23f053-0e1a-46b4-b902-97ba47e351bc", ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_answered_while_passport_dies_and_returns() {
    let mut passport = JoinSet::new();
    let address = live(&mut passport, "127.0.0.1:0".parse().unwrap()).await;
    let gateway = Process::run(&configuration(address)).await;
    let descriptors = samples(gateway.admin).await["process_open_fds"];
    let sent = Arc::new(AtomicUsize::new(0));

    let mut callers: JoinSet<_> = (0..CONNECTIONS).map(|_| call(gateway.server, Arc::clone(&sent))).collect();
    until("a third is sent", async || sent.load(Relaxed) > REQUESTS / 3).await;
    passport.shutdown().await;
    until("half is sent", async || sent.load(Relaxed) > REQUESTS / 2).await;
    live(&mut passport, address).await;
    let mut answers: BTreeMap<u16, u64> = BTreeMap::new();
    while let Some(caller) = callers.join_next().await {
        for (status, count) in caller.unwrap() {
            *answers.entry(status).or_default() += count;
        }
    }

    assert_eq!(answers.values().sum::<u64>(), REQUESTS as u64, "{answers:?}");
    assert!(answers.keys().all(|status| matches!(status, 200 | 404 | 502 | 503)), "{answers:?}");
    assert!(answers.contains_key(&502), "Passport was never missed: {answers:?}");
    let more = recover(gateway.server).await;
    until("only pooled connections are open", async || at_rest(gateway.admin, descriptors).await).await;
    let samples = samples(gateway.admin).await;
    assert_eq!(samples["passport_gateway_requests_total"], REQUESTS as u64 + more, "{answers:?}");
    assert_eq!(samples["passport_gateway_request_duration_seconds_count"], REQUESTS as u64 + more);
    assert_eq!(samples["passport_gateway_requests_in_flight"], 0);
    assert_eq!(gateway.end().await.0, Some(0));
}

/// Brings a Passport to life at `address`; it dies with its task, and so does every connection to it.
async fn live(passport: &mut JoinSet<()>, address: SocketAddr) -> SocketAddr {
    let sandbox = Sandbox::bind(Options { listen: address, ..Options::default() }).await.unwrap();
    let address = sandbox.address();
    passport.spawn(sandbox.serve(std::future::pending()));
    address
}

/// Sends requests until enough were sent; counts the answers by status.
async fn call(server: SocketAddr, sent: Arc<AtomicUsize>) -> BTreeMap<u16, u64> {
    let mut answers = BTreeMap::new();
    let mut client = Client::connect(server).await;
    loop {
        let number = sent.fetch_add(1, Relaxed);
        if number >= REQUESTS {
            return answers;
        }
        *answers.entry(ask(&mut client, number % MIX.len()).await).or_default() += 1;
    }
}

async fn ask(client: &mut Client, which: usize) -> u16 {
    let (method, target, fields) = MIX[which];
    client.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes()).await;
    client.answer(false).await.expect("an answer").status.as_u16()
}

/// Waits until breaker and token have recovered; says how often it asked.
async fn recover(server: SocketAddr) -> u64 {
    let mut asked = 0;
    until("Passport answers again", async || {
        asked += 1;
        ask(&mut Client::connect(server).await, 2).await == 200
    })
    .await;
    asked
}

/// Whether no caller is connected, and besides pooled connections no more descriptors are open than `before`.
async fn at_rest(admin: SocketAddr, before: u64) -> bool {
    let now = samples(admin).await;
    let pooled = now["passport_gateway_upstream_connections idle"];
    let used = now["passport_gateway_upstream_connections active"];
    now["passport_gateway_connections"] == 0 && used == 0 && now["process_open_fds"] <= before + pooled + 1
}

/// Whole-numbered samples of `/metrics`, summed over their labels; connections to Passport by state.
async fn samples(admin: SocketAddr) -> BTreeMap<String, u64> {
    let text = Client::connect(admin).await.get("/metrics").await.text();
    let mut samples =
        BTreeMap::from(["active", "idle"].map(|state| (format!("passport_gateway_upstream_connections {state}"), 0)));
    for (series, value) in text.lines().filter_map(|line| line.rsplit_once(' ')) {
        let Ok(value) = value.parse::<u64>() else { continue };
        let name = series.split('{').next().unwrap_or_default();
        let state = ["active", "idle"].into_iter().find(|state| series.contains(&format!("state=\"{state}\"")));
        *samples.entry(state.map_or(name.to_owned(), |state| format!("{name} {state}"))).or_default() += value;
    }
    samples
}

fn configuration(passport: SocketAddr) -> String {
    format!(
        r#"
        server.listen = ["127.0.0.1:0"]
        admin.listen = "127.0.0.1:0"
        lifecycle.pre_drain = "0s"
        passport.environment = "custom"
        passport.base_url = "http://{passport}"
        breaker.open = "100ms"
        telemetry.access_log = false
        {}"#,
        crate::support::LOCAL
    )
}
