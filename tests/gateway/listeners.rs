//! Where callers connect: several addresses, Unix sockets, sockets that systemd passes on, and what it is told.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use http::StatusCode;
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::support::process::{Process, program};
use crate::support::until::until;
use crate::support::{Client, LOCAL};

/// A gateway whose Passport is nowhere.
fn config(lines: &str) -> String {
    let places = "lifecycle.pre_drain = \"0s\"\npassport = { environment = \"custom\", base_url = \"http://127.0.0.1:9\" }\n";
    let admin = if lines.contains("admin.") { "" } else { "admin.listen = \"127.0.0.1:0\"\n" };
    format!("{places}{admin}{lines}\n{LOCAL}")
}

async fn over(socket: &Path) -> Client {
    Client::over(UnixStream::connect(socket).await.unwrap())
}

#[tokio::test]
async fn callers_come_over_every_address_and_a_unix_socket_goes_with_the_gateway() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("gateway.sock");
    let listen = format!("server.listen = [\"127.0.0.1:0\", \"[::1]:0\", \"unix:{}\"]", socket.display());
    let process = Process::run(&config(&listen)).await;

    let ready: toml::Table = process.ready.parse().unwrap();
    let addresses: Vec<&str> = ready["server"].as_array().unwrap().iter().map(|address| address.as_str().unwrap()).collect();
    for address in &addresses[..2] {
        assert_eq!(Client::connect(address.parse().unwrap()).await.get("/nothing").await.status, StatusCode::NOT_FOUND);
    }
    // An app at a Unix socket is local, too: it is known, and the upstream is not there.
    assert_eq!(over(&socket).await.get("/v1/accounts").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);

    assert_eq!(process.end().await.0, Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_port_that_is_not_shared_is_one_gateways_alone() {
    let process = Process::run(&config("server.listen = [\"127.0.0.1:0\"]")).await;
    let (folder, taken) = (TempDir::new().unwrap(), process.server);
    let path = folder.path().join("gateway.toml");
    let text = format!("idempotency.required_for = \"none\"\n{}", config(&format!("server.listen = [\"{taken}\"]")));
    std::fs::write(&path, text).unwrap();

    let output = program(&["run", "--config", path.to_str().unwrap()]).await;

    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&taken.to_string()), "{output:?}");
}

#[tokio::test]
async fn a_unix_socket_that_is_shared_is_taken_over_and_the_former_owner_leaves_it_alone() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("gateway.sock");
    let shared = config(&format!("server.reuse_port = true\nserver.listen = [\"unix:{}\"]", socket.display()));
    let old = Process::run(&shared).await;
    let mut before = over(&socket).await;
    before.get("/nothing").await;

    let new = Process::run(&shared).await;
    assert_eq!(before.get("/nothing").await.status, StatusCode::NOT_FOUND, "who is connected stays");
    assert_eq!(old.end().await.0, Some(0));

    assert_eq!(over(&socket).await.get("/nothing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(new.end().await.0, Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_port_that_systemd_passes_on_takes_the_place_of_the_configurations_and_outlives_the_gateway() {
    let passed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = passed.local_addr().unwrap();
    let lines = "server.listen = [\"127.0.0.1:1\"]";

    for _ in 0..2 {
        let process = Process::passed(&config(lines), "http", passed.try_clone().unwrap()).await;
        assert_eq!(process.server, address);
        assert_eq!(Client::connect(address).await.get("/nothing").await.status, StatusCode::NOT_FOUND);
        assert_eq!(process.end().await.0, Some(0));
        // The manager holds the socket: who connects now waits for the next gateway.
        let waiting = std::net::TcpStream::connect(address).unwrap();
        drop(waiting);
    }
}

#[tokio::test]
async fn what_is_passed_for_the_admin_listener_is_known_by_its_name() {
    let passed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = passed.local_addr().unwrap();

    let process = Process::passed(&config("server.listen = [\"127.0.0.1:0\"]"), "admin", passed).await;

    assert_eq!(process.admin, address);
    assert_eq!(process.admin("/livez").await.status, StatusCode::OK);
    assert_eq!(process.get("/nothing").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_unix_socket_may_be_passed_and_stays_the_managers() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("passed.sock");
    let passed = UnixListener::bind(&socket).unwrap();

    let process = Process::passed(&config("server.listen = [\"127.0.0.1:1\"]"), "gateway.socket", passed).await;
    assert_eq!(over(&socket).await.get("/nothing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(process.end().await.0, Some(0));

    assert!(socket.exists());
}

/// What the service manager was told so far.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, folder }
    }

    fn address(&self) -> String {
        self.folder.path().join("notify").display().to_string()
    }

    /// The next message that is no sign of life, once it has come.
    async fn told(&self) -> String {
        let mut told = String::new();
        until("the manager is told", async || {
            let mut bytes = [0; 512];
            if let Ok(length) = self.socket.recv(&mut bytes) {
                told = String::from_utf8(bytes[..length].to_vec()).unwrap();
            }
            !told.is_empty() && !told.starts_with("WATCHDOG")
        })
        .await;
        told
    }
}

#[tokio::test]
async fn systemd_is_told_when_it_is_ready_reloads_and_stops() {
    let manager = Manager::new();
    let environment = [("NOTIFY_SOCKET", &*manager.address())];
    let process = Process::run_with(&config("server.listen = [\"127.0.0.1:0\"]"), &environment).await;

    assert_eq!(manager.told().await, "READY=1\n");
    process.signal("HUP");
    let reloading = manager.told().await;
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(manager.told().await, "READY=1\n");
    process.signal("TERM");
    assert_eq!(manager.told().await, "STOPPING=1\n");
    assert_eq!(process.ended().await.0, Some(0));
}

#[tokio::test]
async fn systemd_gets_signs_of_life_if_it_wants_them() {
    let manager = Manager::new();
    let address = manager.address();
    let environment = [("NOTIFY_SOCKET", &*address), ("WATCHDOG_USEC", "20000")];
    let process = Process::run_with(&config("server.listen = [\"127.0.0.1:0\"]"), &environment).await;

    let mut beats = 0;
    until("three signs of life", async || {
        let mut bytes = [0; 512];
        while let Ok(length) = manager.socket.recv(&mut bytes) {
            beats += usize::from(&bytes[..length] == b"WATCHDOG=1\n");
        }
        beats >= 3
    })
    .await;
    assert_eq!(process.end().await.0, Some(0));
}

#[tokio::test]
async fn whoever_waits_in_the_queue_when_the_gateway_stops_is_served() {
    let process = Process::run(&config("server.listen = [\"127.0.0.1:0\"]")).await;
    // While the process stands still, the system alone takes callers in.
    process.signal("STOP");
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(process.server).await;
        client.send(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        waiting.push(client);
    }

    process.signal("TERM");
    process.signal("CONT");

    for mut client in waiting {
        let answer = client.answer(false).await.expect("an answer, not a reset");
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(process.ended().await.0, Some(0));
}
