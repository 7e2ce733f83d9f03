//! What of a configuration counts without a restart, and what of another one is held back until then.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::effective;
use super::settings::{Config, Control, KeySource, SecretSource, Server, Telemetry, Upstream, sharing_a_credential};
use crate::catalogue::Effect;
use crate::units::Span;

/// The keys, or beginnings of keys, that a reload applies; any other needs a restart.
const LIVE: [&str; 15] = [
    "catalogue",
    "operations",
    "issuers",
    "api_keys",
    "clients",
    "local",
    "tenants",
    "credentials",
    "validation",
    "retry",
    "control.token",
    "passport.timeout",
    "server.body_timeout",
    "server.max_body_bytes",
    "telemetry.log",
];

/// Another configuration, as far as it can be applied now.
#[derive(Debug)]
pub struct Applicable {
    /// What is in force from then on: what needs a restart is as it was.
    pub config: Config,
    /// The keys that were changed and need a restart.
    pub held_back: Vec<String>,
}

/// Whether a change of this key needs a restart.
pub(super) fn needs_restart(key: &str) -> bool {
    !LIVE.iter().any(|live| key.strip_prefix(live).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

impl Config {
    /// What becomes of this configuration, which is in force, by `next`.
    ///
    /// # Errors
    ///
    /// What cannot be held back alone: it would be mixed with what is applied, such as one environment's credentials with another's
    /// hosts. Then nothing is to be applied.
    pub fn applicable(&self, next: Self) -> Result<Applicable, Vec<String>> {
        let held_back = self.held_back(&next);
        let config = self.with_live_of(next);
        let faults = self.mixed(&config, &held_back);
        if faults.is_empty() { Ok(Applicable { config, held_back }) } else { Err(faults) }
    }

    /// Every file that this configuration refers to, and that a reload reads.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let secrets = self.credentials.iter().flat_map(|credential| [&credential.client_id, &credential.client_secret]);
        let secrets = secrets.chain(self.control.iter().filter_map(|control| control.token.as_ref()));
        let secrets = secrets.filter_map(|source| match source {
            SecretSource::File(path) => Some(path),
            SecretSource::Env(_) | SecretSource::Literal(_) => None,
        });
        let keys = self.issuers.iter().filter_map(|issuer| match &issuer.keys {
            KeySource::JwksFile(path) | KeySource::PublicKey(path) => Some(path),
            KeySource::JwksUrl(_) | KeySource::Discovery(_) => None,
        });
        self.overrides.catalogue.iter().chain(secrets).chain(keys).cloned().collect()
    }

    fn held_back(&self, next: &Self) -> Vec<String> {
        let (before, after) = (flattened(self), flattened(next));
        let differs = |key: &&String| before.get(*key) != after.get(*key) && needs_restart(key);
        let mut keys: Vec<String> = before.keys().chain(after.keys()).filter(differs).cloned().collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// `next` with everything that needs a restart as it is here. Each field is named, so that a new one is thought about.
    fn with_live_of(&self, next: Self) -> Self {
        let running = self.clone();
        let token = next.control.and_then(|control| control.token);
        Self {
            catalogue: next.catalogue,
            overrides: next.overrides,
            server: Server {
                body_timeout: next.server.body_timeout,
                max_body_bytes: next.server.max_body_bytes,
                ..running.server
            },
            admin: running.admin,
            // A port is never left without a token: there is one in every valid configuration that opens it.
            control: running.control.map(|control| Control { token: token.or(control.token), ..control }),
            lifecycle: running.lifecycle,
            passport: super::Passport { timeout: next.passport.timeout, ..running.passport },
            issuers: next.issuers,
            api_keys: next.api_keys,
            clients: next.clients,
            local: next.local,
            tenants: next.tenants,
            credentials: next.credentials,
            validation: next.validation,
            cache: running.cache,
            retry: next.retry,
            breaker: running.breaker,
            idempotency: running.idempotency,
            store: running.store,
            audit: running.audit,
            telemetry: Telemetry { log: next.telemetry.log, ..running.telemetry },
        }
    }

    /// What must not be mixed: `applied` has this configuration's hosts, environment and drain, and the other's rest.
    fn mixed(&self, applied: &Self, held_back: &[String]) -> Vec<String> {
        let mut faults = Vec::new();
        let hosts = held_back.iter().filter(|key| *key == "passport.environment" || key.starts_with("passport.upstreams"));
        faults.extend(hosts.map(|key| {
            format!(
                "{key}: changes where credentials are sent, which a reload does not mix with other changes; restart the gateway"
            )
        }));
        let names = |catalogue: &crate::catalogue::Catalogue| -> Vec<_> {
            catalogue.upstreams().iter().map(|upstream| upstream.name.clone()).collect()
        };
        if faults.is_empty() && names(&self.catalogue) != names(&applied.catalogue) {
            faults.push("catalogue: has other upstreams, which a reload does not connect to; restart the gateway".to_owned());
        }
        let drain = self.lifecycle.drain;
        for (_, operation) in applied.catalogue.operations() {
            let timeout = operation.timeout.unwrap_or(applied.passport.timeout);
            if operation.enabled && operation.effect == Effect::Money && timeout >= drain {
                let (name, timeout, drain) = (&operation.name, Span(timeout), Span(drain));
                faults.push(format!(
                    "operations.{name}.timeout: is {timeout}, and `lifecycle.drain` is {drain} until a restart; restart the gateway"
                ));
            }
        }
        if let Some((tenant, header)) = sharing_a_credential(&applied.tenants).zip(applied.idempotency.forward_header.as_ref()) {
            faults.push(format!(
                "tenants.{}: shares the credential `{}`, and `idempotency.forward_header` is `{header}` until a restart: keys of two \
                 tenants would meet at Passport; restart the gateway",
                tenant.name, tenant.credential
            ));
        }
        if applied.needs_tls() && !self.needs_tls() && self.passport.ca_file.is_none() {
            faults.push("issuers: need trusted roots, which were not loaded at the start; restart the gateway".to_owned());
        }
        faults
    }

    /// Whether any host is spoken to over TLS.
    #[must_use]
    pub fn needs_tls(&self) -> bool {
        let urls = |upstream: &'_ Upstream| [upstream.base.clone(), upstream.token_url.clone()];
        let upstreams = self.passport.upstreams.iter().flat_map(urls).flatten();
        let issuers = self.issuers.iter().filter_map(|issuer| match &issuer.keys {
            KeySource::JwksUrl(url) | KeySource::Discovery(url) => Some(url.clone()),
            KeySource::JwksFile(_) | KeySource::PublicKey(_) => None,
        });
        upstreams.chain(issuers).any(|url| url.scheme_str() == Some("https"))
    }
}

/// Every key with its value, as the effective configuration has them.
fn flattened(config: &Config) -> BTreeMap<String, toml::Value> {
    let table: toml::Table = effective(config).parse().expect("the effective configuration is TOML, as its own tests see to");
    let mut flat = BTreeMap::new();
    for (section, value) in table {
        match value {
            toml::Value::Table(entries) => {
                flat.extend(entries.into_iter().map(|(key, value)| (format!("{section}.{key}"), value)));
            }
            value => {
                flat.insert(section, value);
            }
        }
    }
    flat
}
