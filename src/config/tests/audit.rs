//! Where the audit trail goes, and what it is digested with.

use std::path::Path;

use super::super::effective;
use super::*;
use crate::config::{AuditPlace, WhenFull};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn audited(lines: &str) -> Result<Loaded, Report> {
    let environment = |name: &str| if name == "AUDIT" { Some(KEY.to_owned()) } else { environment(name) };
    parse(&format!("{LEAST}\n[audit]\n{lines}"), Path::new("/etc/gateway/gateway.toml"), &environment)
}

#[test]
fn there_is_none_unless_it_is_asked_for() {
    assert!(accepted(LEAST).audit.is_none());
}

#[test]
fn a_trail_goes_to_a_file_beside_the_configuration_or_to_standard_output() {
    for (path, place) in [
        ("audit.jsonl", AuditPlace::File("/etc/gateway/audit.jsonl".into())),
        ("/var/log/audit.jsonl", AuditPlace::File("/var/log/audit.jsonl".into())),
        ("stdout", AuditPlace::Stdout),
    ] {
        let audit = audited(&format!("path = \"{path}\"\nhmac_key = {{ env = \"AUDIT\" }}")).unwrap().config.audit.unwrap();

        assert_eq!((audit.to, audit.when_full), (place, WhenFull::RefuseMoney));
    }
}

#[test]
fn a_trail_that_goes_nowhere_is_a_fault() {
    let found = faults(audited("when_full = \"maybe\""));

    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().any(|fault| fault.contains("audit.path: is missing")), "{found:#?}");
    assert!(found.iter().any(|fault| fault.contains("audit.when_full")), "{found:#?}");
}

#[test]
fn a_key_is_long_or_missed() {
    let found = advice(audited("path = \"stdout\""));
    assert!(found.len() == 1 && found[0].contains("audit.hmac_key: is missing"), "{found:#?}");

    let found = faults(audited("path = \"stdout\"\nhmac_key = { env = \"SECRET\" }"));
    assert!(found.len() == 1 && found[0].contains("audit.hmac_key: is too short"), "{found:#?}");
}

#[test]
fn it_is_shown_without_its_key_and_needs_a_restart() {
    let loaded = audited(&format!("path = \"stdout\"\nwhen_full = \"continue\"\nhmac_key = \"{KEY}\"")).unwrap();

    let shown = effective(&loaded.config);

    assert!(!shown.contains(KEY), "{shown}");
    for line in ["[audit]", "path = \"stdout\"  # restart", "when_full = \"continue\"  # restart"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}
