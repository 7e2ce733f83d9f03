//! What a run found: medians, spreads and ratios, as tables and a chart.

use std::fmt::{self, Display, Formatter, Write};
use std::fs;
use std::path::Path;

use crate::Result;
use crate::chart;
use crate::load::Outcome;
use crate::scenario::Scenario;
use crate::system::{Job, System};

/// One system in one round.
#[derive(Clone, Debug)]
pub struct Measured {
    /// CPU time a request, user and system.
    pub cpu_us: f64,
    pub outcome: Outcome,
}

impl Display for Measured {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Outcome { requests, seconds, p50_us, p99_us, .. } = &self.outcome;
        write!(f, "{:7.2} µs CPU  {:6.0}/s  p50 {p50_us:5} µs  p99 {p99_us:6} µs", self.cpu_us, *requests as f64 / seconds)
    }
}

/// One system in all rounds of a scenario.
#[derive(Debug)]
pub struct Row {
    pub system: System,
    pub job: Job,
    pub rounds: Vec<Measured>,
    /// Bytes resident at most.
    pub peak: Option<u64>,
    /// Bytes an idle connection holds.
    pub idle: Option<u64>,
}

impl Row {
    pub fn new(system: System, job: Job) -> Self {
        Self { system, job, rounds: Vec::new(), peak: None, idle: None }
    }

    pub fn label(&self) -> String {
        let job = match (self.system, self.job) {
            (System::BareServer | System::Varnish, _) => "",
            (_, Job::Plain) => ", plain proxy",
            (_, Job::Full | Job::Cache) => ", full job",
        };
        format!("{}{job}", self.system.name())
    }

    pub fn median(&self, of: impl Fn(&Measured) -> f64) -> f64 {
        median(self.rounds.iter().map(of).collect())
    }

    pub fn cpu(&self) -> f64 {
        self.median(|measured| measured.cpu_us)
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[length / 2],
        length => f64::midpoint(values[length / 2 - 1], values[length / 2]),
    }
}

/// All scenarios of a run.
#[derive(Default)]
pub struct Report {
    scenarios: Vec<(&'static Scenario, Vec<Row>)>,
}

impl Report {
    pub fn push(&mut self, scenario: &'static Scenario, rows: Vec<Row>) {
        self.scenarios.push((scenario, rows));
    }

    /// Writes `results.md` and a chart into `folder`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let mut text = machine();
        for (scenario, rows) in &self.scenarios {
            table(&mut text, scenario, rows)?;
        }
        fs::write(folder.join("results.md"), &text)?;
        let shown: Vec<_> = self.scenarios.iter().filter(|(scenario, _)| ["forward", "hit"].contains(&scenario.name)).collect();
        if !shown.is_empty() {
            fs::write(folder.join("chart.svg"), chart::draw(&shown))?;
        }
        print!("{text}");
        Ok(())
    }
}

/// A table with our own row's ratio to each of the others, round by round.
fn table(text: &mut String, scenario: &Scenario, rows: &[Row]) -> Result<()> {
    let rounds = rows.first().map_or(0, |row| row.rounds.len());
    writeln!(text, "\n## {}\n", scenario.title)?;
    writeln!(text, "Medians of {rounds} rounds. *Ours ÷ theirs*: the median of the ratios within a round, and their range.\n")?;
    writeln!(
        text,
        "| system | CPU µs/request | ours ÷ theirs | requests/s | p50 µs | p99 µs | peak MiB | KiB/idle connection |"
    )?;
    writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
    let ours = rows.iter().find(|row| row.system == System::Gateway);
    for row in rows {
        let peak = row.peak.map_or(String::new(), |bytes| format!("{:.1}", bytes as f64 / 1048576.0));
        let idle = row.idle.map_or(String::new(), |bytes| format!("{:.1}", bytes as f64 / 1024.0));
        writeln!(
            text,
            "| {} | {:.1} | {} | {:.0} | {:.0} | {:.0} | {peak} | {idle} |",
            row.label(),
            row.cpu(),
            ours.filter(|ours| !std::ptr::eq(*ours, row)).map_or(String::new(), |ours| ratio(ours, row)),
            row.median(|measured| measured.outcome.requests as f64 / measured.outcome.seconds),
            row.median(|measured| measured.outcome.p50_us as f64),
            row.median(|measured| measured.outcome.p99_us as f64),
        )?;
    }
    Ok(())
}

fn ratio(ours: &Row, theirs: &Row) -> String {
    let ratios: Vec<f64> = ours.rounds.iter().zip(&theirs.rounds).map(|(ours, theirs)| ours.cpu_us / theirs.cpu_us).collect();
    let (least, most) = ratios.iter().fold((f64::MAX, f64::MIN), |(least, most), ratio| (least.min(*ratio), most.max(*ratio)));
    format!("{:.2} ({least:.2}–{most:.2})", median(ratios))
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("unknown", |(_, model)| model);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{model}, Linux {}; one core for the proxy, one for the load and the upstream.\n", kernel.trim())
}
