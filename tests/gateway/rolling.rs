//! One gateway takes another's place on the same port while callers call: no request fails.
//!
//! `TURNS=20 cargo test --test gateway rolling` replaces it so often.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use passport_gateway::sandbox::{Options, Sandbox};
use tokio::task::JoinSet;

use crate::support::process::Process;
use crate::support::{Client, LOCAL};

/// Callers of each kind.
const CALLERS: usize = 4;
const MIX: [(&str, &str); 3] =
    [("GET", "/v1/accounts"), ("DELETE", "/v1/qrcodes/6c23f053-0e1a-46b4-b902-97ba47e351bc"), ("GET", "/v1/keys")];

fn turns() -> usize {
    std::env::var("TURNS").ok().and_then(|turns| turns.parse().ok()).unwrap_or(3)
}

fn configuration(listen: SocketAddr, passport: SocketAddr) -> String {
    format!(
        "server = {{ listen = [\"{listen}\"], reuse_port = true }}\nadmin.listen = \"127.0.0.1:0\"\n\
         lifecycle.pre_drain = \"100ms\"\ntelemetry.log = \"error\"\n\
         passport = {{ environment = \"custom\", base_url = \"http://{passport}\" }}\n{LOCAL}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_one_gateway_takes_anothers_place() {
    let sandbox = Sandbox::bind(Options::default()).await.unwrap();
    let at = sandbox.address();
    let mut passport = JoinSet::new();
    passport.spawn(sandbox.serve(std::future::pending()));
    let mut gateway = Process::run(&configuration("127.0.0.1:0".parse().unwrap(), at)).await;
    let port = gateway.server;
    Client::connect(port).await.get("/v1/accounts").await;
    let enough = Arc::new(AtomicBool::new(false));

    let mut callers: JoinSet<u64> = (0..CALLERS).map(|_| connect_each_time(port, Arc::clone(&enough))).collect();
    for _ in 0..CALLERS {
        callers.spawn(stay_connected(port, Arc::clone(&enough)));
    }
    for _ in 0..turns() {
        let next = Process::run(&configuration(port, at)).await;
        let (code, log) = std::mem::replace(&mut gateway, next).end().await;
        assert_eq!(code, Some(0), "{log}");
    }
    enough.store(true, Relaxed);
    let mut answered = 0;
    while let Some(caller) = callers.join_next().await {
        answered += caller.expect("no request of this caller failed");
    }

    assert!(answered > 8 * turns() as u64, "{answered} requests are too few to show anything");
    writeln!(std::io::stderr(), "{answered} requests over {} replacements, none failed", turns()).unwrap();
    assert_eq!(gateway.end().await.0, Some(0));
}

/// A connection for each request: there is no excuse for any that fails.
async fn connect_each_time(port: SocketAddr, enough: Arc<AtomicBool>) -> u64 {
    let mut answered = 0;
    for (method, target) in MIX.iter().cycle().take_while(|_| !enough.load(Relaxed)) {
        let mut client = Client::connect(port).await.with("Connection: close");
        assert!(client.request(method, target, None).await.status.as_u16() < 500);
        answered += 1;
    }
    answered
}

/// One connection as long as it lasts. If the gateway closes it between two requests, the request that met the end is sent anew on
/// another, as every client does (RFC 9112 §9.3.1): it was not answered, and reads may be repeated.
async fn stay_connected(port: SocketAddr, enough: Arc<AtomicBool>) -> u64 {
    let (mut answered, mut client, mut is_new) = (0, Client::connect(port).await, true);
    while !enough.load(Relaxed) {
        let sent = client.try_send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let answer = if sent.is_ok() { client.answer(false).await } else { None };
        if let Some(answer) = answer {
            assert_eq!(answer.status.as_u16(), 200);
            (answered, is_new) = (answered + 1, answer.fields.get("connection").is_some_and(|value| value == "close"));
            if is_new {
                client = Client::connect(port).await;
            }
        } else {
            assert!(!is_new, "a connection that was just made is served");
            (client, is_new) = (Client::connect(port).await, true);
        }
    }
    answered
}
