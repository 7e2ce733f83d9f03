//! The command line: what users type, and the exit code they get.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod demo;
mod healthcheck;
mod keys;
mod openapi;
mod operations;
mod run;
mod sandbox;

/// An authenticating reverse proxy for the Passport payments API.
#[derive(Debug, Parser)]
#[command(name = "passport-gateway", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway until it is told to stop.
    Run {
        #[command(flatten)]
        config: ConfigFile,
        /// Writes the bound addresses here once requests are served (TOML).
        #[arg(long, value_name = "FILE")]
        ready_file: Option<PathBuf>,
    },
    /// Reports every fault of a configuration, or its warnings and what is in effect.
    Check {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Lists the operations callers may be given.
    Operations {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Describes the gateway's own face in OpenAPI 3.1, so that applications can generate clients.
    Openapi {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Runs a double of Passport for tests and trials.
    #[command(after_help = sandbox::faults_help())]
    Sandbox(sandbox::Options),
    /// Runs sandbox, identity issuer and gateway on loopback, and prints what to try.
    Demo {
        /// Makes the calls itself, explains each, and exits 0 only if all went as told.
        #[arg(long)]
        tour: bool,
    },
    /// Exits 0 if a gateway is ready: for containers without a shell.
    Healthcheck {
        /// The admin listener's readiness URL.
        #[arg(long, default_value = "http://127.0.0.1:9901/readyz")]
        url: http::Uri,
    },
    /// Makes an API key and what goes into the configuration.
    NewKey,
    /// Prints what goes into the configuration for a key on standard input.
    HashKey,
}

/// Which configuration a command reads.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file; `config/gateway.toml` if none is named.
    #[arg(long, value_name = "FILE", env = "PASSPORT_GATEWAY_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    const DEFAULT: &str = "config/gateway.toml";

    fn path(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(Self::DEFAULT))
    }

    /// Nothing if nobody named a file and there is none at the default place.
    fn if_any(&self) -> Option<&Path> {
        (self.config.is_some() || self.path().exists()).then(|| self.path())
    }
}

/// How a command ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done,
    /// It failed while running.
    Failed,
    /// It was asked the wrong way.
    Usage,
    /// The configuration has faults (`EX_CONFIG` of sysexits).
    Configuration,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Configuration => 78,
        })
    }
}

/// Parses the process's arguments and does what they say.
#[must_use]
pub fn main() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors, and go to standard output; if even that fails, nobody is listening.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match arguments.command {
        Command::Run { config, ready_file } => run::run(config.path(), ready_file),
        Command::Check { config } => check::check(config.path()),
        Command::Operations { config } => operations::operations(&config),
        Command::Openapi { config } => openapi::openapi(&config),
        Command::Sandbox(options) => sandbox::sandbox(options),
        Command::Demo { tour } => demo::demo(tour),
        Command::Healthcheck { url } => healthcheck::healthcheck(&url),
        Command::NewKey => keys::new_key(),
        Command::HashKey => keys::hash_key(),
    }
}

/// Writes to standard output; a closed pipe is the reader's choice, not a failure.
fn say(text: impl std::fmt::Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes to standard error.
fn complain(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
