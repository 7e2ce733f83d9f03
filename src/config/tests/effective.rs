//! The configuration in force, written out.

use super::super::effective;
use super::*;

const EVERYTHING: &str = r#"
[server]
listen = ["127.0.0.1:0", "unix:/run/gateway.sock"]
hosts = ["a.internal"]
workers = 2
max_body_bytes = "1MiB"
[control]
listen = "127.0.0.1:9902"
token = { env = "SECRET" }
[lifecycle]
readiness = "all"
pre_drain = "1500ms"
[passport]
environment = "custom"
base_url = "https://passport.example/prefix"
upstreams = { legacy = { url = "https://legacy.example", token_url = "https://legacy.example/t" } }
proxy = "http://127.0.0.1:3128"
forward_headers = ["x-one"]
[[issuers]]
issuer = "https://id.example"
jwks_url = "https://id.example/jwks"
algorithms = ["PS256", "EdDSA"]
[[issuers]]
issuer = "https://other.example"
discovery = true
tenant = "acme"
[[api_keys]]
id = "job \"one\""
sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
tenant = "acme"
scopes = ["paas.core.accounts.*"]
expires = "2027-01-31T12:00:00Z"
[local]
tenant = "acme"
scopes = ["paas.core.accounts.*"]
[tenants.acme]
scopes = ["paas.core.*"]
rate_limit = { requests = 100, per = "1s", mode = "shadow" }
scope_shadow = { until = 2026-12-31 }
class_limits = { money = { requests = 5, per = "1m", burst = 7 } }
[credentials.acme]
client_id = { env = "ID" }
client_secret = "hunter2"
token_request = "form"
revoke_on_shutdown = true
account = "main"
quota = { requests = 50, per = "1s" }
[idempotency]
path = "records.redb"
forward_header = "idempotency-key"
[validation]
documented = "off"
[cache]
stale_if_error = "5m"
[retry]
attempts = 1
budget = "7%"
[breaker]
failures = "12.5%"
[operations.list_payments]
cache_ttl = "2s"
aliases = ["/v1/all-payments"]
query_parameters = { inferred = { "a.b" = { kind = "integer", min = 1 } } }
[telemetry]
log = "info,hyper=warn"
format = "text"
otlp_endpoint = "http://127.0.0.1:4318/base/"
trace_ratio = "5%"
"#;

#[test]
fn spans_go_below_the_collectors_base() {
    let otlp = accepted(EVERYTHING).telemetry.otlp.unwrap();

    assert_eq!((otlp.traces().to_string().as_str(), otlp.ratio), ("http://127.0.0.1:4318/base/v1/traces", 0.05));
    assert!(accepted(LEAST).telemetry.otlp.is_none());
    let idle = advice(with("telemetry = { trace_ratio = \"5%\" }"));
    assert!(idle.len() == 1 && idle[0].contains("telemetry.trace_ratio: has no effect: traces go nowhere"), "{idle:#?}");
}

#[test]
fn it_loads_as_the_same_configuration() {
    let config = accepted(EVERYTHING);
    let written = effective(&config);

    let again = accepted(&written);

    assert_eq!(written, effective(&again));
    let redacted = |config: &Config| format!("{config:?}").replace("hunter2", "");
    assert_eq!(redacted(&config), redacted(&again));
}

#[test]
fn the_defaults_load_as_the_same_configuration() {
    let config = accepted(LEAST);
    let again = accepted(&effective(&config));

    assert_eq!(format!("{config:?}"), format!("{again:?}"));
}

#[test]
fn no_secret_is_written_out() {
    let written = effective(&accepted(EVERYTHING));

    assert!(!written.contains("hunter2"));
    assert!(written.contains("client_secret = \"[redacted]\"\n"));
    assert!(written.contains("client_id = { env = \"ID\" }\n"));
}

#[test]
fn it_says_how_long_kubernetes_must_wait() {
    let written = effective(&accepted(EVERYTHING));

    assert!(written.starts_with("# The configuration in force, defaults included."), "{written}");
    assert!(written.contains("A change of a key marked `restart` needs one."), "{written}");
    assert!(written.contains("# Kubernetes: terminationGracePeriodSeconds of at least 27 "), "{written}");
    assert_eq!(super::super::grace_period(&accepted(LEAST)), 30);
}

#[test]
fn the_share_of_requests_that_are_logged_is_written_as_it_was() {
    for share in ["true", "false", "\"10%\""] {
        let config = accepted(&format!("telemetry.access_log = {share}\n{LEAST}"));

        assert!(effective(&config).contains(&format!("access_log = {share}  # restart\n")), "{share}");
    }
}

/// The page that promises the defaults, key by key.
#[test]
fn defaults_are_those_promised() {
    let written = effective(&accepted(LEAST)).replace("  # restart", "");

    for expected in [
        "[server]\nlisten = [\"127.0.0.1:8080\"]\nreuse_port = false\nworkers = 0\nmax_connections = 10000\nmax_header_bytes = \"32KiB\"\n\
         max_body_bytes = \"256KiB\"\nheader_timeout = \"10s\"\nbody_timeout = \"15s\"\nmin_body_rate = \"1KiB\"\nidle_timeout = \"2m\"\n",
        "[admin]\nlisten = \"127.0.0.1:9901\"\n",
        "[lifecycle]\nreadiness = \"attempted\"\npre_drain = \"5s\"\ndrain = \"20s\"\n",
        "[passport]\nenvironment = \"sandbox\"\n",
        "connect_timeout = \"3s\"\ntimeout = \"15s\"\nstream_timeout = \"1m\"\nidle_timeout = \"30s\"\nmax_connection_age = \"5m\"\n\
         max_in_flight = 512\nforward_headers = []\n",
        "[validation]\ndocumented = \"enforce\"\ninferred = \"report\"\nunknown_parameters = \"report\"\n",
        "[cache]\nmax_bytes = \"64MiB\"\nstale_while_revalidate = \"0s\"\nstale_if_error = \"0s\"\n",
        "[retry]\nattempts = 2\nbudget = \"10%\"\n",
        "[breaker]\nfailures = \"50%\"\nminimum = 20\nwindow = \"10s\"\nopen = \"5s\"\n",
        "[telemetry]\nlog = \"info\"\naccess_log = true\nformat = \"json\"\n",
    ] {
        assert!(written.contains(expected), "{expected}\nis not in\n{written}");
    }
}
