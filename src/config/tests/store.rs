//! `[store]`: this process alone, or a Redis.

use std::time::Duration;

use super::super::effective;
use super::*;

/// The store of a configuration that has this section.
fn redis(section: &str) -> Redis {
    match accepted(&format!("store = {{ kind = \"redis\", {section} }}\n{LEAST}")).store {
        Store::Redis(redis) => redis,
        Store::Embedded => panic!("it is embedded"),
    }
}

#[test]
fn alone_is_the_default() {
    assert_eq!(accepted(LEAST).store, Store::Embedded);
    assert_eq!(accepted(&format!("store = {{ kind = \"embedded\" }}\n{LEAST}")).store, Store::Embedded);
}

#[test]
fn redis_needs_a_url_and_has_defaults_for_the_rest() {
    let redis = redis("url = \"redis://127.0.0.1\"");

    assert_eq!((&*redis.prefix, redis.mode, redis.timeout), ("passport-gateway:", Sharing::Exact, Duration::from_millis(20)));
    assert!((redis.fallback - 0.25).abs() < f64::EPSILON && redis.ca_file.is_none());
    assert_eq!(
        faults(with("store = { kind = \"redis\" }")),
        ["1:9: store.url: is missing; say where Redis is, such as url = { file = \"/run/secrets/redis-url\" }"]
    );
}

#[test]
fn each_fault_is_found() {
    for (section, message) in [
        ("url = \"http://redis.internal\"", "store.url: is no redis:// or rediss:// URL; write it such as"),
        ("url = \"rediss://redis.internal#insecure\"", "store.url: has a query or a fragment"),
        ("url = { env = \"NOTHING\" }", "store.url: the secret's environment variable `NOTHING` is not set; put the URL there"),
        ("url = \"redis://localhost\", prefix = \"a b\"", "store.prefix: is no prefix of keys"),
        (
            "url = \"redis://localhost\", mode = \"exakt\"",
            "store.mode: is none of the words that may stand here; did you mean `exact`?",
        ),
        ("url = \"redis://localhost\", fallback = \"0%\"", "store.fallback: is zero"),
        ("url = \"redis://localhost\", timeout = \"0s\"", "store.timeout: is zero"),
        ("url = \"redis://localhost\", ca_file = \"nowhere.pem\"", "store.ca_file: the file cannot be read"),
    ] {
        let found = faults(with(&format!("store = {{ kind = \"redis\", {section} }}")));

        assert!(found.len() == 1 && found[0].contains(message), "{section}: {found:#?}");
    }
}

#[test]
fn a_password_in_the_file_and_a_connection_in_the_clear_are_advised_about() {
    let url = |url: &str| advice(with(&format!("store = {{ kind = \"redis\", url = \"{url}\" }}")));

    let written = url("rediss://:hunter2@redis.internal");
    let clear = url("redis://redis.internal");

    assert!(written.len() == 1 && written[0].contains("store.url: holds a password that is written out"), "{written:#?}");
    assert!(clear.len() == 1 && clear[0].contains("store.url: is plain redis:// beyond this machine"), "{clear:#?}");
    assert!(url("redis://127.0.0.1").is_empty() && url("rediss://redis.internal").is_empty());
}

#[test]
fn what_only_redis_needs_is_advised_about_without_it() {
    let found = advice(with("store = { mode = \"leased\" }"));

    assert_eq!(
        found,
        ["1:11: store.mode: has no effect: kind = \"embedded\" has no use for it; write kind = \"redis\", or remove `mode`"]
    );
}

#[test]
fn it_is_shown_without_a_password() {
    let shown = |url: &str| {
        let store = format!("store = {{ kind = \"redis\", url = \"{url}\", mode = \"leased\" }}");
        effective(&accepted(&format!("{store}\n{LEAST}"))).replace("  # restart", "")
    };

    let open = shown("rediss://redis.internal:6380/2");
    let secret = shown("rediss://:hunter2@redis.internal");

    let rest = "prefix = \"passport-gateway:\"\nmode = \"leased\"\nfallback = \"25%\"\ntimeout = \"20ms\"\n";
    assert!(open.contains(&format!("[store]\nkind = \"redis\"\nurl = \"rediss://redis.internal:6380/2\"\n{rest}")), "{open}");
    assert!(secret.contains("url = \"[redacted]\"\n") && !secret.contains("hunter2"), "{secret}");
}

#[test]
fn what_is_off_may_be_written() {
    let found = advice(with("store = { kind = \"embedded\" }\nidempotency = { required_for = \"none\" }"));

    assert_eq!(found, Vec::<String>::new());
}
