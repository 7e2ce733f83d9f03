//! What a system is as processes: started on its core, its CPU time and memory read from /proc, ended at the end.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_secs(3);

/// A process and all that it started; ended when dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command` on one core; what it prints is for whoever started it.
    pub fn start(command: &mut Command, core: usize) -> Result<Self> {
        Self::spawn(pinned(command, core).stdin(Stdio::piped()).stdout(Stdio::piped()))
    }

    /// Starts `command` on one core; what it prints goes to a file, as a container's does.
    pub fn logging(command: &mut Command, core: usize, log: &Path) -> Result<Self> {
        let log = fs::File::create(log)?;
        Self::spawn(pinned(command, core).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log))
    }

    fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.spawn().map_err(|error| format!("{command:?} cannot be started: {error}"))?;
        Ok(Self { child })
    }

    /// The next line it prints.
    pub fn line(&mut self) -> Result<String> {
        let stdout: &mut ChildStdout = self.child.stdout.as_mut().ok_or("its output is taken")?;
        let mut line = String::new();
        // Unbuffered beyond the line: what starts a process reads one line of it, and no more is printed.
        BufReader::with_capacity(1024, stdout).read_line(&mut line)?;
        if line.is_empty() { Err("a process ended before it said where it listens".into()) } else { Ok(line.trim().to_owned()) }
    }

    /// Waits for its end, and gives what it printed.
    pub fn output(mut self) -> Result<String> {
        let mut text = String::new();
        if let Some(stdout) = self.child.stdout.as_mut() {
            std::io::Read::read_to_string(stdout, &mut text)?;
        }
        if self.child.wait()?.success() { Ok(text) } else { Err("the load failed; see above".into()) }
    }

    /// User and system time of it and all its children so far.
    pub fn cpu(&self) -> Result<Duration> {
        let ticks: u64 = self.family()?.iter().filter_map(|pid| ticks(*pid)).sum();
        Ok(Duration::from_millis(ticks * 10)) // USER_HZ is 100 on every Linux that matters here
    }

    /// Resident memory of it and its children, in bytes: `VmRSS` now, or `VmHWM` at most.
    pub fn memory(&self, field: &str) -> Result<u64> {
        Ok(self.family()?.iter().filter_map(|pid| kibibytes(*pid, field)).sum::<u64>() * 1024)
    }

    fn family(&self) -> Result<Vec<u32>> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(parent) = stat(pid).and_then(|fields| fields.get(1)?.parse().ok()) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut family = vec![self.child.id()];
        let mut at = 0;
        while at < family.len() {
            family.extend(children.get(&family[at]).into_iter().flatten());
            at += 1;
        }
        Ok(family)
    }
}

impl Drop for Process {
    /// Asks it to end, so that what it does at its end is done, and kills what is left after a while.
    fn drop(&mut self) {
        let family = self.family().unwrap_or_default();
        signal("-INT", self.child.id());
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        family.into_iter().rev().for_each(|pid| signal("-KILL", pid));
        self.child.wait().ok();
    }
}

fn signal(signal: &str, pid: u32) {
    Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status().ok();
}

fn pinned(command: &Command, core: usize) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["--cpu-list", &core.to_string()]).arg(command.get_program()).args(command.get_args());
    pinned.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        pinned.current_dir(folder);
    }
    pinned
}

/// The fields of /proc/PID/stat after the name, which may hold spaces: state, parent, …
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn ticks(pid: u32) -> Option<u64> {
    let fields = stat(pid)?;
    let [user, system] = [fields.get(11)?, fields.get(12)?].map(|field| field.parse::<u64>().ok());
    Some(user? + system?)
}

fn kibibytes(pid: u32, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Waits until something accepts connections at `address`.
pub fn reachable(address: std::net::SocketAddr, log: &Path) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = fs::read_to_string(log).unwrap_or_default();
    Err(format!("nothing listens at {address} after 20 s; it said:\n{said}").into())
}
