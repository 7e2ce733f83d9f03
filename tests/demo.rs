//! What a newcomer does first: the tour, the demo with its lines to paste, and the sandbox alone.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test fails by panicking, and says what it skips")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a newcomer will not wait longer for, with room for a machine that has other work.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program with these arguments, running; killed if the test ends before it does.
struct Program {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_passport-gateway"));
        command.env("TMPDIR", env!("CARGO_TARGET_TMPDIR"));
        let mut child = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The lines up to one that begins so, that one included.
    fn lines_to(&self, beginning: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line `{beginning}…` after {lines:#?}"));
            lines.push(line);
            if lines.last().unwrap().trim_start().starts_with(beginning) {
                return lines;
            }
        }
    }

    /// Every further line.
    fn rest(&self) -> Vec<String> {
        let line = || match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the program goes on"),
        };
        std::iter::from_fn(line).collect()
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// How it ended; it has closed its output already.
    fn status(mut self) -> ExitStatus {
        self.rest();
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(output: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}

/// A line of the demo, run by a shell as if it were pasted.
fn paste(line: &str) -> Output {
    Command::new("sh").args(["-c", &format!("{line} --silent --show-error --max-time 30")]).output().unwrap()
}

fn has_curl() -> bool {
    Command::new("curl")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The answer to a GET, head and all.
fn get(url: &str) -> String {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn everything_on_the_tour_goes_as_told() {
    let tour = Program::start(&["demo", "--tour"]);

    let told = tour.rest().join("\n");

    for telling in [
        "< 401 Unauthorized",
        "< www-authenticate: Bearer realm=\"passport-gateway\"",
        "< required_scope = \"paas.core.entity_customers.list.get\"",
        "< cache-status: passport-gateway; fwd=uri-miss; stored",
        "< cache-status: passport-gateway; hit",
        "< customers.0.business_name = \"Café de la Esquina SAS\"",
        "< - query order_params.order_direction: must be one of",
        "< - body identification_type: is required",
        "< idempotency-key-missing",
        "< idempotent-replayed: true",
        "< status = \"SETTLED\"",
        "< 429 Too Many Requests",
        "different bearers meanwhile",
        "passport_gateway_requests_total{outcome=\"rate-limited\"}",
        "All went as told.",
    ] {
        assert!(told.contains(telling), "`{telling}` is not in\n{told}");
    }
    assert!(told.lines().all(|line| line.chars().count() <= 100), "a line is longer than 100 columns:\n{told}");
    assert_eq!(tour.status().code(), Some(0));
}

#[test]
fn the_lines_of_the_demo_work_when_pasted() {
    let demo = Program::start(&["demo"]);

    let invitation = demo.lines_to("`passport-gateway demo --tour`");
    let lines: Vec<_> = invitation.iter().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(lines.len(), 9, "{invitation:#?}");
    if has_curl() {
        let answers: Vec<_> = lines.iter().map(|line| String::from_utf8(paste(line).stdout).unwrap()).collect();
        let begins = [
            "HTTP/1.1 200",
            "HTTP/1.1 200",
            "HTTP/1.1 400",
            "HTTP/1.1 403",
            "HTTP/1.1 200",
            "HTTP/1.1 200",
            "HTTP/1.1 401",
            "{",
            "#",
        ];
        for ((line, answer), beginning) in lines.iter().zip(&answers).zip(begins) {
            assert!(answer.starts_with(beginning), "{line}\n{answer}");
        }
        assert!(answers[8].contains("passport_gateway_requests_total{"), "{}", answers[8]);
    } else {
        eprintln!("curl is not on this machine: the lines were not pasted");
    }
    let last = lines.last().unwrap().split_whitespace().last().unwrap();
    assert!(get(last).contains("passport_gateway_build_info"));

    demo.signal("INT");
    assert_eq!(demo.status().code(), Some(0));
}

#[test]
fn what_the_demo_shows_is_a_configuration_that_check_accepts_and_that_goes_with_it() {
    let demo = Program::start(&["demo"]);
    let invitation = demo.lines_to("`passport-gateway demo --tour`");
    let file = invitation.iter().map(|line| line.trim()).find(|line| line.ends_with("gateway.toml")).unwrap().to_owned();

    let check = Command::new(env!("CARGO_BIN_EXE_passport-gateway")).args(["check", "--config", &file]).output().unwrap();
    assert_eq!((check.status.code(), String::from_utf8(check.stderr).unwrap()), (Some(0), String::new()));

    demo.signal("TERM");
    assert_eq!(demo.status().code(), Some(0));
    assert!(!std::path::Path::new(&file).exists());
}

#[test]
fn two_demos_stand_side_by_side() {
    let (first, second) = (Program::start(&["demo"]), Program::start(&["demo"]));

    let metrics = |demo: &Program| {
        let invitation = demo.lines_to("`passport-gateway demo --tour`");
        invitation.iter().rev().find_map(|line| line.strip_prefix("curl ")).unwrap().to_owned()
    };
    let (one, other) = (metrics(&first), metrics(&second));

    assert_ne!(one, other);
    assert!(get(&one).starts_with("HTTP/1.1 200") && get(&other).starts_with("HTTP/1.1 200"));
    for demo in [first, second] {
        demo.signal("INT");
        assert_eq!(demo.status().code(), Some(0));
    }
}

#[test]
fn a_sandbox_alone_answers_and_plays_its_scenario() {
    let sandbox = Program::start(&["sandbox", "--listen", "127.0.0.1:0", "--scenario", "outage"]);

    let lines = sandbox.lines_to("For a gateway in front of it");
    let controls = lines.iter().find_map(|line| line.strip_prefix("curl http").map(|rest| format!("http{rest}"))).unwrap();
    assert!(get(&controls).contains("POST /_sandbox/faults"));
    let customers = controls.replace("_sandbox/", "v1/customers");
    assert!(get(&customers).starts_with("HTTP/1.1 503"));

    sandbox.signal("INT");
    assert_eq!(sandbox.status().code(), Some(0));
}

#[test]
fn an_address_in_use_is_a_failure_and_an_unknown_scenario_a_usage_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let exit = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_passport-gateway"));
        command.arg("sandbox").args(arguments).output().unwrap().status.code()
    };

    assert_eq!(exit(&["--listen", &taken.local_addr().unwrap().to_string()]), Some(1));
    assert_eq!(exit(&["--scenario", "earthquake"]), Some(2));
}
