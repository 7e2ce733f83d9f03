//! What is no TOML: the rest is checked all the same, as long as one can tell what belongs where.

use super::*;

#[test]
fn a_value_that_is_no_toml_does_not_hide_other_faults() {
    let found = faults(with("[passport]\ntimeout = 5s\nstream_timeout = yes\n[server]\nworkers = 01\nlisten =\nworker = 2\n"));

    let expected = [
        "2:11: passport.timeout: is no TOML: string values must be quoted, expected literal string; put it in quotes",
        "3:18: passport.stream_timeout: is no TOML: string values must be quoted, expected literal string; put it in quotes",
        "5:11: server.workers: is no TOML: unexpected leading zero, expected nothing; correct the value (https://toml.io)",
        "6:9: server.listen: has no value; write one, or remove the key",
        "7:1: server.worker: is no key of the configuration; did you mean `workers`?",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_value_that_is_no_toml_is_faulty_once() {
    let found = faults(with("[server]\nworkers = two\nlisten = [127.0.0.1:8080]\n"));

    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("2:11: server.workers: is no TOML"), "{found:#?}");
    assert!(found[1].starts_with("3:11: server.listen[0]: is no TOML"), "{found:#?}");
}

#[test]
fn a_secret_without_quotes_is_not_shown() {
    let text = LEAST.replace("{ env = \"SECRET\" }", "hunter2");

    let shown = read(&text).unwrap_err().to_string();

    assert!(shown.contains("credentials.acme.client_secret: is no TOML"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_key_or_a_section_that_stands_twice_does_not_hide_other_faults() {
    let found = faults(with("[server]\nworkers = 1\nworkers = 2\nmax_connections = 0\n[cache]\n[server]\nworker = 3\n"));

    let expected = [
        "3:1: `workers` stands here a second time; keep one of the two",
        "4:19: server.max_connections: is out of bounds; write a whole number from 1 to 1000000",
        "6:2: `server` stands here a second time; keep one of the two",
        "7:1: server.worker: is no key of the configuration; did you mean `workers`?",
    ];
    assert_eq!(found, expected);
}

#[test]
fn where_nobody_can_tell_what_belongs_where_only_the_syntax_is_reported() {
    for broken in
        ["[server\nworkers = 1\n", "server = { workers = 0", "a b = 3\n", "[server]\nlisten = [\"127.0.0.1:0\"\nworkers = 1\n"]
    {
        let found = faults(with(broken));

        assert!(found.iter().all(|line| line.contains(": this is not TOML: ")), "{found:#?}");
        assert!(found[0].ends_with("; correct the syntax (https://toml.io), so that the rest can be checked"), "{found:#?}");
    }
}
