//! The program itself, as an operator runs it, with all that it writes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A gateway in a process of its own; it ends with this.
pub(crate) struct Process {
    pub(crate) server: SocketAddr,
    pub(crate) admin: SocketAddr,
    child: Child,
    output: JoinSet<String>,
    _directory: TempDir,
}

impl Process {
    /// Runs a gateway with this configuration and environment; comes back when it is ready.
    pub(crate) async fn run(config: &str, environment: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let (file, ready_file) = (directory.path().join("gateway.toml"), directory.path().join("ready.toml"));
        std::fs::write(&file, config).unwrap();
        let arguments = [OsStr::new("run"), "--config".as_ref(), file.as_ref(), "--ready-file".as_ref(), ready_file.as_ref()];
        let mut command = Command::new(env!("CARGO_BIN_EXE_passport-gateway"));
        command.args(arguments).envs(environment.iter().copied());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (ready, mut line) = mpsc::unbounded_channel();
        let mut output = JoinSet::new();
        output.spawn_blocking(move || collect(stdout, |line| line.contains("\"ready\"").then(|| ready.send(()).unwrap_or(()))));
        output.spawn_blocking(move || collect(stderr, |_| None));
        assert_eq!(line.recv().await, Some(()), "it never was ready");
        let addresses: toml::Table = std::fs::read_to_string(&ready_file).unwrap().parse().unwrap();
        let address = |value: &toml::Value| value.as_str().unwrap().parse().unwrap();
        let (server, admin) = (address(&addresses["server"][0]), address(&addresses["admin"]));
        Self { server, admin, child, output, _directory: directory }
    }

    /// Asks it to end; gives how it did, and everything it wrote.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        let output = std::mem::take(&mut self.output).join_all().await.concat();
        (self.child.wait().unwrap(), output)
    }
}

impl Drop for Process {
    // After `end` there is nothing to kill; a test that failed before must leave no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines to the end, and shows each to `look`.
fn collect(stream: impl Read, look: impl Fn(&str) -> Option<()>) -> String {
    let mut lines = String::new();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        look(&line);
        lines += &line;
        lines.push('\n');
    }
    lines
}
