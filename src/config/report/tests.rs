use std::ops::Range;

use super::*;

const TEXT: &str = "[server]\nworkers = \"x\"\n\n[credentials.acme]\nclient_secret = 12345\n";

fn at(text: &str) -> Range<usize> {
    let start = TEXT.find(text).unwrap();
    start..start + text.len()
}

fn report() -> Report {
    let faults = vec![
        Fault::error("credentials.acme.client_secret", "is a number", "write a string").at(at("12345")),
        Fault::error("server.workers", "is a string", "write a number").at(at("\"x\"")),
        Fault::warning("", "there is no tenant", "add one"),
    ];
    Report::new(faults, &[Source::new(SourceId::Config, Path::new("gateway.toml"), TEXT)])
}

#[test]
fn every_fault_names_file_line_key_and_remedy() {
    let lines: Vec<String> = report().lines().collect();

    assert_eq!(
        lines,
        [
            "gateway.toml:1:1: there is no tenant; add one",
            "gateway.toml:2:11: server.workers: is a string; write a number",
            "gateway.toml:5:17: credentials.acme.client_secret: is a number; write a string",
        ]
    );
}

#[test]
fn faults_are_shown_as_a_compiler_does_and_counted() {
    let text = report().render(false);

    assert_eq!(
        text,
        "warning: there is no tenant\n--> gateway.toml:1:1\n = help: add one\n\n\
         error: server.workers: is a string\n --> gateway.toml:2:11\n  |\n2 | workers = \"x\"\n  |           ^^^\n  |\n  = help: write a number\n\n\
         error: credentials.acme.client_secret: is a number\n--> gateway.toml:5:17\n = help: write a string\n\n\
         2 faults, 1 warning\n"
    );
}

#[test]
fn only_a_terminal_gets_colours() {
    assert!(!report().to_string().contains('\u{1b}'));
    assert!(report().render(true).contains('\u{1b}'));
}

#[test]
fn what_the_file_says_elsewhere_is_not_kept() {
    assert!(!format!("{:?}", report()).contains("12345"));
}

#[test]
fn places_beyond_the_text_do_not_break_the_report() {
    let faults = vec![Fault::error("server", "is cut off", "write more").at(TEXT.len()..TEXT.len() + 9)];

    let report = Report::new(faults, &[Source::new(SourceId::Config, Path::new("gateway.toml"), TEXT)]);

    assert_eq!(report.lines().next().unwrap(), "gateway.toml:6:1: server: is cut off; write more");
}
