//! Configurations as operators write them, and what comes of them.

use std::path::Path;

use super::*;
use crate::fault::Severity;

mod audit;
mod callers;
mod catalogue;
mod clients;
mod control;
mod credentials;
mod effective;
mod example;
mod faults;
mod idempotency;
mod live;
mod passport;
mod store;
mod syntax;
mod tenants;
mod tls;

/// A tenant, a credential and a caller: the least that makes a configuration.
const LEAST: &str = r#"
[local]
tenant = "acme"
[tenants.acme]
scopes = ["paas.core.accounts.*"]
rate_limit = { requests = 100, per = "1s" }
[credentials.acme]
client_id = { env = "ID" }
client_secret = { env = "SECRET" }
"#;

/// An environment in which both variables of [`LEAST`] are set.
fn environment(name: &str) -> Option<String> {
    matches!(name, "ID" | "SECRET").then(|| "hunter2".to_owned())
}

fn read(text: &str) -> Result<Loaded, Report> {
    parse(text, Path::new("/etc/gateway/gateway.toml"), &environment)
}

/// [`LEAST`], with more in front of it.
fn with(more: &str) -> Result<Loaded, Report> {
    read(&format!("{more}\n{LEAST}"))
}

/// The configuration that a text makes, which must have no faults.
fn accepted(text: &str) -> Config {
    match read(text) {
        Ok(loaded) => loaded.config,
        Err(report) => panic!("{report}"),
    }
}

/// Line, key, message and remedy of everything that prevents the start, without the file's name.
fn faults(result: Result<Loaded, Report>) -> Vec<String> {
    described(&result.unwrap_err(), Severity::Error)
}

/// Likewise what is advised.
fn advice(result: Result<Loaded, Report>) -> Vec<String> {
    match result {
        Ok(loaded) => described(&loaded.warnings, Severity::Warning),
        Err(report) => panic!("{report}"),
    }
}

fn described(report: &Report, severity: Severity) -> Vec<String> {
    let lines = report.faults().zip(report.lines()).filter(|(fault, _)| fault.severity == severity);
    lines.map(|(_, line)| line.strip_prefix("/etc/gateway/gateway.toml:").unwrap_or(&line).to_owned()).collect()
}
