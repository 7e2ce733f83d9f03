//! What the gateway lives on runs out: descriptors, room for its log, somebody to read it, and time that goes straight.

use std::fs::OpenOptions;
use std::process::Stdio;
use std::time::Duration;

use http::StatusCode;
use tokio::net::TcpStream;

use crate::support::process::Process;
use crate::support::scripted::{Scripted, ok};
use crate::support::{Client, LOCAL, World};

/// A read that is never stored.
const PAYMENT: &str = "/v1/payments/5a0d8c1e-0000-4000-8000-000000000001";
const REFUSED: &str = r#"passport_gateway_connection_errors_total{reason="accept"} "#;

fn config(upstream: &Scripted) -> String {
    format!(
        "server = {{ listen = [\"127.0.0.1:0\"], workers = 1 }}\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\n\
         passport = {{ environment = \"custom\", base_url = \"http://{}\" }}\n{LOCAL}",
        upstream.address
    )
}

async fn served(client: &mut Client, upstream: &mut Scripted) {
    let (got, _) = tokio::join!(client.get(PAYMENT), upstream.answer(ok("[]")));

    assert_eq!((got.status, got.text().as_str()), (StatusCode::OK, "[]"));
}

/// What was counted as refused by the system, once somebody can be let in to ask.
async fn refusals(process: &Process) -> u64 {
    let text = process.admin("/metrics").await.text();
    text.lines().find_map(|line| line.strip_prefix(REFUSED)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn without_descriptors_those_inside_are_served_and_others_once_there_is_room() {
    let mut upstream = Scripted::start().await;
    let process = Process::limited(&config(&upstream), "ulimit -n 48").await;
    let mut inside = Client::connect(process.server).await;
    served(&mut inside, &mut upstream).await;

    let crowd: Vec<_> = futures_util::future::join_all((0..100).map(|_| TcpStream::connect(process.server))).await;
    for _ in 0..20 {
        served(&mut inside, &mut upstream).await;
    }
    let before = process.cpu();
    // A second in which nothing happens but that the crowd waits: whoever spins is seen.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let busy = process.cpu() - before;
    drop(crowd);

    assert!(busy < 0.5, "{busy} s of processor time in a second of waiting");
    served(&mut Client::connect(process.server).await, &mut upstream).await;
    let refused = refusals(&process).await;
    assert!((1..100).contains(&refused), "{refused}");
    served(&mut inside, &mut upstream).await;
    let (code, written) = process.end().await;
    assert_eq!(code, Some(0));
    assert!(written.contains("could not be accepted") && !written.contains("panic"), "{written}");
}

#[tokio::test]
async fn nobody_need_read_the_log() {
    let mut upstream = Scripted::start().await;
    let (reader, writer) = std::io::pipe().unwrap();
    let process = Process::writing(&config(&upstream), Stdio::from(writer)).await;

    drop(reader);

    let mut client = Client::connect(process.server).await;
    for _ in 0..20 {
        served(&mut client, &mut upstream).await;
    }
    assert_eq!(process.end().await.0, Some(0));
}

#[tokio::test]
async fn a_log_that_is_read_late_holds_nobody_up() {
    let mut upstream = Scripted::start().await;
    let (reader, writer) = std::io::pipe().unwrap();
    let process = Process::writing(&config(&upstream), Stdio::from(writer)).await;

    // More lines than a pipe holds.
    let mut client = Client::connect(process.server).await;
    for _ in 0..500 {
        assert_eq!(client.get("/nowhere").await.status, StatusCode::NOT_FOUND);
    }
    served(&mut client, &mut upstream).await;
    drop(reader);
    assert_eq!(process.end().await.0, Some(0));
}

#[tokio::test]
async fn the_log_may_have_no_room() {
    let mut upstream = Scripted::start().await;
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let process = Process::writing(&config(&upstream), Stdio::from(full)).await;

    let mut client = Client::connect(process.server).await;
    for _ in 0..20 {
        served(&mut client, &mut upstream).await;
    }
    assert_eq!(process.end().await.0, Some(0));
}

#[tokio::test]
async fn a_wall_clock_that_is_set_ends_nothing() {
    let world = World::new().await;
    let mut client = world.client().await;
    world.until_minted(1).await;

    // A day on, two back, a decade on, and to a time before time is counted from.
    for seconds in [86_400, -172_800, 315_000_000, -2_200_000_000] {
        world.clock.set_by(seconds);
        for target in ["/v1/accounts", PAYMENT, "/v1/customers"] {
            let status = client.get(target).await.status;
            assert!(matches!(status.as_u16(), 200 | 404), "{seconds} {target}: {status}");
        }
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(client.post("/v1/payments/breb/confirm", r#"{"id":"x"}"#).await.status, StatusCode::NOT_FOUND);
        for page in ["/metrics", "/status", "/readyz"] {
            assert_eq!(world.admin(page).await.status, StatusCode::OK, "{seconds} {page}");
        }
    }

    assert_eq!(world.mints(), 1, "tokens live by the clock that only goes on");
    assert_eq!(world.metric(r#"passport_gateway_connection_errors_total{reason="panic"}"#).await, 0.0);
}
