//! What the benches share: a configuration with its callers, requests as they come from a connection, and a Passport in memory.
#![expect(dead_code, reason = "each bench takes what it needs")]

pub(crate) mod callers;
pub(crate) mod passport;
pub(crate) mod requests;
#[path = "../src/testing/signer.rs"]
mod signer;
pub(crate) mod world;

use passport_gateway::config::{self, Config};

/// A gateway before this Passport, with an RS256 issuer and an API key, both of tenant `acme`, and whatever `lines` add.
pub(crate) fn configuration(callers: &callers::Callers, lines: &str) -> Config {
    // Most benches are about reads, and send no keys.
    let keys = if lines.contains("idempotency") { "" } else { "idempotency.required_for = \"none\"" };
    let text = format!(
        r#"
server.listen = ["127.0.0.1:0"]
admin.listen = "127.0.0.1:0"
passport.environment = "custom"
passport.base_url = "http://upstream.test"
{keys}
{lines}

[[issuers]]
issuer = "{issuer}"
audience = ["passport-gateway"]
algorithms = ["RS256"]
jwks_file = "{jwks}"

[[api_keys]]
id = "reports-job"
sha256 = "{sha256}"
tenant = "acme"
scopes = ["paas.core.*"]

[tenants.acme]
scopes = ["paas.core.*"]
rate_limit = {{ requests = 1000000, per = "1s", burst = 1000000 }}

[credentials.acme]
client_id = "bench-client"
client_secret = "bench-secret"
environment = "custom"
"#,
        issuer = callers::ISSUER,
        jwks = callers.jwks_file().display(),
        sha256 = callers.sha256,
    );
    match config::parse(&text, "bench.toml".as_ref(), &|_| None) {
        Ok(loaded) => loaded.config,
        Err(report) => panic!("{}", report.render(false)),
    }
}
