//! The commands as a shell sees them: what they print, where, and how they end.

#![expect(clippy::unwrap_used, reason = "all of this is tests, also what helps them")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// A tenant, a credential and a caller: what `run` needs, on any ports.
const CONFIG: &str = r#"
[server]
listen = ["127.0.0.1:0"]
workers = 1

[admin]
listen = "127.0.0.1:0"

[passport]
environment = "custom"
base_url = "http://127.0.0.1:9"

[local]
tenant = "acme"

[tenants.acme]
scopes = ["paas.core.accounts.*"]
rate_limit = { requests = 100, per = "1s" }

[credentials.acme]
client_id = { env = "ACME_CLIENT_ID" }
client_secret = { env = "ACME_CLIENT_SECRET" }
"#;

/// What a shell will not wait longer for, with room for a machine that has other work.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder with a configuration in it.
fn folder(config: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, config).unwrap();
    (folder, path)
}

/// The program, started where there is no `config/gateway.toml`, with an environment of its own.
fn program(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passport-gateway"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).current_dir("/").stdin(Stdio::null());
    command
}

fn ended(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = program(arguments, environment).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

const SECRETS: [(&str, &str); 2] = [("ACME_CLIENT_ID", "id"), ("ACME_CLIENT_SECRET", "hunter2")];

#[test]
fn what_is_asked_the_wrong_way_ends_with_2() {
    for arguments in [&[][..], &["nonsense"], &["check", "--confg", "x"], &["run", "extra"]] {
        let (code, out, err) = ended(arguments, &[]);

        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains("Usage: passport-gateway"), "{err}");
    }
    assert_eq!(ended(&["--help"], &[]).0, 0);
    assert_eq!(ended(&["--version"], &[]).1, format!("passport-gateway {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_configuration_that_cannot_be_read_ends_every_command_with_78() {
    let (folder, binary) = folder("");
    std::fs::write(&binary, [0, 159, 146, 150]).unwrap();
    let missing = folder.path().join("missing.toml");

    for command in ["run", "check", "operations"] {
        for path in [&missing, &binary, folder.path(), Path::new("/dev/zero")].map(|path: &Path| path.to_str().unwrap()) {
            let (code, out, err) = ended(&[command, "--config", path], &[]);

            assert_eq!((code, out.as_str()), (78, ""), "{command} {path}: {err}");
            assert!(err.contains(path) && err.contains("help: ") && err.contains("--config"), "{err}");
        }
    }
}

#[test]
fn a_faulty_configuration_ends_with_78_and_says_all_faults() {
    let (_folder, path) = folder("[server]\nworkers = -1\nlisten = []\n");

    for command in ["run", "check"] {
        let (code, out, err) = ended(&[command, "--config", path.to_str().unwrap()], &[]);

        assert_eq!((code, out.as_str()), (78, ""));
        assert!(err.contains("server.workers") && err.contains("server.listen") && err.contains("5 faults"), "{err}");
    }
}

#[test]
fn check_prints_what_is_in_effect_without_secrets() {
    let (_folder, path) = folder(CONFIG);
    let environment = [SECRETS[0], SECRETS[1], ("PASSPORT_GATEWAY_CONFIG", path.to_str().unwrap())];

    let (code, out, err) = ended(&["check"], &environment);

    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("max_connections = 10000") && !out.contains("hunter2"), "{out}");
}

#[test]
fn operations_needs_neither_secrets_nor_callers() {
    let changes = "[operations.list_payments]\nenabled = false\ncache_ttl = \"2s\"\n\
        [operations.list_webhooks]\nmethod = \"GET\"\npath = \"/v1/webhooks\"\nupstream = \"paas\"\n\
        scope = \"paas.core.webhooks.list.get\"\neffect = \"read\"\n";
    let (_folder, path) = folder(&format!("[passport]\nenvironment = \"production\"\nca_file = \"elsewhere.pem\"\n{changes}"));

    let (code, out, err) = ended(&["operations", "--config", path.to_str().unwrap()], &[]);

    assert_eq!((code, err.as_str()), (0, ""));
    let line = |name: &str| out.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{out}"));
    assert!(line("OPERATION").ends_with("ENABLED"));
    assert!(line("list_payments").contains("2s") && line("list_payments").ends_with("no: disabled"));
    assert!(line("list_webhooks").ends_with("yes"));
    assert!(line("create_customer").ends_with("no: its upstream has no URL here"));
    assert_eq!(out.lines().count(), 29);
}

#[test]
fn operations_reports_faults_of_operations() {
    let (_folder, path) = folder("[operations.list_payment]\nenabled = false\n[passport]\nenvironment = \"moon\"\n");

    let (code, out, err) = ended(&["operations", "--config", path.to_str().unwrap()], &[]);

    assert_eq!((code, out.as_str()), (78, ""));
    assert!(err.contains("did you mean `list_payments`?") && err.contains("passport.environment"), "{err}");
}

#[test]
fn operations_without_a_configuration_lists_what_is_built_in() {
    let (code, out, _) = ended(&["operations"], &[]);

    assert_eq!((code, out.lines().count()), (0, 28));
}

#[test]
fn a_new_key_is_what_its_digest_admits() {
    let (code, made, _) = ended(&["new-key"], &[]);
    let key = made.lines().find(|line| line.starts_with("pgk_")).unwrap();
    let hash = |key: &str| {
        let mut child =
            program(&["hash-key"], &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };

    let hashed = hash(&format!("{key}\n"));
    let weak = hash("pgk_secret");

    assert_eq!(code, 0);
    let hashed = String::from_utf8(hashed.stdout).unwrap();
    assert!(made.ends_with(&hashed) && hashed.contains("sha256 = \""), "{hashed}");
    assert_eq!((weak.status.code(), weak.stdout.as_slice()), (Some(1), &b""[..]));
}

/// A gateway that runs; killed if the test ends before it does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.0.kill();
    }
}

