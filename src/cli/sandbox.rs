//! `sandbox`: the double of Passport, alone, until it is told to stop.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Exit, complain, say};
use crate::sandbox::{self, CONTROLS, Client, ControlError, FAULTS, SCENARIOS, Sandbox};
use crate::server::Signals;
use crate::units::{UnitError, parse_duration};

/// What a sandbox can be started with.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Where it listens; port 0 lets the system choose. Keep it on loopback: its secrets are public.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// What ids, tokens and sample records are derived from: the same seed gives the same run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long a token lives.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    token_ttl: Duration,
    /// How long a payment takes until it is settled.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    settle_after: Duration,
    /// How long a resolved key may be paid.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    resolution_ttl: Duration,
    /// Starts without sample records.
    #[arg(long)]
    empty: bool,
    /// Starts with the faults of a scenario (below); may be repeated.
    #[arg(long, value_name = "NAME", value_parser = SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>())]
    scenario: Vec<String>,
}

/// Why a sandbox did not run.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the sandbox cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    #[error(transparent)]
    Scenario(#[from] ControlError),
    #[error("no runtime: {0}")]
    Runtime(io::Error),
}

/// Runs a sandbox until SIGINT or SIGTERM.
pub(super) fn sandbox(options: Options) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Failure::Runtime).and_then(|runtime| runtime.block_on(run(options))) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            complain(failure);
            Exit::Failed
        }
    }
}

/// The faults, scenarios and controls, for `--help`.
pub(super) fn faults_help() -> String {
    let mut help = String::new();
    section(&mut help, "Scenarios", SCENARIOS.iter().map(|scenario| (scenario.name, scenario.description)));
    section(&mut help, "Faults, by POST /_sandbox/faults", FAULTS.iter().copied());
    section(&mut help, "Controls over HTTP, from this machine only", CONTROLS.iter().copied());
    help.push_str(
        "For example: curl -d '{\"on\": \"/v1/payments\", \"fault\": \"unavailable\", \"times\": 3}' ADDR/_sandbox/faults",
    );
    help
}

async fn run(options: Options) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Runtime)?;
    let (listen, scenarios) = (options.listen, options.scenario.clone());
    let sandbox = Sandbox::bind(options.into()).await.map_err(|error| Failure::Listen(listen, error))?;
    for scenario in &scenarios {
        sandbox.control().play(scenario)?;
    }
    introduce(sandbox.address(), &Client::demo());
    sandbox.serve(async { _ = signals.next().await }).await;
    Ok(())
}

fn introduce(address: SocketAddr, client: &Client) {
    let (id, secret) = (&client.client_id, client.client_secret.expose());
    say(format_args!(
        r#"The sandbox plays Passport at http://{address} until Ctrl-C. It knows one client:

  client_id       {id}
  client_secret   {secret}

# A token, as Passport gives it:
curl -H 'Content-Type: application/json' -d '{{"client_id":"{id}","client_secret":"{secret}","grant_type":"client_credentials"}}' http://{address}/v1/iam/oauth/tokens

# Faults, scenarios and controls:
curl http://{address}/_sandbox/

For a gateway in front of it: [passport] environment = "custom", base_url = "http://{address}""#
    ));
}

impl From<Options> for sandbox::Options {
    fn from(options: Options) -> Self {
        Self {
            listen: options.listen,
            seed: options.seed,
            token_ttl: options.token_ttl,
            settle_after: options.settle_after,
            resolution_ttl: options.resolution_ttl,
            sample_data: !options.empty,
            ..Self::default()
        }
    }
}

fn section<'a>(help: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, &'a str)> + Clone) {
    let width = rows.clone().map(|(name, _)| name.len()).max().unwrap_or(0);
    let _ = writeln!(help, "{title}:");
    for (name, about) in rows {
        let _ = writeln!(help, "  {name:width$}  {about}");
    }
    help.push('\n');
}

fn duration(text: &str) -> Result<Duration, UnitError> {
    parse_duration(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_fault_scenario_and_control() {
        let help = faults_help();

        let names = FAULTS.iter().chain(CONTROLS).map(|(name, _)| *name).chain(SCENARIOS.iter().map(|scenario| scenario.name));
        for name in names {
            assert!(help.contains(&format!("\n  {name} ")), "{name}");
        }
    }

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parsed(line: &[&str]) -> Result<sandbox::Options, clap::Error> {
        use clap::Parser;
        Line::try_parse_from([&["sandbox"], line].concat()).map(|line| line.options.into())
    }

    #[test]
    fn options_are_taken_over() {
        let options = parsed(&["--listen", "127.0.0.1:0", "--seed", "7", "--token-ttl", "3s", "--empty"]).unwrap();

        assert_eq!((options.listen.port(), options.seed, options.token_ttl), (0, 7, Duration::from_secs(3)));
        assert!(!options.sample_data);
    }

    #[test]
    fn an_unknown_scenario_or_unit_is_a_usage_error() {
        assert!(parsed(&["--scenario", "earthquake"]).is_err());
        assert!(parsed(&["--token-ttl", "3"]).is_err());
        assert!(parsed(&["--scenario", "slow", "--scenario", "flaky"]).is_ok());
    }
}
