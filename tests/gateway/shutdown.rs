//! From the signal to the end: not ready but serving, finishing what is in flight, and gone.

use std::time::Duration;

use http::StatusCode;
use passport_gateway::server::{Signal, Unfinished};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::process::{Process, program, told};
use crate::support::scripted::{Scripted, ok};
use crate::support::until::until;
use crate::support::{LOCAL, World};

/// A read that is never stored, so that its body streams.
const STREAMED: &str = "GET /v1/payments/5a0d8c1e-0000-4000-8000-000000000001 HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn until_closed(world: &World) {
    until("no caller is let in any more", async || TcpStream::connect(world.server).await.is_err()).await;
}

#[tokio::test]
async fn before_the_drain_it_is_not_ready_and_still_serves() {
    let world = World::with(&format!("lifecycle.pre_drain = \"60s\"\n{LOCAL}")).await;
    let mut old = world.client().await;
    old.get("/v1/accounts").await;
    until("it is ready", async || world.admin("/readyz").await.status == StatusCode::OK).await;

    world.signal(Signal::Terminate);
    until("it is not ready", async || world.admin("/readyz").await.status == StatusCode::SERVICE_UNAVAILABLE).await;

    assert_eq!(old.get("/v1/customers").await.status, StatusCode::OK);
    assert_eq!(world.get("/v1/customers").await.status, StatusCode::OK, "a new connection, too");
    assert!(world.admin("/readyz?verbose").await.text().contains("[-] serving: draining"));
    assert_eq!(world.admin("/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_in_flight_is_finished_and_what_is_idle_is_closed() {
    let mut upstream = Scripted::start().await;
    // One worker, so that all its connections know of the end once one of them does.
    let world = World::before(&upstream, &format!("server.workers = 1\n{LOCAL}")).await;
    let (mut idle, mut busy) = (world.client().await, world.client().await);
    let (_, _) = tokio::join!(idle.get("/v1/accounts"), upstream.answer(ok("{}")));
    busy.send(STREAMED.as_bytes()).await;
    let call = upstream.call().await;

    world.signal(Signal::Terminate);
    until_closed(&world).await;
    assert!(idle.is_closed().await);
    call.answer(&ok(r#""done""#)).await;
    let answer = busy.answer(false).await.unwrap();

    assert_eq!((answer.text().as_str(), answer.field("connection")), (r#""done""#, "close"));
    assert!(busy.is_closed().await);
    assert_eq!(world.ended().await, Unfinished::default());
}

#[tokio::test]
async fn a_list_that_is_being_fetched_is_finished() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut busy = world.client().await;
    busy.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let call = upstream.call().await;

    world.signal(Signal::Interrupt);
    until_closed(&world).await;
    call.answer(&ok("[]")).await;

    assert_eq!(busy.answer(false).await.unwrap().text(), "[]");
    assert_eq!(world.ended().await, Unfinished::default());
}

#[tokio::test]
async fn the_drain_ends_in_time_and_tells_what_it_cut() {
    let mut upstream = Scripted::start().await;
    let lines = format!("lifecycle.drain = \"300ms\"\npassport.timeout = \"200ms\"\n{LOCAL}");
    let world = World::before(&upstream, &lines).await;
    let mut busy = world.client().await;
    busy.send(STREAMED.as_bytes()).await;
    let mut call = upstream.call().await;
    call.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    busy.head().await.unwrap();

    world.signal(Signal::Terminate);

    assert_eq!(world.ended().await, Unfinished { connections: 1, tasks: 0 });
    assert_eq!(busy.bytes(5).await, b"hello");
    assert!(busy.is_closed().await);
}

#[tokio::test]
async fn an_interrupt_skips_the_time_before_the_drain() {
    let world = World::with(&format!("lifecycle.pre_drain = \"60s\"\n{LOCAL}")).await;

    world.signal(Signal::Interrupt);

    assert_eq!(world.ended().await, Unfinished::default());
}

#[tokio::test]
async fn a_second_signal_ends_it_now() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("lifecycle.pre_drain = \"60s\"\n{LOCAL}")).await;
    let mut busy = world.client().await;
    busy.send(STREAMED.as_bytes()).await;
    let mut call = upstream.call().await;

    world.signal(Signal::Terminate);
    world.signal(Signal::Now);

    assert_eq!(world.ended().await, Unfinished { connections: 1, tasks: 0 });
    assert!(busy.is_closed().await);
    call.closed().await;
}

#[tokio::test]
async fn nothing_listens_after_the_end() {
    let world = World::new().await;
    let (server, admin) = (world.server, world.admin);

    world.signal(Signal::Terminate);
    world.ended().await;

    assert!(TcpStream::connect(server).await.is_err());
    assert!(TcpStream::connect(admin).await.is_err());
}

mod process {
    use super::*;

    fn config(upstream: &Scripted, lines: &str) -> String {
        let places = "server.listen = [\"127.0.0.1:0\"]\nserver.workers = 1\nadmin.listen = \"127.0.0.1:0\"";
        format!(
            "{places}\nidempotency.required_for = \"none\"\npassport.environment = \"custom\"\npassport.base_url = \"http://{}\"\n{lines}\n{LOCAL}",
            upstream.address
        )
    }

    #[tokio::test]
    async fn the_ready_file_names_every_address_and_a_request_is_served() {
        let mut upstream = Scripted::start().await;
        let process = Process::run(&config(&upstream, "")).await;

        let (answer, _) = tokio::join!(process.get("/v1/accounts"), upstream.answer(ok("[]")));

        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "[]"));
        assert_eq!(process.ready, format!("server = [\"{}\"]\nadmin = \"{}\"\n", process.server, process.admin));
        assert_eq!(std::fs::read_dir(process.beside("")).unwrap().count(), 2, "nothing but configuration and ready file");
    }

    #[tokio::test]
    async fn sigterm_ends_it_well_after_what_is_in_flight() {
        let mut upstream = Scripted::start().await;
        let mut process = Process::run(&config(&upstream, "lifecycle.pre_drain = \"200ms\"")).await;
        let mut busy = crate::support::Client::connect(process.server).await;
        busy.send(STREAMED.as_bytes()).await;
        let call = upstream.call().await;

        process.signal("TERM");
        until("no caller is let in any more", async || TcpStream::connect(process.server).await.is_err()).await;
        assert!(!process.has_ended());
        call.answer(&ok("{}")).await;

        assert_eq!(busy.answer(false).await.unwrap().status, StatusCode::OK);
        let (code, lines) = process.ended().await;
        assert_eq!(code, Some(0), "{lines:#?}");
        let ready: Vec<_> = lines.iter().filter(|line| line.contains(r#""message":"ready""#)).collect();
        assert_eq!(ready.len(), 1, "{lines:#?}");
    }

    #[tokio::test]
    async fn sigint_ends_it_without_the_time_before_the_drain() {
        let upstream = Scripted::start().await;
        let process = Process::run(&config(&upstream, "lifecycle.pre_drain = \"60s\"")).await;

        process.signal("INT");

        assert_eq!(process.ended().await.0, Some(0));
    }

    #[tokio::test]
    async fn a_second_signal_cuts_and_the_exit_code_says_so() {
        let mut upstream = Scripted::start().await;
        let process = Process::run(&config(&upstream, "lifecycle.pre_drain = \"60s\"")).await;
        let mut busy = crate::support::Client::connect(process.server).await;
        busy.send(STREAMED.as_bytes()).await;
        let _call = upstream.call().await;

        process.signal("TERM");
        until("it has seen the first", async || process.admin("/readyz").await.status == StatusCode::SERVICE_UNAVAILABLE).await;
        process.signal("TERM");

        let (code, lines) = process.ended().await;
        assert_eq!(code, Some(1), "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains(r#""connections":1"#)), "{lines:#?}");
        assert!(busy.is_closed().await);
    }

    #[tokio::test]
    async fn a_socket_in_the_file_system_serves_and_is_gone_after_the_end() {
        let mut upstream = Scripted::start().await;
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("gateway.sock");
        let both = format!("server.listen = [\"127.0.0.1:0\", \"unix:{}\"]", socket.display());
        let config = config(&upstream, "").replace("server.listen = [\"127.0.0.1:0\"]", &both);
        let process = Process::run(&config).await;

        let mut stream = tokio::net::UnixStream::connect(&socket).await.unwrap();
        stream.write_all(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        tokio::join!(async { stream.read_to_string(&mut answer).await.unwrap() }, upstream.answer(ok("[1]")));
        process.signal("INT");

        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n[1]"), "{answer}");
        assert!(process.ready.contains(&format!("unix:{}", socket.display())), "{}", process.ready);
        assert_eq!(process.ended().await.0, Some(0));
        assert!(!socket.exists());
    }

    #[tokio::test]
    async fn the_shell_is_told_what_was_wrong() {
        let upstream = Scripted::start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let faulty = path("faulty.toml", "[servr]\n");
        let taken = config(&upstream, "").replace("127.0.0.1:0\"]", &format!("{}\"]", upstream.address));
        let taken = path("taken.toml", &taken);

        for (arguments, code, says) in [
            (&["run", "--config", &faulty][..], 78, "servr"),
            (&["run", "--config", "/nowhere/gateway.toml"], 78, "/nowhere/gateway.toml"),
            (&["run", "--config", &taken], 1, "address"),
            (&["run", "--nonsense"], 2, "--nonsense"),
            (&["nonsense"], 2, "nonsense"),
            (&[], 2, "Usage"),
        ] {
            let output = program(arguments).await;
            let (exit, _, complaint) = told(&output);
            assert_eq!(exit, code, "{arguments:?}: {complaint}");
            assert!(complaint.to_lowercase().contains(&says.to_lowercase()), "{arguments:?}: {complaint}");
        }
        assert_eq!(told(&program(&["--version"]).await).0, 0);
    }

    #[tokio::test]
    async fn a_ready_file_that_cannot_be_written_is_a_failure() {
        let upstream = Scripted::start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, config(&upstream, "")).unwrap();

        let output = program(&["run", "--config", path.to_str().unwrap(), "--ready-file", "/nowhere/ready.toml"]).await;

        let (code, _, complaint) = told(&output);
        assert_eq!(code, 1, "{complaint}");
        assert!(complaint.contains("/nowhere/ready.toml"), "{complaint}");
    }

    #[tokio::test]
    async fn an_idle_connection_does_not_hold_up_the_end() {
        let upstream = Scripted::start().await;
        let process = Process::run(&config(&upstream, "lifecycle.pre_drain = \"0s\"")).await;
        let idle = crate::support::Client::connect(process.server).await;
        let began = std::time::Instant::now();

        process.signal("TERM");

        assert_eq!(process.ended().await.0, Some(0));
        assert!(began.elapsed() < Duration::from_secs(10), "an idle connection held it up");
        drop(idle);
    }
}
