//! What of another configuration counts at once, what waits for a restart, and what must not be mixed.

use super::super::effective;
use super::*;

fn applicable(before: &str, after: &str) -> Result<Applicable, Vec<String>> {
    accepted(&format!("{before}\n{LEAST}")).applicable(accepted(&format!("{after}\n{LEAST}")))
}

#[test]
fn keys_that_need_a_restart_are_marked_and_no_others() {
    let written =
        effective(&accepted(&format!("control = {{ listen = \"127.0.0.1:9902\", token = {{ env = \"SECRET\" }} }}\n{LEAST}")));

    for line in [
        "workers = 0  # restart",
        "listen = \"127.0.0.1:9902\"  # restart",
        "drain = \"20s\"  # restart",
        "max_in_flight = 512  # restart",
        "format = \"json\"  # restart",
        "body_timeout = \"15s\"",
        "token = { env = \"SECRET\" }",
        "scopes = [\"paas.core.accounts.*\"]",
        "client_id = { env = \"ID\" }",
        "documented = \"enforce\"",
        "log = \"info\"",
    ] {
        assert!(written.lines().any(|written| written == line), "{line}\n{written}");
    }
}

#[test]
fn what_needs_a_restart_is_as_it_was_and_is_told_until_then() {
    let before = "server = { workers = 2 }\nbreaker = { minimum = 30 }\n";
    let after = "server = { workers = 3, max_body_bytes = \"1KiB\" }\nadmin = { listen = \"127.0.0.1:9999\" }\nretry = { attempts = 0 }\n";

    let Applicable { config, held_back } = applicable(before, after).unwrap();

    assert_eq!(held_back, ["admin.listen", "breaker.minimum", "server.workers"]);
    assert_eq!((config.server.workers, config.breaker.minimum), (2, 30));
    assert_eq!((config.server.max_body_bytes, config.retry.attempts), (1024, 0));
    let again = config.applicable(accepted(&format!("{after}\n{LEAST}"))).unwrap();
    assert_eq!(again.held_back, held_back);
}

#[test]
fn an_unchanged_configuration_holds_nothing_back() {
    assert_eq!(applicable("", "").unwrap().held_back, Vec::<String>::new());
}

#[test]
fn what_would_mix_two_environments_is_refused_whole() {
    let custom = |port: u16| format!("passport = {{ environment = \"custom\", base_url = \"http://127.0.0.1:{port}\" }}");

    let faults = applicable(&custom(9), &custom(10)).unwrap_err();

    assert!(!faults.is_empty() && faults.iter().all(|fault| fault.starts_with("passport.upstreams")), "{faults:#?}");
}

#[test]
fn a_payment_never_gets_more_time_than_the_drain_that_is_in_force() {
    let faults = applicable("", "lifecycle = { drain = \"2m\" }\npassport = { timeout = \"60s\" }").unwrap_err();

    assert!(faults[0].contains("`lifecycle.drain` is 20s until a restart"), "{faults:#?}");
}

#[test]
fn files_are_all_that_a_configuration_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "a-secret-of-some-length").unwrap();
    let source = format!("{{ file = \"{}\" }}", path.display());
    let text = LEAST.replace("{ env = \"SECRET\" }", &source);

    assert_eq!(accepted(&text).files(), [path]);
    assert_eq!(accepted(LEAST).files(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn tenants_do_not_come_to_share_a_credential_while_their_keys_still_go_up() {
    let other = "[tenants.other]\ncredential = \"acme\"\nscopes = [\"paas.core.accounts.*\"]\nrate_limit = { requests = 1, per = \"1s\" }\n";
    let record = "idempotency.path = \"r\"\n";
    let forwarding = format!("{record}idempotency.forward_header = \"idempotency-key\"\n");
    let before = accepted(&format!("{forwarding}{LEAST}"));
    let after = accepted(&format!("{record}{LEAST}\n{other}"));

    let faults = before.applicable(after.clone()).unwrap_err();
    let restarted = accepted(&format!("{record}{LEAST}"));

    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(
        faults[0].contains("tenants.other: shares the credential `acme`") && faults[0].contains("restart the gateway"),
        "{faults:#?}"
    );
    assert!(restarted.applicable(after).is_ok(), "once no keys go up any more");
}
