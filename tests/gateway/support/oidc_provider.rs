//! `oidc-provider`, a certified OAuth 2.0 server that nobody here wrote, as a process that ends with its test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::Client;

/// How long it may take to start, on a machine that has other work.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. Its clients are those of `tests/tools/oidc-provider/server.mjs`.
pub(crate) struct OidcProvider {
    /// Scheme and authority: also the `iss` of its tokens.
    pub(crate) issuer: String,
    process: Child,
}

impl OidcProvider {
    /// Starts one on a free loopback port.
    pub(crate) async fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = root.join("target/tools/oidc-provider");
        let installed = folder.join("node_modules/oidc-provider/package.json").is_file();
        assert!(installed, "oidc-provider is not there: run `make test`, which gets what the tests need");
        let mut process = Command::new("node")
            .arg(root.join("tests/tools/oidc-provider/server.mjs"))
            .arg(folder)
            // It ends when this does, however the test ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node, 20 or newer, is installed and on the PATH");
        let stdout = process.stdout.take().unwrap();
        let issuer = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let mut provider = Self { issuer: String::new(), process };
        let issuer = tokio::time::timeout(PATIENCE, issuer).await.expect("it starts in time").unwrap().unwrap();
        issuer.trim_end().clone_into(&mut provider.issuer);
        assert!(provider.issuer.starts_with("http://127.0.0.1:"), "it did not start: {:?}", provider.issuer);
        provider
    }

    /// Sends a form to one of its endpoints as `caller`, one of its clients.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Value {
        let address: SocketAddr = self.issuer.trim_start_matches("http://").parse().unwrap();
        let body = format!("client_id=caller&client_secret=caller-secret&{form}");
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n", body.len());
        let mut client = Client::connect(address).await;
        client.send(format!("{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}").as_bytes()).await;
        let answer = client.answer(false).await.expect("an answer");
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// What it says about a token (RFC 7662).
    pub(crate) async fn introspect(&self, token: &str) -> Value {
        self.post("/token/introspection", &format!("token={token}")).await
    }

    /// Revokes a token (RFC 7009).
    pub(crate) async fn revoke(&self, token: &str) {
        self.post("/token/revocation", &format!("token={token}")).await;
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
