//! `[store]`: this process alone, or a Redis that replicas share.

use std::time::Duration;

use super::credentials::{KEEP, reference};
use super::passport::ca_file;
use crate::config::RedisUrl;
use crate::config::raw::{Table, Value};
use crate::config::settings::{Redis, SecretSource, Sharing, Store};
use crate::secret::Secret;

const KEYS: [&str; 7] = ["kind", "url", "ca_file", "prefix", "mode", "fallback", "timeout"];

/// The longest prefix: keys are sent with every decision.
const LONGEST_PREFIX: usize = 64;

pub(super) fn store(root: &Table<'_>) -> Store {
    let section = root.section("store", &KEYS);
    let shared = section.or("kind", false, |value| value.word(&[("embedded", false), ("redis", true)]));
    if !shared {
        section.advise_of_unused(&KEYS[1..], "kind = \"embedded\" has no use for it", "write kind = \"redis\"");
        return Store::Embedded;
    }
    let url = section.required("url", "say where Redis is, such as url = { file = \"/run/secrets/redis-url\" }", url);
    let redis = Redis {
        ca_file: section.read("ca_file", ca_file),
        prefix: section.or("prefix", "passport-gateway:".to_owned(), prefix),
        timeout: section.or("timeout", Duration::from_millis(20), Value::time),
        mode: section.or("mode", Sharing::Exact, |value| value.word(&[("exact", Sharing::Exact), ("leased", Sharing::Leased)])),
        fallback: section.or("fallback", 0.25, fallback),
        // Whoever has no URL has a fault, so that this is never used.
        url: url.unwrap_or(SecretSource::Env(String::new())),
    };
    Store::Redis(redis)
}

/// A URL, which is a secret if it holds a password.
fn url(value: &Value<'_>) -> Option<SecretSource> {
    let source = if value.is_text() { SecretSource::Literal(Secret::new(value.text()?.to_owned())) } else { reference(value)? };
    let text = match source.load_with(value.context().environment()) {
        Ok(text) => text,
        Err(error) => return value.fault(error.to_string(), "put the URL there, or correct the place"),
    };
    let url = match RedisUrl::parse(text.expose()) {
        Ok(url) => url,
        Err(error) => return value.fault(error.to_string(), "write it such as \"rediss://user:password@redis.internal:6379/0\""),
    };
    if url.password.is_some() && value.is_text() {
        value.advise("holds a password that is written out in the configuration", KEEP);
    }
    if !url.tls && !url.is_loopback() {
        value.advise("is plain redis:// beyond this machine: the password and the limits travel in the clear", "use rediss://");
    }
    Some(source)
}

fn prefix(value: &Value<'_>) -> Option<String> {
    let text = value.text_such_as("a prefix of keys", "\"passport-gateway:\"")?;
    if text.len() > LONGEST_PREFIX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return value.fault("is no prefix of keys", "write at most 64 printable ASCII characters without spaces");
    }
    Some(text.to_owned())
}

fn fallback(value: &Value<'_>) -> Option<f64> {
    match value.share()? {
        share if share > 0.0 => Some(share),
        _ => value.fault("is zero: without Redis nothing would be admitted", "write a percentage above zero, such as \"25%\""),
    }
}
