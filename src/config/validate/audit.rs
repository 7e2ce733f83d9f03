//! `[audit]`: whoever wants a trail says where it goes.

use super::credentials;
use crate::config::raw::{Table, Value};
use crate::config::settings::{Audit, AuditPlace, SecretSource, WhenFull};

const FULL: [(&str, WhenFull); 2] = [("refuse-money", WhenFull::RefuseMoney), ("continue", WhenFull::Continue)];
/// The least length of the key: 128 bits in hexadecimal.
const LEAST_KEY: usize = 32;

pub(super) fn audit(root: &Table<'_>) -> Option<Audit> {
    root.value("audit")?;
    let section = root.section("audit", &["path", "when_full", "hmac_key"]);
    let remedy = "name a file, such as \"/var/log/passport-gateway/audit.jsonl\", or write \"stdout\"";
    let to = section.required("path", remedy, place);
    let when_full = section.or("when_full", WhenFull::RefuseMoney, |value| value.word(&FULL));
    let hmac_key = section.read("hmac_key", key);
    if section.value("hmac_key").is_none() {
        let message = "is missing: digests of keys and bodies can be compared within one run of one gateway only";
        let remedy = "set it, the same for all replicas, such as to what `openssl rand -hex 32` prints";
        section.record(section.place("hmac_key").warning(message, remedy));
    }
    Some(Audit { to: to?, when_full, hmac_key })
}

fn place(value: &Value<'_>) -> Option<AuditPlace> {
    if value.text()? == "stdout" {
        return Some(AuditPlace::Stdout);
    }
    value.path().map(AuditPlace::File)
}

fn key(value: &Value<'_>) -> Option<SecretSource> {
    let source = credentials::secret(value)?;
    match source.load_with(value.context().environment()) {
        Ok(key) if key.expose().len() < LEAST_KEY => value
            .fault("is too short to be guessed by nobody", "use at least 32 characters, such as those of `openssl rand -hex 32`"),
        _ => Some(source),
    }
}
