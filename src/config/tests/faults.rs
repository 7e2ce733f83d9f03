//! Faults are found all at once, each with its place and remedy.

use super::*;

const WRONG: &str = r#"[server]
workers = "x"
idle_timout = "5s"
header_timeout = "5 seconds"

[passport]
environment = "staging"
max_in_flight = 0

[local]
tenant = "acne"

[tenants.acme]
credential = "acm"
scopes = ["paas.core.accounts.*", "*"]
rate_limit = { requests = 0, per = "1s" }

[credentials.acme]
client_id = { env = "NOT_SET" }

[operations.list_payment]
timeout = "soon"
enabled = "yes"

[control]
listen = "0.0.0.0:9902"
"#;

#[test]
fn every_fault_is_reported_at_once_with_its_line_and_remedy() {
    let found = faults(read(WRONG));

    let expected = [
        "2:11: server.workers: is to be a whole number, but a string was found; write a whole number, such as 100, without quotes",
        "3:1: server.idle_timout: is no key of the configuration; did you mean `idle_timeout`?",
        "4:18: server.header_timeout: is no duration; a duration is a whole number and a unit, such as \"250ms\", \"5s\", \"2m\" or \"24h\"",
        "7:15: passport.environment: is none of the words that may stand here; write one of `sandbox`, `production`, `custom`",
        "8:17: passport.max_in_flight: is out of bounds; write a whole number from 1 to 100000",
        "11:10: local.tenant: there is no tenant `acne`; did you mean `acme`?",
        "14:14: tenants.acme.credential: there is no credential `acm`; did you mean `acme`?",
        "15:35: tenants.acme.scopes[1]: is no scope; a bare `*` would grant everything; name a prefix, such as `paas.core.*`",
        "16:27: tenants.acme.rate_limit.requests: is out of bounds; write a whole number from 1 to 1000000",
        "18:1: credentials.acme.client_secret: is missing; keep it in a file or the environment: { file = \"…\" } or { env = \"…\" }",
        "19:13: credentials.acme.client_id: the secret's environment variable `NOT_SET` is not set; put the secret there, or correct the place",
        "23:11: operations.list_payment.enabled: invalid type: string \"yes\", expected a boolean; correct it, as the catalogue's own operations are written",
        "26:10: control.listen: can be reached from other machines; listen on a Unix socket, or on loopback with a `token`",
    ];
    for fault in expected {
        assert!(found.iter().any(|line| line == fault), "not found: {fault}\nfound: {found:#?}");
    }
    assert!(found.iter().any(|line| line.starts_with("21:") && line.contains("list_payments")), "{found:#?}");
}

#[test]
fn a_report_shows_the_lines_and_counts() {
    let shown = read(WRONG).unwrap_err().to_string();

    assert!(shown.contains(" --> /etc/gateway/gateway.toml:2:11\n"), "{shown}");
    assert!(shown.contains("2 | workers = \"x\"\n"), "{shown}");
    assert!(shown.contains("= help: did you mean `idle_timeout`?"), "{shown}");
    assert!(shown.trim_end().ends_with("faults, 1 warning"), "{shown}");
}

#[test]
fn a_section_of_the_wrong_kind_is_reported_once() {
    for (kind, expected) in [("tenants", "1:11: tenants: is to be a table"), ("operations", "1:14: operations: is to be a table")]
    {
        let found = faults(read(&format!("{kind} = 3\n")));

        assert_eq!(found.iter().filter(|line| line.starts_with(expected)).count(), 1, "{found:#?}");
    }
}

