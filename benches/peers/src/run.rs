//! One run: every scenario, all its systems up at once, rounds interleaved, so that what disturbs the machine disturbs all alike.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::load::Outcome;
use crate::process::Process;
use crate::report::{Measured, Report, Row};
use crate::scenario::{SCENARIOS, Scenario, Tokens};
use crate::system::{Ground, Running, Settings, System};
use crate::tokens;

/// Tokens that are used once, for one system in one round.
const FRESH: usize = 12_000;
/// Connections that are held to see what one costs.
const IDLE: u64 = 2_000;

#[derive(clap::Args)]
pub struct Options {
    /// The gateway's binary.
    #[arg(long)]
    gateway: PathBuf,
    /// Where the peers are installed.
    #[arg(long)]
    tools: PathBuf,
    /// Where the configurations of the peers are.
    #[arg(long)]
    systems: PathBuf,
    /// Where the report goes.
    #[arg(long)]
    results: PathBuf,
    /// Only these scenarios.
    #[arg(long)]
    only: Vec<String>,
    /// Only systems whose names contain one of these.
    #[arg(long)]
    with: Vec<String>,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    #[arg(long, default_value_t = 0)]
    proxy_core: usize,
    #[arg(long, default_value_t = 1)]
    load_core: usize,
}

pub fn run(options: &Options) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("peers-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let report = measure_all(options, &folder);
    fs::remove_dir_all(&folder)?;
    report?.write(&options.results)
}

fn measure_all(options: &Options, folder: &Path) -> Result<Report> {
    let ground = Ground {
        keys: tokens::make(folder, FRESH)?,
        folder: folder.to_owned(),
        tools: fs::canonicalize(&options.tools)?,
        systems: fs::canonicalize(&options.systems)?,
        gateway: fs::canonicalize(&options.gateway)?,
        core: options.proxy_core,
    };
    let mut report = Report::default();
    for scenario in SCENARIOS.iter().filter(|scenario| wanted(&options.only, scenario.name)) {
        eprintln!("{}", scenario.title);
        report.push(scenario, measure(options, &ground, scenario)?);
    }
    Ok(report)
}

fn wanted(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|wanted| wanted == name)
}

fn measure(options: &Options, ground: &Ground, scenario: &Scenario) -> Result<Vec<Row>> {
    let mut upstream = upstream(options, scenario.bytes)?;
    let address = upstream.line()?.parse()?;
    let takes_part =
        |system: &System| options.with.is_empty() || options.with.iter().any(|part| system.name().contains(part.as_str()));
    let taking_part = scenario.systems.iter().filter(|(system, _)| takes_part(system));
    let mut rows: Vec<Row> = taking_part.map(|(system, job)| Row::new(*system, *job)).collect();
    let start = |row: &Row| {
        let running = row.system.start(ground, Settings { job: row.job, upstream: address, logs: scenario.logs })?;
        warm(options, ground, scenario, running)
    };
    match scenario.tokens {
        Tokens::Known => {
            let running: Vec<Running> = rows.iter().map(start).collect::<Result<_>>()?;
            rounds(options, &mut rows, |row, _| one(options, ground, scenario, &running[row]))?;
            for (row, running) in rows.iter_mut().zip(&running) {
                row.peak = Some(running.process.memory("VmHWM")?);
            }
        }
        // Each round a process that has seen none of the tokens.
        Tokens::Fresh => rounds(options, &mut rows, |_, row| one(options, ground, scenario, &start(row)?))?,
    }
    if scenario.idle {
        for row in &mut rows {
            row.idle = Some(idle(options, ground, scenario, &start(row)?)?);
        }
    }
    Ok(rows)
}

/// One round is every system once, in turn: what disturbs the machine disturbs all alike.
fn rounds(options: &Options, rows: &mut [Row], mut measure: impl FnMut(usize, &Row) -> Result<Measured>) -> Result<()> {
    for round in 1..=options.rounds {
        for number in 0..rows.len() {
            let measured = measure(number, &rows[number])?;
            eprintln!("  round {round}  {:>26}  {measured}", rows[number].label());
            rows[number].rounds.push(measured);
        }
    }
    Ok(())
}

fn upstream(options: &Options, bytes: usize) -> Result<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["upstream", "--guarded", "--bytes", &bytes.to_string()]);
    Process::start(&mut command, options.load_core)
}

/// What is needed once (connections, verified tokens, stored answers) is not what is measured.
fn warm(options: &Options, ground: &Ground, scenario: &Scenario, running: Running) -> Result<Running> {
    let known = &ground.keys.known;
    load(options, scenario, &running, &["--tokens".as_ref(), known.as_os_str(), "--seconds".as_ref(), "0.5".as_ref()])?;
    Ok(running)
}

fn one(options: &Options, ground: &Ground, scenario: &Scenario, running: &Running) -> Result<Measured> {
    let before = running.process.cpu()?;
    let outcome = match scenario.tokens {
        Tokens::Known => {
            let seconds = options.seconds.to_string();
            load(
                options,
                scenario,
                running,
                &["--tokens".as_ref(), ground.keys.known.as_os_str(), "--seconds".as_ref(), seconds.as_ref()],
            )?
        }
        Tokens::Fresh => {
            let requests = FRESH.to_string();
            load(
                options,
                scenario,
                running,
                &["--tokens".as_ref(), ground.keys.fresh.as_os_str(), "--requests".as_ref(), requests.as_ref()],
            )?
        }
    };
    let cpu = running.process.cpu()? - before;
    Ok(Measured { cpu_us: cpu.as_secs_f64() * 1e6 / outcome.requests as f64, outcome })
}

fn command(scenario: &Scenario, running: &Running) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["load", "--address", &running.address.to_string(), "--target", scenario.target]);
    command.args(["--bytes", &scenario.bytes.to_string()]);
    if let Some(rate) = scenario.rate {
        command.args(["--rate", &rate.to_string()]);
    }
    Ok(command)
}

fn load(options: &Options, scenario: &Scenario, running: &Running, more: &[&std::ffi::OsStr]) -> Result<Outcome> {
    let mut command = command(scenario, running)?;
    command.args(more);
    let output = Process::start(&mut command, options.load_core)?.output()?;
    Ok(serde_json::from_str(&output)?)
}

/// What one idle keep-alive connection holds: resident memory of a fresh process with and without so many of them.
fn idle(options: &Options, ground: &Ground, scenario: &Scenario, running: &Running) -> Result<u64> {
    let before = running.process.memory("VmRSS")?;
    let mut command = command(scenario, running)?;
    command.arg("--tokens").arg(&ground.keys.known).args(["--hold", "--connections", &IDLE.to_string()]);
    let mut held = Process::start(&mut command, options.load_core)?;
    held.line()?;
    Ok(running.process.memory("VmRSS")?.saturating_sub(before) / IDLE)
}
