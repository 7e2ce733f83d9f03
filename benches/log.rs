//! What an access log line costs the worker that writes it: formatting, and a copy into memory.
//!
//! Standard output gets the lines, so it is best sent to `/dev/null`: `make bench BENCH=log >/dev/null`; the figure goes to standard error.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a bench that cannot begin has nothing to tell, and one that can tells it"
)]

use std::time::{Duration, Instant};

use passport_gateway::config::{LogFormat, Telemetry};
use passport_gateway::telemetry;

/// Lines of one turn: as many as find room while their thread sleeps.
const LINES: u32 = 2_000;
const TURNS: usize = 200;

fn main() {
    let logs =
        telemetry::begin(&Telemetry { log: "info".to_owned(), access_log: 1.0, format: LogFormat::Json, otlp: None }).unwrap();
    let mut turns: Vec<Duration> = (0..TURNS)
        .map(|_| {
            let began = Instant::now();
            (0..LINES).for_each(line);
            let took = began.elapsed();
            // The next turn finds room again.
            std::thread::sleep(Duration::from_millis(20));
            took / LINES
        })
        .collect();
    turns.sort();
    drop(logs);
    let (best, median) = (turns[0], turns[TURNS / 2]);
    eprintln!("an access log line: best {best:?}, median {median:?}");
}

/// A line as observe writes it.
fn line(number: u32) {
    let none: Option<&str> = None;
    tracing::info!(
        target: "access",
        request_id = "01J9Z3V5K8Q2W4E6R8T0Y2U4I6",
        operation = "list_payments",
        method = "GET",
        status = 200_u16,
        outcome = "ok",
        tenant = "acme",
        caller = "orders-app",
        cache = "hit",
        idempotency = none,
        reported = none,
        attempts = 0_u32,
        duration_us = u64::from(number),
        upstream_us = 0_u64,
        "request"
    );
}
