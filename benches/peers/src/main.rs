//! The gateway beside other proxies that do the same work, on one machine, in one run: see README.md.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

mod answer;
mod chart;
mod floor;
mod gcra;
mod load;
mod process;
mod report;
mod run;
mod scenario;
mod system;
mod tokens;
mod upstream;

#[derive(Parser)]
#[command(about = "The gateway beside other proxies that do the same work")]
enum Command {
    /// Runs scenarios over all systems, interleaved, and writes the report.
    Run(run::Options),
    #[command(flatten)]
    Part(Part),
}

/// What `run` starts as processes of their own, so that each one's CPU time is its own.
#[derive(Subcommand)]
enum Part {
    /// Sends requests and says what came back.
    Load(load::Options),
    /// Stands in for Passport: bytes of one size, and a token endpoint.
    Upstream(upstream::Options),
    /// What a small program on hyper needs for the same job.
    Floor(floor::Options),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Run(options) => run::run(&options),
        Command::Part(Part::Load(options)) => load::run(&options),
        Command::Part(Part::Upstream(options)) => upstream::run(&options),
        Command::Part(Part::Floor(options)) => floor::run(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}