#[test]
fn an_empty_file_says_what_is_needed() {
    let found = faults(read(""));

    assert_eq!(
        found,
        [
            "1:1: credentials: there is no credential; add [credentials.NAME] with `client_id` and `client_secret`",
            "1:1: issuers: nobody may call: there is no issuer, no API key, no client and no local app; add [[issuers]], [[api_keys]], [[clients]], or [local] for a sidecar",
            "1:1: tenants: there is no tenant; add [tenants.NAME] with `scopes`",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gateway.toml");

    let missing = load_with(&path, &environment).unwrap_err().to_string();
    std::fs::write(&path, b"# one\n\xff").unwrap();
    let not_text = load_with(&path, &environment).unwrap_err().to_string();

    assert!(missing.contains("the file cannot be read: there is none of this name"), "{missing}");
    assert!(missing.contains(&format!("{}:1:1", path.display())), "{missing}");
    assert!(missing.contains("--config"), "{missing}");
    assert!(not_text.contains("the file is not UTF-8: line 2 holds other bytes"), "{not_text}");
    assert!(not_text.contains("save it as UTF-8"), "{not_text}");
}

/// Its length is not known beforehand, and it would fill all memory.
#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let endless = load_with(Path::new("/dev/zero"), &environment).unwrap_err().to_string();

    assert!(endless.contains("the file is longer than 4 MiB"), "{endless}");
}

/// A known key that nobody reads would be accepted in silence.
#[test]
fn every_known_key_is_read() {
    for (section, keys) in [
        (
            "server",
            "listen hosts workers max_connections max_header_bytes max_body_bytes header_timeout body_timeout min_body_rate idle_timeout http2",
        ),
        ("admin", "listen"),
        ("lifecycle", "readiness pre_drain drain"),
        (
            "passport",
            "environment base_url upstreams token_url ca_file proxy connect_timeout timeout stream_timeout idle_timeout \
             max_connection_age max_in_flight forward_headers",
        ),
        ("validation", "documented inferred unknown_parameters"),
        ("cache", "max_bytes stale_while_revalidate stale_if_error"),
        ("retry", "attempts budget"),
        ("breaker", "failures minimum window open"),
        ("telemetry", "log access_log format otlp_endpoint trace_ratio"),
        ("local", "tenant scopes"),
        ("tenants.acme", "credential scopes rate_limit class_limits"),
        ("credentials.acme", "client_id client_secret environment token_request account quota revoke_on_shutdown"),
    ] {
        for key in keys.split(' ') {
            let found = faults(read(&format!("[{section}]\n{key} = 1979-05-27\n")));

            assert!(found.iter().any(|line| line.contains(&format!("2:{}: {section}.{key}: is ", key.len() + 4))), "{found:#?}");
        }
    }
}

#[test]
fn numbers_and_sizes_have_bounds() {
    for (more, key) in [
        ("server = { workers = -1 }", "server.workers"),
        ("server = { workers = 99999999999999999999999999999999999999999 }", "server.workers"),
        ("server = { max_connections = 0 }", "server.max_connections"),
        ("server = { max_header_bytes = \"1MiB\" }", "server.max_header_bytes"),
        ("server = { max_body_bytes = \"0B\" }", "server.max_body_bytes"),
        ("server = { idle_timeout = \"0s\" }", "server.idle_timeout"),
        ("lifecycle = { pre_drain = \"8d\" }", "lifecycle.pre_drain"),
        ("retry = { attempts = 3 }", "retry.attempts"),
        ("retry = { budget = \"101%\" }", "retry.budget"),
        ("retry = { budget = \"-1%\" }", "retry.budget"),
        ("retry = { budget = \"NaN%\" }", "retry.budget"),
        ("breaker = { failures = \"0%\" }", "breaker.failures"),
        ("breaker = { failures = \"50\" }", "breaker.failures"),
        ("breaker = { minimum = 0 }", "breaker.minimum"),
        ("telemetry = { log = \"a=b=c\" }", "telemetry.log"),
    ] {
        let found = faults(with(more));

        assert_eq!(found.len(), 1, "{more}: {found:#?}");
        assert!(found[0].contains(&format!(": {key}: ")), "{found:#?}");
    }
}

#[test]
fn addresses_are_checked() {
    for (more, message) in [
        ("server = { listen = [] }", "server.listen: names no address"),
        ("server = { listen = [\"localhost:80\"] }", "server.listen[0]: is no address to listen on"),
        ("server = { listen = [\"127.0.0.1:80\", \"127.0.0.1:80\"] }", "server.listen[1]: is listened on already"),
        ("admin = { listen = \"127.0.0.1:8080\" }", "admin.listen: is an address of `server.listen`, too"),
        ("server = { hosts = [\"http://x\"] }", "server.hosts[0]: is no host name"),
        ("server = { hosts = [\"x:80\"] }", "server.hosts[0]: is no host name"),
    ] {
        let found = faults(with(more));

        assert!(found.len() == 1 && found[0].contains(message), "{more}: {found:#?}");
    }
}

#[test]
fn any_number_of_listeners_may_ask_for_any_port() {
    let config = accepted(&format!(
        "server = {{ listen = [\"127.0.0.1:0\", \"127.0.0.1:0\"] }}\nadmin = {{ listen = \"127.0.0.1:0\" }}{LEAST}"
    ));

    assert_eq!(config.server.listen.len(), 2);
}

#[test]
fn hosts_are_kept_in_lower_case() {
    let config = accepted(&format!("server = {{ hosts = [\"Gateway.Internal\", \"[::1]\"] }}{LEAST}"));

    assert_eq!(config.server.hosts, ["gateway.internal", "[::1]"]);
}

#[test]
fn listening_beyond_this_machine_is_advised_against() {
    let text = LEAST.replace("[local]\ntenant = \"acme\"", "")
        + &format!("[[api_keys]]\nid = \"a\"\nsha256 = \"{}\"\ntenant = \"acme\"\nscopes = [\"paas.core.*\"]\n", "ab".repeat(32));

    let found =
        advice(read(&format!("server = {{ listen = [\"0.0.0.0:8080\"] }}\nadmin = {{ listen = \"0.0.0.0:9901\" }}\n{text}")));

    assert!(found[0].starts_with("1:22: server.listen[0]: takes plain HTTP from other machines"), "{found:#?}");
    assert!(found[1].starts_with("2:20: admin.listen: can be reached from other machines"), "{found:#?}");
    assert_eq!(found.len(), 2, "{found:#?}");
}
