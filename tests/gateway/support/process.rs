//! The program itself, as the shell starts it, with all that it writes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::until::until;
use super::{Answer, Client};

const BINARY: &str = env!("CARGO_BIN_EXE_passport-gateway");

/// A running gateway; killed if the test ends before it does.
pub(crate) struct Process {
    child: Child,
    /// The lines of standard output, and of standard error.
    output: [Option<JoinHandle<Vec<String>>>; 2],
    folder: TempDir,
    /// The ready file.
    pub(crate) ready: String,
    pub(crate) server: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Process {
    /// Starts a gateway with this configuration and waits until it is ready.
    pub(crate) async fn run(config: &str) -> Self {
        Self::run_with(config, &[]).await
    }

    /// The same, with these environment variables.
    pub(crate) async fn run_with(config: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(BINARY);
        command.envs(environment.iter().copied()).stdin(Stdio::null());
        Self::start(config, command, Stdio::piped()).await
    }

    /// The same, after this command of the shell.
    pub(crate) async fn limited(config: &str, limit: &str) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{limit}; exec \"$0\" \"$@\"")).arg(BINARY).stdin(Stdio::null());
        Self::start(config, command, Stdio::piped()).await
    }

    /// The same, with this for standard output.
    pub(crate) async fn writing(config: &str, output: Stdio) -> Self {
        let mut command = Command::new(BINARY);
        command.stdin(Stdio::null());
        Self::start(config, command, output).await
    }

    /// The same with a listening socket under this name, as systemd passes it on.
    pub(crate) async fn passed(config: &str, name: &str, socket: impl Into<OwnedFd>) -> Self {
        const PASS: &str = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\" 3<&0 0</dev/null";
        let mut command = Command::new("sh");
        command.args(["-c", PASS, BINARY]).env("LISTEN_FDNAMES", name).stdin(Stdio::from(socket.into()));
        Self::start(config, command, Stdio::piped()).await
    }

    async fn start(config: &str, mut command: Command, output: Stdio) -> Self {
        let folder = TempDir::new().unwrap();
        let (path, ready) = (folder.path().join("gateway.toml"), folder.path().join("ready.toml"));
        std::fs::write(&path, settled(config)).unwrap();
        command.arg("run").arg("--config").arg(&path).arg("--ready-file").arg(&ready);
        let mut child = command.stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        // The command holds what was given for input and output open, as a reader would see.
        drop(command);
        let output = [child.stdout.take().map(lines), child.stderr.take().map(lines)];
        until("the ready file is there", async || ready.exists() || child.try_wait().unwrap().is_some()).await;
        let ready = std::fs::read_to_string(ready).unwrap();
        let addresses: toml::Table = ready.parse().unwrap();
        // A gateway that is reached otherwise, such as by a Unix socket, has no such address.
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let address = |value: &toml::Value| value.as_str().unwrap().parse().unwrap_or(nowhere);
        let (server, admin) = (address(&addresses["server"][0]), address(&addresses["admin"]));
        Self { child, output, folder, ready, server, admin }
    }

    /// A file beside the configuration.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Seconds of processor time that it has used.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
        ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end; gives back the exit code, none after a signal's default, and the lines on standard output.
    pub(crate) async fn ended(mut self) -> (Option<i32>, Vec<String>) {
        until("the process has ended", async || self.has_ended()).await;
        (self.child.wait().unwrap().code(), self.written(0))
    }

    /// Asks it to end; gives back the exit code and all that it wrote.
    pub(crate) async fn end(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        until("the process has ended", async || self.has_ended()).await;
        let written = [self.written(0), self.written(1)].concat().join("\n");
        (self.child.wait().unwrap().code(), written)
    }

    fn written(&mut self, stream: usize) -> Vec<String> {
        self.output[stream].take().map(|lines| lines.join().unwrap()).unwrap_or_default()
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        Client::connect(self.server).await.get(target).await
    }

    pub(crate) async fn admin(&self, target: &str) -> Answer {
        Client::connect(self.admin).await.get(target).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines to the end, on a thread of their own.
fn lines(stream: impl Read + Send + 'static) -> JoinHandle<Vec<String>> {
    std::thread::spawn(move || BufReader::new(stream).lines().map_while(Result::ok).collect())
}

/// Runs the program to its end.
pub(crate) async fn program(arguments: &[&str]) -> Output {
    program_with(arguments, &[], "").await
}

/// Runs the program to its end with these variables, and with this on standard input.
pub(crate) async fn program_with(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Output {
    let owned = |text: &&str| (*text).to_owned();
    let arguments: Vec<_> = arguments.iter().map(owned).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (owned(name), owned(value))).collect();
    let input = input.to_owned();
    let run = move || {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_remove("PASSPORT_GATEWAY_CONFIG").envs(variables);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that does not read its input may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// The exit code, standard output and standard error.
pub(crate) fn told(output: &Output) -> (i32, &str, &str) {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// A configuration that says how payments are kept from being made twice, as it must: not by records, unless it says so itself.
fn settled(config: &str) -> String {
    let unsaid = if config.contains("idempotency") { "" } else { "idempotency.required_for = \"none\"\n" };
    format!("{unsaid}{config}")
}
