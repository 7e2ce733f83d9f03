//! Everything at once, for as long as `SOAK` says in seconds: two tenants, reads, writes and keys, a Passport that breaks in all
//! ways, tokens that live two seconds, and a reload every five.
//!
//! No answer may be wrong, none may be another tenant's, no write may arrive twice, and memory must stay as it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use passport_gateway::identity::new_key;
use tokio::task::JoinSet;

use self::caller::{Caller, Tally};
use self::passport::Passport;
use crate::support::Client;
use crate::support::process::Process;
use crate::support::until::until;

mod caller;
mod passport;

/// Seconds of a run that is part of all tests.
const SHORT: u64 = 20;
/// From how many seconds on memory is judged: before that, caches and pools still fill.
const JUDGED: u64 = 240;
const CALLERS_OF_EACH: usize = 6;
const TENANTS: [&str; 2] = ["acme", "globex"];
const RELOAD_EVERY: Duration = Duration::from_secs(5);
const CONTROL: &str = "a-token-of-more-than-16-bytes";

fn length() -> Duration {
    Duration::from_secs(std::env::var("SOAK").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(SHORT))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "a run of a quarter of an hour tells what it saw")]
async fn no_answer_is_wrong_or_anothers_and_memory_stays_as_it_is() {
    let passport = Passport::start().await;
    let keys = TENANTS.map(|_| new_key());
    let gateway = Process::run(&configuration(&passport, &keys, 0)).await;
    let (tally, enough) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let mut callers = JoinSet::new();
    for (tenant, (key, _)) in TENANTS.iter().zip(&keys) {
        for _ in 0..CALLERS_OF_EACH {
            let caller = Caller::new(tenant, key, gateway.server, Arc::clone(&tally));
            callers.spawn(caller.run(Arc::clone(&enough)));
        }
    }

    let memory = watch(&gateway, &passport, &keys).await;
    enough.store(true, Relaxed);
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }

    passport.calm();
    let told = format!("{tally:?}\n{passport:?}\nresident MiB: {memory:.1?}");
    println!("{told}");
    assert!(tally.wrong().is_empty(), "{told}");
    assert!(TENANTS.iter().all(|tenant| tally.good(tenant) > 100), "{told}");
    assert_eq!((passport.sent_twice(), passport.used_again()), (Vec::new(), 0), "{told}");
    assert!(passport.faults() > 20, "{told}");
    if length().as_secs() >= JUDGED {
        let [second, last] = [thirds(&memory)[1], thirds(&memory)[2]];
        assert!(last < second * 1.05, "{second} {last} {told}");
    }
    let metrics = gateway.admin("/metrics").await.text();
    assert!(!metrics.contains(r#"reason="panic""#), "{metrics}");
    until("nothing is in flight", async || {
        let metrics = gateway.admin("/metrics").await.text();
        metrics.contains("passport_gateway_requests_in_flight 0\n") && metrics.contains("passport_gateway_connections 0\n")
    })
    .await;
    assert_eq!(gateway.end().await.0, Some(0));
}

/// Reloads again and again while the time lasts; gives what memory the process had, in MiB, once each second.
async fn watch(gateway: &Process, passport: &Passport, keys: &[(String, String); 2]) -> Vec<f64> {
    let ready: toml::Table = gateway.ready.parse().unwrap();
    let control: SocketAddr = ready["control"].as_str().unwrap().parse().unwrap();
    let (began, mut reloads, mut memory) = (Instant::now(), 0, Vec::new());
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    while began.elapsed() < length() {
        seconds.tick().await;
        memory.push(resident(gateway.admin).await);
        if began.elapsed() >= RELOAD_EVERY * (reloads + 1) {
            reloads += 1;
            std::fs::write(gateway.beside("gateway.toml"), configuration(passport, keys, reloads)).unwrap();
            let mut changer = Client::connect(control).await.with(format!("Authorization: Bearer {CONTROL}"));
            let told = changer.post("/reload", "{}").await;
            assert_eq!(told.status.as_u16(), 200, "{}", told.text());
        }
    }
    memory
}

async fn resident(admin: SocketAddr) -> f64 {
    let metrics = Client::connect(admin).await.get("/metrics").await.text();
    let bytes = metrics.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes ")).unwrap();
    bytes.parse::<f64>().unwrap() / f64::from(1 << 20)
}

/// The mean of each third.
fn thirds(samples: &[f64]) -> Vec<f64> {
    let third = samples.len() / 3;
    samples.chunks(third).map(|part| part.iter().sum::<f64>() / f64::from(u32::try_from(part.len()).unwrap())).collect()
}

/// A configuration that differs with each number, in what may change while callers call.
fn configuration(passport: &Passport, keys: &[(String, String); 2], number: u32) -> String {
    let tenants: String = TENANTS.iter().zip(keys).map(|(tenant, (_, sha256))| tenant_of(tenant, sha256, number)).collect();
    format!(
        r#"
server = {{ listen = ["127.0.0.1:0"], workers = 2 }}
admin.listen = "127.0.0.1:0"
control = {{ listen = "127.0.0.1:0", token = "{CONTROL}" }}
lifecycle.pre_drain = "0s"
telemetry.log = "off"
idempotency.path = "{records}"
breaker = {{ open = "200ms", window = "2s" }}

[passport]
environment = "custom"
base_url = "http://{address}"
timeout = "400ms"
stream_timeout = "500ms"
connect_timeout = "300ms"

[operations.list_customers]
cache_ttl = "{ttl}s"
{tenants}"#,
        records = passport.beside("records.redb").display(),
        address = passport.address,
        ttl = 1 + number % 3,
    )
}

fn tenant_of(tenant: &str, sha256: &str, number: u32) -> String {
    let burst = 100_000 + number % 7;
    format!(
        r#"
[[api_keys]]
id = "{tenant}-app"
sha256 = "{sha256}"
tenant = "{tenant}"
scopes = ["paas.core.*"]

[tenants.{tenant}]
scopes = ["paas.core.*"]
rate_limit = {{ requests = 100000, per = "1s", burst = {burst} }}

[credentials.{tenant}]
client_id = "{tenant}"
client_secret = "secret"
environment = "custom"
"#
    )
}
