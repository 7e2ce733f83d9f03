//! Passport credentials, kept where secrets belong and never used for another environment than their own.

use std::sync::Arc;

use super::limits;
use super::names::{self, Names};
use super::passport::ENVIRONMENTS;
use crate::config::raw::{Table, Value};
use crate::config::settings::{Credential, SecretSource, TokenRequest};
use crate::secret::Secret;
use crate::tenant::CredentialName;

const KEYS: [&str; 7] = ["client_id", "client_secret", "environment", "token_request", "account", "quota", "revoke_on_shutdown"];
pub(super) const KEEP: &str = "keep it in a file or the environment: { file = \"…\" } or { env = \"…\" }";

pub(super) fn credentials(root: &Table<'_>, names: &Names<'_>, environment: &str) -> Vec<Credential> {
    let section = root.names("credentials");
    if names.credentials.is_empty() {
        let remedy = "add [credentials.NAME] with `client_id` and `client_secret`";
        root.record(section.own_place().error("there is no credential", remedy));
    }
    let credential = |(name, value): (&str, Value<'_>)| {
        names::check(name, &value);
        if !names.used.contains(name) {
            value.advise("is used by no tenant", "remove it, or name it in a tenant's `credential`");
        }
        credential(name, &Table::open(&value, &KEYS)?, environment)
    };
    section.named().filter_map(credential).collect()
}

fn credential(name: &str, table: &Table<'_>, environment: &str) -> Option<Credential> {
    let client_id = table.required("client_id", KEEP, secret);
    let client_secret = table.required("client_secret", KEEP, secret);
    let token_request = table.or("token_request", TokenRequest::Json, |value| {
        value.word(&[("json", TokenRequest::Json), ("form", TokenRequest::Form), ("basic", TokenRequest::Basic)])
    });
    let account = table.or("account", name, Value::text);
    let quota = table.read("quota", limits::limit);
    let revoke_on_shutdown = table.or("revoke_on_shutdown", false, Value::flag);
    interlock(table, environment);
    Some(Credential {
        name: CredentialName::new(name),
        client_id: client_id?,
        client_secret: client_secret?,
        token_request,
        account: Arc::from(account),
        quota,
        revoke_on_shutdown,
    })
}

/// A credential is for one environment: production must be said, the others are taken as meant.
fn interlock(table: &Table<'_>, environment: &str) {
    let marked = table.value("environment").is_some();
    let meant = table.read("environment", |value| value.word(&ENVIRONMENTS.map(|name| (name, name))));
    let message = match meant {
        None if !marked && environment == "production" => "is missing: a credential for production says so".to_owned(),
        Some(meant) if meant != environment => format!("is {meant}, but `passport.environment` is {environment}"),
        _ => return,
    };
    let remedy = format!("write \"{environment}\" if the credential is for it, or use another");
    table.record(table.place("environment").error(message, remedy));
}

/// A secret's source; what is kept there must be readable now.
pub(super) fn secret(value: &Value<'_>) -> Option<SecretSource> {
    let source = if value.is_text() { literal(value)? } else { reference(value)? };
    match source.load_with(value.context().environment()) {
        Ok(_) => Some(source),
        Err(error) => value.fault(error.to_string(), "put the secret there, or correct the place"),
    }
}

fn literal(value: &Value<'_>) -> Option<SecretSource> {
    let text = value.text()?;
    value.advise("is written out in the configuration", KEEP);
    Some(SecretSource::Literal(Secret::new(text.to_owned())))
}

pub(super) fn reference(value: &Value<'_>) -> Option<SecretSource> {
    if !value.is_table() {
        return value.fault("is no secret", KEEP);
    }
    let table = Table::open(value, &["file", "env"])?;
    let named = [table.value("file"), table.value("env")];
    let file = table.read("file", Value::path).map(SecretSource::File);
    let env = table.read("env", Value::text).map(|name| SecretSource::Env(name.to_owned()));
    match named {
        [Some(_), Some(_)] => value.fault("names two places", "name either `file` or `env`"),
        [None, None] => value.fault("names no place", KEEP),
        _ => file.or(env),
    }
}
