//! The configuration in force, written out as TOML: defaults included, secrets redacted.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jsonwebtoken::Algorithm;

use self::text::{date, inline, key, list, percent, quoted};
use super::RedisUrl;
use super::live::needs_restart;
use super::settings::{
    ApiKey, Audit, CertificateName, Client, Config, Credential, Http2, Idempotency, Issuer, KeySource, Limit, LogFormat,
    Passport, Readiness, SecretSource, Server, SharedBy, Sharing, Store, Tenant, TenantFrom, Tls, TokenRequest, Upstream,
    WhenUnavailable,
};
use crate::catalogue::Mode;
use crate::units::{Size, Span};

pub(super) use self::text::value;

mod text;

/// What the process needs to end once everything is drained.
const MARGIN: Duration = Duration::from_secs(5);

/// Writes out every key with its value. But for literal secrets, which are redacted, it loads as the same configuration.
#[must_use]
pub fn effective(config: &Config) -> String {
    let mut toml = Toml::headed(config);
    server(&mut toml, &config.server);
    toml.section("admin").text("listen", &config.admin.listen.to_string());
    if let Some(control) = &config.control {
        let toml = toml.section("control").text("listen", &control.listen.to_string());
        if let Some(token) = &control.token {
            toml.plain("token", secret(token));
        }
    }
    lifecycle(&mut toml, config);
    passport(&mut toml, &config.passport);
    config.issuers.iter().for_each(|one| issuer(&mut toml, one));
    config.api_keys.iter().for_each(|one| api_key(&mut toml, one));
    config.clients.iter().for_each(|one| client(&mut toml, one));
    if let Some(local) = &config.local {
        let toml = toml.section("local").text("tenant", local.tenant.as_str());
        if let Some(scopes) = &local.scopes {
            toml.texts("scopes", scopes);
        }
    }
    config.tenants.iter().for_each(|one| tenant(&mut toml, one));
    config.credentials.iter().for_each(|one| credential(&mut toml, one, &config.passport.environment));
    tuning(&mut toml, config);
    config.audit.iter().for_each(|one| audit(&mut toml, one));
    operations(&mut toml, config);
    marked(&toml.0)
}