#[test]
fn run_is_ready_with_one_line_of_every_address_and_serves_from_then_on() {
    let (folder, path) = folder(CONFIG);
    let ready_file = folder.path().join("ready.toml");
    let arguments = ["run", "--config", path.to_str().unwrap(), "--ready-file", ready_file.to_str().unwrap()];
    let mut gateway = Running(program(&arguments, &SECRETS).stdout(Stdio::piped()).spawn().unwrap());
    let lines = lines(gateway.0.stdout.take().unwrap());
    let next = |message: &str| {
        let wanted = format!("\"message\":\"{message}\"");
        std::iter::from_fn(|| Some(lines.recv_timeout(PATIENCE).unwrap())).find(|line| line.contains(&wanted)).unwrap()
    };

    let ready = next("ready");

    let line: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let written: toml::Table = std::fs::read_to_string(&ready_file).unwrap().parse().unwrap();
    let admin = written["admin"].as_str().unwrap();
    assert_eq!(line["admin"].as_str(), Some(admin));
    assert_eq!(line["server"].as_str(), written["server"][0].as_str());
    assert!(answer(written["server"][0].as_str().unwrap(), "/nowhere").starts_with("HTTP/1.1 404 "));
    assert!(answer(admin, "/livez").starts_with("HTTP/1.1 200 "));
    assert!(Command::new("kill").args(["-s", "INT", &gateway.0.id().to_string()]).status().unwrap().success());
    next("stopped");
    assert_eq!(gateway.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_token_that_cannot_be_had_is_logged_with_its_credential() {
    for format in ["json", "text"] {
        let (_folder, path) = folder(&format!("{CONFIG}\n[telemetry]\nformat = \"{format}\"\n"));
        let arguments = ["run", "--config", path.to_str().unwrap()];
        let mut gateway = Running(program(&arguments, &SECRETS).stdout(Stdio::piped()).spawn().unwrap());
        let lines = lines(gateway.0.stdout.take().unwrap());

        let failure =
            std::iter::from_fn(|| Some(lines.recv_timeout(PATIENCE).unwrap())).find(|line| line.contains("WARN")).unwrap();

        assert!(failure.contains("\"credential\":\"acme\"") || failure.contains("credential=\"acme\""), "{failure}");
    }
}

#[test]
fn run_that_cannot_start_ends_with_1_and_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (folder, path) = folder(&CONFIG.replacen("127.0.0.1:0", &address, 1));
    let (_other, free) = self::folder(CONFIG);
    let nowhere = folder.path().join("missing/ready.toml");

    let (busy, _, said) = ended(&["run", "--config", path.to_str().unwrap()], &SECRETS);
    let arguments = ["run", "--config", free.to_str().unwrap(), "--ready-file", nowhere.to_str().unwrap()];
    let (unwritable, _, told) = ended(&arguments, &SECRETS);

    assert_eq!((busy, unwritable), (1, 1));
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    assert!(told.contains(&format!("the ready file {} cannot be written", nowhere.display())), "{told}");
}

#[test]
fn healthcheck_asks_a_gateway_whether_it_is_ready() {
    let (code, _, err) = ended(&["healthcheck", "--url", "http://127.0.0.1:1/readyz"], &[]);

    assert_eq!(code, 1);
    assert!(err.contains("http://127.0.0.1:1/readyz"), "{err}");
}

/// Its lines, as they come.
fn lines(output: ChildStdout) -> mpsc::Receiver<String> {
    let (line, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|read| line.send(read)));
    lines
}

fn answer(address: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
