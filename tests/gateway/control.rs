//! The control listener: what changes the running gateway, for its owner and nobody else.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::support::process::Process;
use crate::support::{Client, LOCAL, World};

const TOKEN: &str = "a-token-of-more-than-16-bytes";

fn port() -> String {
    format!("control = {{ listen = \"127.0.0.1:0\", token = \"{TOKEN}\" }}\n{LOCAL}")
}

/// A process whose Passport is nowhere, so that nothing but the gateway speaks in its log.
async fn process(control: &str) -> Process {
    let places = "server.listen = [\"127.0.0.1:0\"]\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\n\
                  passport = { environment = \"custom\", base_url = \"http://127.0.0.1:9\" }\n";
    Process::run(&format!("{places}{control}\n{LOCAL}")).await
}

async fn post(socket: &Path, path: &str, body: &str) -> String {
    let mut connection = UnixStream::connect(socket).await.unwrap();
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: control\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_log_level_changes_while_the_process_runs_and_every_call_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let process = process(&format!("control.listen = \"unix:{}\"", socket.display())).await;

    let changed = post(&socket, "/log-level", r#"{"level":"warn,control=info"}"#).await;
    let mut client = Client::connect(process.server).await;
    client.get("/v1/accounts").await;
    // A request is logged before the next one is taken from its connection.
    client.get("/").await;
    let back = post(&socket, "/log-level", r#"{"level":"info"}"#).await;
    process.get("/v1/customers").await;
    let refused = post(&socket, "/log-level", r#"{"level":"loud=quiet"}"#).await;

    let (_, log) = process.end().await;
    assert!(changed.starts_with("HTTP/1.1 200") && changed.ends_with(r#"{"level":"warn,control=info"}"#), "{changed}");
    assert!(back.starts_with("HTTP/1.1 200"), "{back}");
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("problem:invalid-request"), "{refused}");
    let logged = |operation: &str| log.lines().any(|line| line.contains(r#""target":"access""#) && line.contains(operation));
    assert!(!logged("list_accounts") && logged("list_customers"), "{log}");
    for line in [r#""change":"level warn,control=info""#, r#""change":"level info""#, r#""problem":"invalid-request""#] {
        let told = log.lines().find(|told| told.contains(line)).unwrap_or_else(|| panic!("{line}: {log}"));
        assert!(told.contains(r#""target":"control""#) && told.contains(r#""peer":"unix socket""#), "{told}");
        assert!(told.contains(r#""route":"/log-level""#), "{told}");
    }
}

#[tokio::test]
async fn a_unix_socket_is_for_its_owner_alone_and_is_told_in_the_ready_file() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let process = process(&format!("control.listen = \"unix:{}\"", socket.display())).await;

    let mode = std::fs::symlink_metadata(&socket).unwrap().permissions().mode() & 0o777;
    let ready: toml::Table = process.ready.parse().unwrap();
    process.end().await;

    assert_eq!(mode, 0o600);
    assert_eq!(ready["control"].as_str(), Some(&*format!("unix:{}", socket.display())));
    assert!(!socket.exists());
}

#[tokio::test]
async fn on_a_port_the_token_is_what_counts() {
    let world = World::with(&port()).await;
    let control = world.control.unwrap();
    let body = r#"{"level":"debug"}"#;

    let stranger = Client::connect(control).await.post("/log-level", body).await;
    let owner = Client::connect(control).await.with(format!("Authorization: Bearer {TOKEN}")).post("/log-level", body).await;

    assert_eq!((stranger.status, stranger.problem().as_str()), (StatusCode::UNAUTHORIZED, "missing-credential"));
    assert!(stranger.field("www-authenticate").starts_with("Bearer"), "{stranger:?}");
    // This process's logs are the test runner's.
    assert_eq!((owner.status, owner.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "operation-unavailable"));
    assert_eq!(owner.json()["request_id"], owner.field("x-request-id"));
}

#[tokio::test]
async fn neither_callers_nor_scrapers_find_it() {
    let world = World::with(&port()).await;
    let body = r#"{"level":"debug"}"#;

    let caller = world.post("/log-level", body).await;
    let scraper = Client::connect(world.admin).await.post("/log-level", body).await;

    assert_eq!((caller.status, scraper.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
}
