//! A real Redis (or Valkey) in a folder and on a port of its own, as a process that ends with its test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::until::until;

/// What the server is to be like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Every command is on disk before it is answered, so that a restart loses nothing.
    pub(crate) durable: bool,
    /// The password that is asked for.
    pub(crate) password: Option<&'static str>,
    /// TLS and nothing else, with a certificate for `localhost` and 127.0.0.1.
    pub(crate) tls: bool,
}

/// A server that runs, or could again.
pub(crate) struct Redis {
    /// Where it listens; the same after a restart.
    pub(crate) address: SocketAddr,
    options: Options,
    folder: TempDir,
    process: Option<Child>,
}

impl Redis {
    /// Starts one that forgets everything when it ends.
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let folder = TempDir::new().unwrap();
        if options.tls {
            certify(folder.path());
        }
        let mut redis = Self { address: free_port(), options, folder, process: None };
        redis.restart().await;
        redis
    }

    /// Its URL, password included.
    pub(crate) fn url(&self) -> String {
        let (scheme, host) = if self.options.tls { ("rediss", "localhost") } else { ("redis", "127.0.0.1") };
        let password = self.options.password.map_or_else(String::new, |password| format!(":{password}@"));
        format!("{scheme}://{password}{host}:{}", self.address.port())
    }

    /// Lines of a configuration that use it; more lines of the section may follow.
    pub(crate) fn configuration(&self) -> String {
        let ca_file =
            if self.options.tls { format!("store.ca_file = \"{}\"\n", self.ca_file().display()) } else { String::new() };
        format!("store.kind = \"redis\"\nstore.url = {:?}\n{ca_file}", self.url())
    }

    /// The root that its certificate leads to.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops and continues it (SIGSTOP, SIGCONT): its connections stay, and nothing is answered in between.
    pub(crate) fn freeze(&self, frozen: bool) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let signal = if frozen { "STOP" } else { "CONT" };
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        // A signal is on its way for a moment; what is asked meanwhile would still be answered.
        let stat = format!("/proc/{id}/stat");
        while frozen && std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") T ")) {
            std::thread::yield_now();
        }
    }

    /// Starts it where it was before, and waits until it takes commands.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.process = Some(self.command().spawn().unwrap());
        until("redis-server listens", async || {
            let process = self.process.as_mut().unwrap();
            assert!(process.try_wait().unwrap().is_none(), "redis-server ended: {}", self.options_shown());
            TcpStream::connect(self.address).await.is_ok()
        })
        .await;
        if !self.options.tls {
            until("redis-server takes commands", async || self.ask("PING").await == "+PONG").await;
        }
    }

    /// Sends a command as a person would, and gives the answer's first line, or all of an answer of many lines.
    pub(crate) async fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let login = self.options.password.map_or_else(String::new, |password| format!("AUTH {password}\r\n"));
        stream.write_all(format!("{login}{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let answer = if login.is_empty() { &*answer } else { answer.strip_prefix("+OK\r\n").unwrap() };
        answer.strip_suffix("+OK\r\n").unwrap_or(answer).trim_end().to_owned()
    }

    /// Whether this text stands anywhere in what it wrote to its disk.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.folder.path().join("appendonlydir")).unwrap();
        let holds = |bytes: Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).any(holds)
    }

    fn options_shown(&self) -> String {
        format!("{:?} in {}", self.options, self.folder.path().display())
    }

    fn command(&self) -> Command {
        let (port, tls_port) = if self.options.tls { (0, self.address.port()) } else { (self.address.port(), 0) };
        let mut command = Command::new(program());
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no", "--save", ""]);
        command.args(["--appendonly", if self.options.durable { "yes" } else { "no" }, "--appendfsync", "always"]);
        command.arg("--dir").arg(self.folder.path());
        if let Some(password) = self.options.password {
            command.args(["--requirepass", password]);
        }
        if self.options.tls {
            command.args(["--tls-port", &tls_port.to_string(), "--tls-auth-clients", "no"]);
            for (option, file) in
                [("--tls-cert-file", "redis.pem"), ("--tls-key-file", "redis.key"), ("--tls-ca-cert-file", "ca.pem")]
            {
                command.arg(option).arg(self.folder.path().join(file));
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where `make test` put it, or where the machine has it.
fn program() -> PathBuf {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/redis/redis-server");
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let installed =
        std::env::split_paths(&folders).flat_map(|folder| ["redis-server", "valkey-server"].map(|name| folder.join(name)));
    std::iter::once(fetched)
        .chain(installed)
        .find(|path| path.is_file())
        .expect("run `make test`, which gets what the tests need")
}

/// A port that nobody listens on. Redis cannot choose one itself, so that another process may be faster; its start then fails.
fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A root, and a certificate of it, in the folder.
fn certify(folder: &Path) {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &root).unwrap();
    for (name, pem) in [("ca.pem", root.pem()), ("redis.pem", leaf.pem()), ("redis.key", key.serialize_pem())] {
        std::fs::write(folder.join(name), pem).unwrap();
    }
}
