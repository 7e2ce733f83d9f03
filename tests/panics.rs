//! A panic's message may hold what a caller sent: the process tells where it happened, and nothing of what it said.

#![expect(clippy::unwrap_used, reason = "all of this is tests, also what helps them")]

use std::process::Command;

use passport_gateway::config::{LogFormat, Telemetry};
use passport_gateway::telemetry;

const PLANTED: &str = "planted-zoraida-987604321";
const CHILD: &str = "PANIC_IN_A_PROCESS_OF_ITS_OWN";

#[test]
fn of_a_panic_only_its_place_is_told() {
    if std::env::var_os(CHILD).is_some() {
        return panic_with_logs();
    }
    let name = "of_a_panic_only_its_place_is_told";
    let mut child = Command::new(std::env::current_exe().unwrap());

    let output = child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();

    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(told.contains("tests/panics.rs:"), "{told}");
    assert!(!told.contains(PLANTED), "{told}");
}

fn panic_with_logs() {
    let _levels =
        telemetry::begin(&Telemetry { log: "trace".to_owned(), access_log: 1.0, format: LogFormat::Json, otlp: None }).unwrap();
    let panicked = std::thread::spawn(|| {
        assert!(std::env::args().count() > 1000, "{PLANTED}");
    });
    assert!(panicked.join().is_err());
}
