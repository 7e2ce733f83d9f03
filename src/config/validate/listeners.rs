//! Where the gateway listens, what a connection may take, and how start and stop go.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::tls::tls;
use crate::config::raw::{Table, Value};
use crate::config::settings::{Admin, Http2, Lifecycle, Listen, Readiness, Server};

const KEYS: [&str; 13] = [
    "listen",
    "reuse_port",
    "hosts",
    "workers",
    "max_connections",
    "max_header_bytes",
    "max_body_bytes",
    "header_timeout",
    "body_timeout",
    "min_body_rate",
    "idle_timeout",
    "http2",
    "tls",
];

pub(super) fn server(root: &Table<'_>) -> Server {
    let section = root.section("server", &KEYS);
    let clear = section.value("tls").is_none();
    Server {
        listen: section.or("listen", vec![loopback(8080)], |value| addresses(value, clear)),
        reuse_port: section.or("reuse_port", false, Value::flag),
        hosts: section.or("hosts", Vec::new(), |value| value.list(host)),
        workers: section.or("workers", 0, |value| value.amount(0..=1024)),
        max_connections: section.or("max_connections", 10_000, |value| value.amount(1..=1_000_000)),
        max_header_bytes: section.or("max_header_bytes", 32 << 10, |value| value.room(1 << 10..=256 << 10)),
        max_body_bytes: section.or("max_body_bytes", 256 << 10, |value| value.room(1..=64 << 20)),
        header_timeout: section.or("header_timeout", Duration::from_secs(10), Value::time),
        body_timeout: section.or("body_timeout", Duration::from_secs(15), Value::time),
        min_body_rate: section.or("min_body_rate", 1 << 10, |value| value.room(0..=1 << 30)),
        idle_timeout: section.or("idle_timeout", Duration::from_mins(2), Value::time),
        tls: section.read("tls", tls),
        http2: http2(&section),
    }
}

/// Windows are at least what HTTP/2 begins with (RFC 9113 §6.9.2), so that no request has to wait for a larger one.
fn http2(server: &Table<'_>) -> Option<Http2> {
    const LEAST: usize = 64 << 10;
    let section = server.section(
        "http2",
        &[
            "enabled",
            "max_concurrent_streams",
            "stream_window",
            "connection_window",
            "max_pending_resets",
            "max_resets",
            "keep_alive",
        ],
    );
    let safe = Http2::SAFE;
    let window = |value: &Value<'_>| value.room(LEAST..=64 << 20).and_then(|bytes| u32::try_from(bytes).ok());
    let settings = Http2 {
        max_concurrent_streams: section.or("max_concurrent_streams", safe.max_concurrent_streams, |value| value.count(1..=1000)),
        stream_window: section.or("stream_window", safe.stream_window, window),
        connection_window: section.or("connection_window", safe.connection_window, window),
        max_pending_resets: section.or("max_pending_resets", safe.max_pending_resets, |value| value.amount(1..=1000)),
        max_resets: section.or("max_resets", safe.max_resets, |value| value.amount(1..=10_000)),
        keep_alive: section.or("keep_alive", safe.keep_alive, Value::time),
    };
    section.or("enabled", true, Value::flag).then_some(settings)
}

pub(super) fn admin(root: &Table<'_>, server: &Server) -> Admin {
    let section = root.section("admin", &["listen"]);
    let listen = section.or("listen", loopback(9901), |value| {
        let listen = address(value)?;
        if is_taken(&listen, &server.listen) {
            return value.fault("is an address of `server.listen`, too", "give each a port of its own");
        }
        if !listen.is_local() {
            let remedy = "listen on loopback, or let only the monitoring reach it";
            value.advise("can be reached from other machines: metrics and status name tenants", remedy);
        }
        Some(listen)
    });
    Admin { listen }
}

pub(super) fn lifecycle(root: &Table<'_>) -> Lifecycle {
    let section = root.section("lifecycle", &["readiness", "pre_drain", "drain"]);
    Lifecycle {
        readiness: section.or("readiness", Readiness::Attempted, |value| {
            value.word(&[("attempted", Readiness::Attempted), ("any", Readiness::Any), ("all", Readiness::All)])
        }),
        pre_drain: section.or("pre_drain", Duration::from_secs(5), Value::duration),
        drain: section.or("drain", Duration::from_secs(20), Value::time),
    }
}

/// Every address; `clear` says that what goes over TCP is not encrypted.
fn addresses(value: &Value<'_>, clear: bool) -> Option<Vec<Listen>> {
    let mut addresses: Vec<Listen> = Vec::new();
    let items = value.list(|item| {
        let listen = address(item)?;
        if is_taken(&listen, &addresses) {
            return item.fault("is listened on already", "remove it");
        }
        if clear && !listen.is_local() {
            let remedy = "set `server.tls`, listen on loopback or a Unix socket, or put TLS in front";
            item.advise("takes plain HTTP from other machines: callers' credentials travel in the clear", remedy);
        }
        addresses.push(listen);
        Some(())
    })?;
    if items.is_empty() && value.is_empty_list() {
        return value.fault("names no address", "name at least one, such as \"127.0.0.1:8080\"");
    }
    Some(addresses)
}

pub(super) fn address(value: &Value<'_>) -> Option<Listen> {
    const EXAMPLE: &str = "\"127.0.0.1:8080\" or \"unix:/run/passport-gateway.sock\"";
    let text = value.text_such_as("an address", EXAMPLE)?;
    value.parsed_as("is no address to listen on", text.parse::<Listen>().map_err(|error| format!("{error}, such as {EXAMPLE}")))
}

/// A name that `Host` may have: lower case, without port (RFC 9110 §7.2).
fn host(value: &Value<'_>) -> Option<String> {
    let text = value.text_such_as("a host name", "\"passport-gateway.internal\"")?.to_ascii_lowercase();
    let authority = text.parse::<http::uri::Authority>().ok();
    match authority.filter(|authority| authority.host() == text) {
        Some(_) => Some(text),
        None => value.fault("is no host name", "write a name or an IP address, without scheme, port and path"),
    }
}

pub(super) fn is_taken(listen: &Listen, by: &[Listen]) -> bool {
    let any_port = matches!(listen, Listen::Tcp(address) if address.port() == 0);
    !any_port && by.contains(listen)
}

fn loopback(port: u16) -> Listen {
    Listen::Tcp((Ipv4Addr::LOCALHOST, port).into())
}
