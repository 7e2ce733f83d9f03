//! The `process_*` metrics every Prometheus user expects, read from `/proc` when scraped.

use std::fmt::Write;
use std::fs;

/// Clock ticks per second in `/proc`, a constant of the Linux user interface.
const TICKS_PER_SECOND: f64 = 100.0;
/// Bytes per page on the platforms that are built for.
const PAGE_BYTES: u64 = 4096;

/// Appends what `/proc` tells of this process; nothing where there is no `/proc`.
pub fn render(text: &mut String) {
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else { return };
    let Some(process) = Process::parse(&stat) else { return };
    let mut metric = |name: &str, kind: &str, help: &str, value: f64| {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    metric("process_cpu_seconds_total", "counter", "User and system CPU time in seconds.", process.cpu_seconds);
    metric("process_resident_memory_bytes", "gauge", "Resident memory in bytes.", lossy(process.resident_bytes));
    metric("process_virtual_memory_bytes", "gauge", "Virtual memory in bytes.", lossy(process.virtual_bytes));
    metric("process_threads", "gauge", "Threads.", lossy(process.threads));
    if let Some(booted) = boot_time() {
        let unix_time = lossy(booted) + process.started_after_boot;
        metric("process_start_time_seconds", "gauge", "Unix time at which the process started.", unix_time);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        metric("process_open_fds", "gauge", "Open file descriptors.", lossy(open.count() as u64));
    }
    if let Some(limit) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(open_files_limit) {
        metric("process_max_fds", "gauge", "Most file descriptors that may be open.", lossy(limit));
    }
}

#[derive(Debug, PartialEq)]
struct Process {
    cpu_seconds: f64,
    started_after_boot: f64,
    threads: u64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

impl Process {
    /// Reads the fields of proc(5) `stat`; the command's name may hold spaces and parentheses, so counting starts after it.
    fn parse(stat: &str) -> Option<Self> {
        let after_name: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let field = |number: usize| after_name.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_seconds: lossy(field(14)? + field(15)?) / TICKS_PER_SECOND,
            started_after_boot: lossy(field(22)?) / TICKS_PER_SECOND,
            threads: field(20)?,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * PAGE_BYTES,
        })
    }
}

fn boot_time() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn open_files_limit(limits: &str) -> Option<u64> {
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_ascii_whitespace().next()?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus samples are floats")]
fn lossy(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 1000 8192 2 18446744073709551615";

        let process = Process::parse(stat).unwrap();

        let expected =
            Process { cpu_seconds: 2.0, started_after_boot: 10.0, threads: 3, virtual_bytes: 8192, resident_bytes: 8192 };
        assert_eq!(process, expected);
    }

    #[test]
    fn this_process_is_told_in_prometheus_text() {
        let mut text = String::new();

        render(&mut text);

        assert!(text.contains("# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes "), "{text}");
        assert!(text.contains("process_open_fds "), "{text}");
    }
}