/// Marks the keys whose change needs a restart.
fn marked(toml: &str) -> String {
    let (mut section, mut marked) = (String::new(), String::with_capacity(toml.len() * 2));
    for line in toml.lines() {
        marked.push_str(line);
        if let Some(header) = line.strip_prefix('[') {
            section = format!("{}.", header.trim_matches(['[', ']']));
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#'))
            && needs_restart(&format!("{section}{key}"))
        {
            marked.push_str("  # restart");
        }
        marked.push('\n');
    }
    marked
}

/// How long Kubernetes must let the process end: `terminationGracePeriodSeconds`, in whole seconds.
#[must_use]
pub fn grace_period(config: &Config) -> u64 {
    let whole = config.lifecycle.pre_drain + config.lifecycle.drain + MARGIN;
    whole.as_secs() + u64::from(whole.subsec_nanos() > 0)
}

fn server(toml: &mut Toml, server: &Server) {
    toml.section("server").texts("listen", &server.listen).plain("reuse_port", server.reuse_port);
    if !server.hosts.is_empty() {
        toml.texts("hosts", &server.hosts);
    }
    toml.plain("workers", server.workers)
        .plain("max_connections", server.max_connections)
        .text("max_header_bytes", &Size(server.max_header_bytes as u64).to_string())
        .text("max_body_bytes", &Size(server.max_body_bytes as u64).to_string())
        .time("header_timeout", server.header_timeout)
        .time("body_timeout", server.body_timeout)
        .text("min_body_rate", &Size(server.min_body_rate as u64).to_string())
        .time("idle_timeout", server.idle_timeout);
    if let Some(settings) = &server.tls {
        toml.plain("tls", tls(settings));
    }
    http2(toml.section("server.http2"), server.http2.as_ref());
}

fn tls(tls: &Tls) -> String {
    let path = |path: &Path| quoted(&path.to_string_lossy());
    let mut entries = vec![("certificate", path(&tls.certificate)), ("key", path(&tls.key))];
    if let Some(client_ca) = &tls.client_ca {
        entries.push(("client_ca", path(client_ca)));
        entries.push(("require_client_certificate", tls.require_client_certificate.to_string()));
    }
    inline(entries)
}

fn http2(toml: &mut Toml, http2: Option<&Http2>) {
    toml.plain("enabled", http2.is_some());
    if let Some(settings) = http2 {
        toml.plain("max_concurrent_streams", settings.max_concurrent_streams)
            .text("stream_window", &Size(settings.stream_window.into()).to_string())
            .text("connection_window", &Size(settings.connection_window.into()).to_string())
            .plain("max_pending_resets", settings.max_pending_resets)
            .plain("max_resets", settings.max_resets)
            .time("keep_alive", settings.keep_alive);
    }
}

fn lifecycle(toml: &mut Toml, config: &Config) {
    let readiness = match config.lifecycle.readiness {
        Readiness::Attempted => "attempted",
        Readiness::Any => "any",
        Readiness::All => "all",
    };
    toml.section("lifecycle")
        .text("readiness", readiness)
        .time("pre_drain", config.lifecycle.pre_drain)
        .time("drain", config.lifecycle.drain);
}

fn passport(toml: &mut Toml, passport: &Passport) {
    toml.section("passport").text("environment", &passport.environment);
    if let Some(file) = &passport.ca_file {
        toml.text("ca_file", &file.to_string_lossy());
    }
    if let Some(proxy) = &passport.proxy {
        toml.text("proxy", proxy.to_string().trim_end_matches('/'));
    }
    toml.time("connect_timeout", passport.connect_timeout)
        .time("timeout", passport.timeout)
        .time("stream_timeout", passport.stream_timeout)
        .time("idle_timeout", passport.idle_timeout)
        .time("max_connection_age", passport.max_connection_age)
        .plain("max_in_flight", passport.max_in_flight)
        .texts("forward_headers", &passport.forward_headers);
    upstreams(toml, &passport.upstreams);
}

fn upstreams(toml: &mut Toml, upstreams: &[Upstream]) {
    toml.section("passport.upstreams");
    for upstream in upstreams {
        let urls = [("url", &upstream.base), ("token_url", &upstream.token_url)];
        let urls = urls.into_iter().filter_map(|(key, url)| Some((key, quoted(url.as_ref()?.to_string().trim_end_matches('/')))));
        toml.plain(&key(&upstream.name), inline(urls));
    }
}

fn issuer(toml: &mut Toml, issuer: &Issuer) {
    let algorithms: Vec<String> = issuer.algorithms.iter().copied().map(name_of).collect();
    toml.open("[[issuers]]").text("issuer", &issuer.issuer).texts("audience", &issuer.audience).texts("algorithms", &algorithms);
    match &issuer.keys {
        KeySource::JwksUrl(url) => toml.text("jwks_url", &url.to_string()),
        KeySource::JwksFile(path) => toml.text("jwks_file", &path.to_string_lossy()),
        KeySource::PublicKey(path) => toml.text("public_key", &path.to_string_lossy()),
        KeySource::Discovery(_) => toml.plain("discovery", true),
    };
    toml.time("jwks_refresh", issuer.refresh);
    match &issuer.tenant {
        TenantFrom::Claim(claim) => toml.text("tenant_claim", claim),
        TenantFrom::Fixed(tenant) => toml.text("tenant", tenant.as_str()),
    };
}

fn api_key(toml: &mut Toml, key: &ApiKey) {
    let digest = key.sha256.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    toml.open("[[api_keys]]")
        .text("id", &key.id)
        .text("sha256", &digest)
        .text("tenant", key.tenant.as_str())
        .texts("scopes", &key.scopes);
    if let Some(expires) = key.expires.and_then(date) {
        toml.text("expires", &expires);
    }
}

fn client(toml: &mut Toml, client: &Client) {
    toml.open("[[clients]]").text("id", &client.id);
    match &client.name {
        CertificateName::Spiffe(name) => toml.text("spiffe", name),
        CertificateName::Dns(name) => toml.text("san", name),
    };
    toml.text("tenant", client.tenant.as_str());
    if let Some(scopes) = &client.scopes {
        toml.texts("scopes", scopes);
    }
}

fn tenant(toml: &mut Toml, tenant: &Tenant) {
    toml.section(&format!("tenants.{}", tenant.name))
        .text("credential", tenant.credential.as_str())
        .texts("scopes", &tenant.scopes);
    if let Some(until) = tenant.scope_shadow_until.and_then(date) {
        toml.plain("scope_shadow", inline([("until", quoted(&until))]));
    }
    if let Some(rate) = &tenant.rate_limit {
        toml.plain("rate_limit", limit(rate));
    }
    if !tenant.class_limits.is_empty() {
        let classes = tenant.class_limits.iter().map(|class| (class.effect.as_str(), limit(&class.limit)));
        toml.plain("class_limits", inline(classes));
    }
    if let Some(rate) = &tenant.caller_limit {
        toml.plain("caller_limit", limit(rate));
    }
}

fn credential(toml: &mut Toml, credential: &Credential, environment: &str) {
    let token_request = match credential.token_request {
        TokenRequest::Json => "json",
        TokenRequest::Form => "form",
        TokenRequest::Basic => "basic",
    };
    toml.section(&format!("credentials.{}", credential.name))
        .plain("client_id", secret(&credential.client_id))
        .plain("client_secret", secret(&credential.client_secret))
        .text("environment", environment)
        .text("token_request", token_request)
        .text("account", &credential.account)
        .plain("revoke_on_shutdown", credential.revoke_on_shutdown);
    if let Some(quota) = &credential.quota {
        toml.plain("quota", limit(quota));
    }
}

fn tuning(toml: &mut Toml, config: &Config) {
    toml.section("validation")
        .text("documented", mode(config.validation.documented))
        .text("inferred", mode(config.validation.inferred))
        .text("unknown_parameters", mode(config.validation.unknown));
    toml.section("cache")
        .text("max_bytes", &Size(config.cache.max_bytes).to_string())
        .time("stale_while_revalidate", config.cache.stale_while_revalidate)
        .time("stale_if_error", config.cache.stale_if_error);
    toml.section("retry").plain("attempts", config.retry.attempts).text("budget", &percent(config.retry.budget));
    toml.section("breaker")
        .text("failures", &percent(config.breaker.failures))
        .plain("minimum", config.breaker.minimum)
        .time("window", config.breaker.window)
        .time("open", config.breaker.open);
    idempotency(toml, &config.idempotency, &config.store);
    store(toml, &config.store);
    let format = match config.telemetry.format {
        LogFormat::Json => "json",
        LogFormat::Text => "text",
    };
    toml.section("telemetry")
        .text("log", &config.telemetry.log)
        .plain("access_log", access_log(config.telemetry.access_log))
        .text("format", format);
    if let Some(otlp) = &config.telemetry.otlp {
        toml.text("otlp_endpoint", otlp.endpoint.to_string().trim_end_matches('/')).text("trace_ratio", &percent(otlp.ratio));
    }
}

fn audit(toml: &mut Toml, audit: &Audit) {
    toml.section("audit").text("path", &audit.to.to_string()).text("when_full", audit.when_full.as_str());
    if let Some(key) = &audit.hmac_key {
        toml.plain("hmac_key", secret(key));
    }
}

fn store(toml: &mut Toml, store: &Store) {
    toml.section("store");
    let Store::Redis(redis) = store else {
        toml.text("kind", "embedded");
        return;
    };
    let mode = match redis.mode {
        Sharing::Exact => "exact",
        Sharing::Leased => "leased",
    };
    toml.text("kind", "redis").plain("url", redis_url(&redis.url));
    if let Some(file) = &redis.ca_file {
        toml.text("ca_file", &file.to_string_lossy());
    }
    toml.text("prefix", &redis.prefix)
        .text("mode", mode)
        .text("fallback", &percent(redis.fallback))
        .time("timeout", redis.timeout);
}

/// A URL that stands in the file is no secret, unless it holds a password.
fn redis_url(source: &SecretSource) -> String {
    match source {
        SecretSource::Literal(url) if RedisUrl::parse(url.expose()).is_ok_and(|url| url.password.is_none()) => {
            quoted(url.expose())
        }
        source => secret(source),
    }
}

fn idempotency(toml: &mut Toml, idempotency: &Idempotency, store: &Store) {
    let in_redis = matches!(store, Store::Redis(_));
    toml.section("idempotency");
    match &idempotency.path {
        _ if in_redis => toml.comment(
            "At most one forward per key holds within the Redis of [store], for all replicas with its prefix, as long as it keeps its data.",
        ),
        Some(path) => toml
            .comment(
                "At most one forward per key holds within this file: replicas with files of their own do not know of each other.",
            )
            .text("path", &path.to_string_lossy()),
        None => toml.comment("No records are kept: a request that bears an Idempotency-Key is refused."),
    };
    toml.text("required_for", idempotency.required_for.as_str())
        .time("retention", idempotency.retention)
        .time("unknown_retention", idempotency.unknown_retention);
    if let Some(key) = &idempotency.encryption_key {
        toml.plain("encryption_key", secret(key));
    }
    if in_redis {
        toml.time("lease", idempotency.lease);
    } else {
        toml.time("lock_wait", idempotency.lock_wait).text("max_bytes", &Size(idempotency.max_bytes).to_string());
    }
    toml.time("wait", idempotency.wait)
        .plain("max_records", idempotency.max_records)
        .text("shared_by", if idempotency.shared_by == SharedBy::Tenant { "tenant" } else { "caller" });
    if let Some(name) = &idempotency.forward_header {
        toml.text("forward_header", name.as_str());
    }
    toml.text("when_unavailable", if idempotency.when_unavailable == WhenUnavailable::Refuse { "refuse" } else { "forward" });
}

fn operations(toml: &mut Toml, config: &Config) {
    for operation in &config.overrides.operations {
        toml.section(&format!("operations.{}", key(&operation.operation)));
        for (name, value) in &operation.settings {
            toml.plain(name, value);
        }
    }
}

/// As it is written: all, none, or a share.
fn access_log(share: f64) -> String {
    match share {
        all if all >= 1.0 => "true".to_owned(),
        none if none <= 0.0 => "false".to_owned(),
        share => quoted(&percent(share)),
    }
}

fn limit(limit: &Limit) -> String {
    let mode = if limit.shadow { "shadow" } else { "enforce" };
    inline([
        ("requests", limit.rate.requests.to_string()),
        ("per", quoted(&Span(limit.rate.per).to_string())),
        ("burst", limit.rate.burst.to_string()),
        ("mode", quoted(mode)),
        ("jitter", quoted(&Span(limit.jitter).to_string())),
    ])
}

fn secret(source: &SecretSource) -> String {
    match source {
        SecretSource::File(path) => inline([("file", quoted(&path.to_string_lossy()))]),
        SecretSource::Env(name) => inline([("env", quoted(name))]),
        SecretSource::Literal(_) => quoted("[redacted]"),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Report => "report",
        Mode::Off => "off",
    }
}

/// An algorithm's name (RFC 7518 §3.1), which is how the variants are called.
fn name_of(algorithm: Algorithm) -> String {
    format!("{algorithm:?}")
}

/// A TOML file being written.
struct Toml(String);

impl Toml {
    fn headed(config: &Config) -> Self {
        let mut toml = Self(String::new());
        toml.comment(
            "The configuration in force, defaults included. Secrets are redacted. A change of a key marked `restart` needs one.",
        );
        toml.comment(&format!(
            "Kubernetes: terminationGracePeriodSeconds of at least {} (pre_drain, drain and {} to end).",
            grace_period(config),
            Span(MARGIN),
        ));
        if let Some(file) = &config.overrides.catalogue {
            toml.text("catalogue", &file.to_string_lossy());
        }
        toml
    }

    fn comment(&mut self, text: &str) -> &mut Self {
        self.line(&format!("# {text}"))
    }

    fn section(&mut self, name: &str) -> &mut Self {
        self.open(&format!("[{name}]"))
    }

    fn open(&mut self, header: &str) -> &mut Self {
        self.line("");
        self.line(header)
    }

    fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.plain(key, quoted(value))
    }

    fn texts(&mut self, key: &str, values: &[impl ToString]) -> &mut Self {
        self.plain(key, list(values.iter().map(|value| quoted(&value.to_string()))))
    }

    fn time(&mut self, key: &str, value: Duration) -> &mut Self {
        self.text(key, &Span(value).to_string())
    }

    fn plain(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        self.line(&format!("{key} = {value}"))
    }

    fn line(&mut self, line: &str) -> &mut Self {
        self.0.push_str(line);
        self.0.push('\n');
        self
    }
}
