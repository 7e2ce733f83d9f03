//! A real Prometheus that scrapes one gateway with the configuration and the rules that ship, as a process that ends with its test.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;

use super::Client;

/// How long it may take to start, on a machine that has other work.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Prometheus.
pub(crate) struct Prometheus {
    address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts one on a free loopback port that scrapes `admin`, and evaluates the rules, every second instead of every 15.
    pub(crate) async fn scraping(admin: SocketAddr) -> Self {
        let (folder, shipped) = (TempDir::new().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus"));
        let config = std::fs::read_to_string(shipped.join("prometheus.yml")).unwrap();
        let config = config.replace("gateway:9901", &admin.to_string()).replace("15s", "1s");
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        std::fs::copy(shipped.join("rules.yml"), folder.path().join("rules.yml")).unwrap();
        let mut process = Command::new(tool("prometheus"))
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus can be started");
        let lines = BufReader::new(process.stderr.take().unwrap());
        let listening = tokio::task::spawn_blocking(move || listening_address(lines));
        let address = tokio::time::timeout(PATIENCE, listening).await.expect("it starts in time").unwrap();
        Self { address: address.expect("it tells where it listens"), process, _folder: folder }
    }

    /// The data of an answer of its HTTP API; null while it is not ready.
    pub(crate) async fn api(&self, target: &str) -> Value {
        let answer = Client::connect(self.address).await.get(&format!("/api/v1/{target}")).await;
        if answer.status != http::StatusCode::SERVICE_UNAVAILABLE {
            assert!(answer.status.is_success(), "{target}: {}", answer.text());
            return answer.json()["data"].clone();
        }
        Value::Null
    }

    /// What an expression is worth now: a value for each series.
    pub(crate) async fn query(&self, expression: &str) -> Vec<f64> {
        let data = self.api(&format!("query?query={}", utf8_percent_encode(expression, NON_ALPHANUMERIC))).await;
        let series = data["result"].as_array().cloned().unwrap_or_default();
        series.iter().filter_map(|one| one["value"][1].as_str()?.parse().ok()).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `promtool check metrics` says of a scrape; nothing if it has nothing to say.
pub(crate) fn check_metrics(scrape: &str) -> String {
    let mut process = Command::new(tool("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool can be started");
    process.stdin.take().unwrap().write_all(scrape.as_bytes()).unwrap();
    let told = process.wait_with_output().unwrap();
    String::from_utf8([told.stdout, told.stderr].concat()).unwrap()
}

/// The address in its log; what follows is read to the end, so that it never waits to be read.
fn listening_address(lines: BufReader<impl std::io::Read + Send + 'static>) -> Option<SocketAddr> {
    let mut lines = lines.lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains(r#"msg="Listening on""#))?;
    std::thread::spawn(move || lines.for_each(drop));
    line.split("address=").nth(1)?.split(' ').next()?.parse().ok()
}

/// The tool that `make test` has got, or the machine's own.
fn tool(name: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/prometheus/usr/bin").join(name);
    if ours.is_file() { ours } else { name.into() }
}
