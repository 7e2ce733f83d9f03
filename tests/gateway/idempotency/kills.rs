//! The real process, killed (SIGKILL) at any step of a payment, started again, and asked again.
//!
//! `KILLS` says how often for each store: a few by default, two hundred in `make soak-kills`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{LOCAL, PAY, PAYMENT};
use crate::support::process::Process;
use crate::support::redis::{Options, Redis};

/// Where in an exchange the gateway dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    /// Some time after the request was sent, before or after it is written down.
    Time,
    /// Passport was connected to.
    Connected,
    /// The head of the request has come.
    Head,
    /// All of the request has come.
    Request,
    /// Half of the answer is out.
    HalfAnswer,
    /// All of it is out.
    Answer,
    /// The caller has it.
    Told,
}

const STEPS: [At; 7] = [At::Time, At::Connected, At::Head, At::Request, At::HalfAnswer, At::Answer, At::Told];

/// Passport, which counts what arrives by key and says when it does.
struct Passport {
    address: SocketAddr,
    arrived: Arc<Mutex<BTreeMap<String, usize>>>,
    steps: mpsc::UnboundedReceiver<At>,
    _serving: JoinSet<()>,
}

impl Passport {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arc::new(Mutex::new(BTreeMap::new()));
        let (tell, steps) = mpsc::unbounded_channel();
        let counted = Arc::clone(&arrived);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(BufReader::new(stream), Arc::clone(&counted), tell.clone()));
            }
        });
        Self { address, arrived, steps, _serving: serving }
    }
}

async fn serve(mut stream: BufReader<TcpStream>, arrived: Arc<Mutex<BTreeMap<String, usize>>>, tell: mpsc::UnboundedSender<At>) {
    let _ = tell.send(At::Connected);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(stream.read_line(&mut head).await, Ok(1..)) {
                return;
            }
        }
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        let mut body = vec![0; field("content-length:").parse().unwrap_or(0)];
        let is_payment = head.contains(PAY);
        if is_payment {
            // Counted with its first bytes: what is not whole was forwarded all the same.
            *arrived.lock().unwrap().entry(field("x-key:")).or_insert(0) += 1;
            let _ = tell.send(At::Head);
        }
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let token = r#"{"access_token":"t","token_type":"Bearer","expires_in":86400}"#.to_owned();
        let paid = format!(r#"{{"paid":"{}"}}"#, field("x-key:"));
        let text = if is_payment { &paid } else { &token };
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        let (first, last) = answer.split_at(answer.len() - 4);
        if is_payment {
            let _ = tell.send(At::Request);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if stream.get_mut().write_all(first.as_bytes()).await.is_err() {
            return;
        }
        if is_payment {
            let _ = tell.send(At::HalfAnswer);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if stream.get_mut().write_all(last.as_bytes()).await.is_err() {
            return;
        }
        if is_payment {
            let _ = tell.send(At::Answer);
        }
    }
}

/// Status and body of one answer; none if the connection broke.
async fn ask(server: SocketAddr, key: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(server).await.ok()?;
    let head = format!("POST {PAY} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n");
    let request = format!("{head}Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{PAYMENT}", PAYMENT.len());
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn configuration(passport: &Passport, records: &str) -> String {
    format!(
        "server.listen = [\"127.0.0.1:0\"]\nserver.workers = 1\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\n\
         passport.environment = \"custom\"\npassport.base_url = \"http://{}\"\n{records}{LOCAL}",
        passport.address,
    )
}

/// One payment over which the process is killed.
async fn killed_over(key: &str, at: At, delay: Duration, passport: &mut Passport, records: &str) {
    let process = Process::run(&configuration(passport, records)).await;
    while passport.steps.try_recv().is_ok() {}
    let mut asking = JoinSet::new();
    let (server, own) = (process.server, key.to_owned());
    asking.spawn(async move { ask(server, &own).await });
    let reached = async {
        match at {
            At::Time => tokio::time::sleep(delay).await,
            At::Told => _ = asking.join_next().await,
            at => while passport.steps.recv().await.is_some_and(|step| step != at) {},
        }
    };
    // Where a connection is used again, nobody connects.
    let _ = tokio::time::timeout(Duration::from_secs(2), reached).await;
    process.signal("KILL");
    process.ended().await;
}

/// How a payment ends for its caller, who asks another process until it is told.
async fn asked_again(key: &str, at: At, passport: &Passport, records: &str) -> &'static str {
    let process = Process::run(&configuration(passport, records)).await;
    let end = loop {
        match ask(process.server, key).await {
            Some((200, body)) => {
                assert_eq!(body, format!(r#"{{"paid":"{key}"}}"#), "{at:?}");
                break "answered";
            }
            Some((409, body)) if body.contains("outcome-unknown") => break "unknown",
            Some((409 | 503, _)) => tokio::time::sleep(Duration::from_millis(5)).await,
            other => panic!("{at:?}: {other:?}"),
        }
    };
    process.signal("KILL");
    process.ended().await;
    end
}

/// Kills the process over so many payments. Their records are where `records` says, and `meanwhile` happens between two processes.
#[expect(clippy::print_stdout, reason = "who runs the soak wants to see what came of it")]
async fn never_paid_twice(store: &str, records: &str, mut meanwhile: impl AsyncFnMut(usize)) {
    let kills: usize = std::env::var("KILLS").map_or(14, |kills| kills.parse().unwrap());
    let mut passport = Passport::start().await;
    let mut ends: BTreeMap<(At, &str), usize> = BTreeMap::new();

    for kill in 0..kills {
        let at = STEPS[kill % STEPS.len()];
        let delay = Duration::from_micros(u64::try_from(kill).unwrap() * 97 % 8000);
        let key = format!("key-{kill}");
        killed_over(&key, at, delay, &mut passport, records).await;
        meanwhile(kill).await;
        let end = asked_again(&key, at, &passport, records).await;
        *ends.entry((at, end)).or_insert(0) += 1;
    }

    let arrived = passport.arrived.lock().unwrap();
    let twice: Vec<_> = arrived.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "forwarded twice: {twice:?}");
    assert!(ends.keys().any(|(_, end)| *end == "unknown") && ends.keys().any(|(_, end)| *end == "answered"), "{ends:?}");
    println!("{store}: {kills} kills: {ends:?}; {} of {kills} keys were forwarded", arrived.len());
}

#[tokio::test]
async fn a_process_that_is_killed_at_any_step_never_pays_twice_with_records_in_a_file() {
    let folder = TempDir::new().unwrap();

    never_paid_twice("file", &super::records(&folder), async |_| ()).await;
}

#[tokio::test]
async fn a_process_that_is_killed_at_any_step_never_pays_twice_with_records_in_redis_which_is_killed_now_and_then() {
    let mut redis = Redis::with(Options { durable: true, ..Options::default() }).await;
    let own = "idempotency.forward_header = \"x-key\"\nidempotency.lease = \"1s\"\n";
    let records = format!("{}{own}", redis.configuration());

    let killed = async |kill: usize| {
        if kill.is_multiple_of(3) {
            redis.restart().await;
        }
    };
    never_paid_twice("Redis", &records, killed).await;
}
