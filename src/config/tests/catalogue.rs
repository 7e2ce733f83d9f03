//! The catalogue under a configuration: another file, overrides, and what they mean for the rest.

use std::time::Duration;

use super::*;

#[test]
fn an_operation_may_be_changed() {
    let config = with("[operations.list_payments]\ncache_ttl = \"2s\"\ntimeout = \"10s\"\nenabled = false").unwrap().config;

    let operation = config.catalogue.operation(config.catalogue.by_name("list_payments").unwrap());
    assert_eq!(operation.timeout, Some(Duration::from_secs(10)));
    assert_eq!(operation.cache.unwrap().ttl, Duration::from_secs(2));
    assert!(!operation.enabled);
}

#[test]
fn every_fault_of_every_operation_is_reported() {
    let found = faults(with(
        "[operations.list_payments]\ncach_ttl = \"2s\"\nenabled = 3\ntimeout = 7\n[operations.get_account]\ntimeout = \"soon\"\nscope = []\n",
    ));

    assert_eq!(found.len(), 5, "{found:#?}");
    for (line, expected) in found.iter().zip([
        "2:1: operations.list_payments.cach_ttl: is no key of the configuration; did you mean `cache_ttl`?",
        "3:11: operations.list_payments.enabled: invalid type: integer `3`, expected a boolean",
        "4:11: operations.list_payments.timeout: invalid type: integer `7`, expected a string",
        "6:11: operations.get_account.timeout: ",
        "7:9: operations.get_account.scope: invalid type: sequence, expected a string",
    ]) {
        assert!(line.starts_with(expected), "{line}");
    }
}

#[test]
fn the_keys_of_an_operation_are_those_of_the_catalogue() {
    use serde::Deserialize;

    let unknown = toml::de::ValueDeserializer::parse("{ nonsense = 1 }").unwrap();
    let error = crate::catalogue::RawOperation::deserialize(unknown).unwrap_err();

    let known = super::super::validate::OPERATION_KEYS.map(|key| format!("`{key}`")).join(", ");
    assert_eq!(error.message(), format!("unknown field `nonsense`, expected one of {known}"));
}

#[test]
fn faults_of_operations_do_not_hide_others() {
    let found = faults(with("server = { workers = -1 }\n[operations.nonsense]\nenabled = true\n"));

    assert!(found[0].contains("server.workers"), "{found:#?}");
    assert!(found[1].starts_with("2:") || found[1].starts_with("3:"), "{found:#?}");
}

#[test]
fn another_catalogue_takes_the_place_of_the_embedded_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.toml");
    let catalogue = crate::catalogue::Catalogue::embedded_text().replace("list_payments", "all_payments");
    std::fs::write(directory.path().join("mine.toml"), catalogue).unwrap();
    std::fs::write(&path, format!("catalogue = \"mine.toml\"\n{LEAST}")).unwrap();

    let config = load_with(&path, &environment).unwrap_or_else(|report| panic!("{report}")).config;

    assert!(config.catalogue.by_name("all_payments").is_some());
    assert!(config.catalogue.by_name("list_payments").is_none());
    assert_eq!(config.overrides.catalogue, Some(directory.path().join("mine.toml")));
}

#[test]
fn faults_of_another_catalogue_stand_in_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.toml");
    std::fs::write(directory.path().join("mine.toml"), "[operations]\n\nx = 3\n").unwrap();
    std::fs::write(&path, format!("catalogue = \"mine.toml\"\nserver = {{ workers = -1 }}{LEAST}")).unwrap();

    let report = load_with(&path, &environment).unwrap_err();

    let lines: Vec<String> = report.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with(&format!("{}:2:22: server.workers", path.display())), "{lines:#?}");
    assert!(lines[1].starts_with(&format!("{}:3:5: ", directory.path().join("mine.toml").display())), "{lines:#?}");
}

#[test]
fn what_moves_money_must_end_before_the_gateway_does() {
    let general = faults(with("[passport]\ntimeout = \"20s\""));
    let drain = faults(with("[lifecycle]\ndrain = \"15s\""));
    let own = faults(with("[operations.create_breb_payment]\ntimeout = \"30s\""));

    assert_eq!(general.len(), 3, "{general:#?}");
    assert!(
        general[0].starts_with("2:11: passport.timeout: `confirm_breb_payment` moves money and may take 20s, but is cut off"),
        "{general:#?}"
    );
    assert_eq!(drain.len(), 3, "{drain:#?}");
    assert!(drain[0].starts_with("2:9: lifecycle.drain: `confirm_breb_payment` moves money and may take 15s"), "{drain:#?}");
    assert_eq!(
        own,
        ["2:11: operations.create_breb_payment.timeout: `create_breb_payment` moves money and may take 30s, \
          but is cut off after `lifecycle.drain` = 20s; raise `lifecycle.drain`, or lower the timeout"]
    );
}

#[test]
fn a_slow_read_may_outlast_the_drain() {
    assert!(with("[operations.list_payments]\ntimeout = \"60s\"").is_ok());
}
