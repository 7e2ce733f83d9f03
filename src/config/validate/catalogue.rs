//! The catalogue of operations, from its file or the embedded one, with the configuration's overrides laid over it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::catalogue::raw::Named;
use crate::catalogue::{self, Catalogue, Effect, RawCatalogue, RawOperation};
use crate::config::effective;
use crate::config::raw::{Table, Value};
use crate::config::settings::{Lifecycle, Override, Overrides, Passport};

/// What an operation may say.
pub(in crate::config) const KEYS: [&str; 18] = [
    "method",
    "path",
    "aliases",
    "upstream",
    "upstream_path",
    "scope",
    "scope_inferred",
    "effect",
    "resource",
    "cache_ttl",
    "cache_not_found",
    "invalidates",
    "query",
    "query_parameters",
    "path_parameters",
    "body",
    "timeout",
    "enabled",
];

/// The catalogue's text, for faults that stand in it.
#[derive(Default)]
pub(in crate::config) struct CatalogueFile {
    pub(in crate::config) path: PathBuf,
    pub(in crate::config) text: String,
}

/// The catalogue, and what the configuration says about it.
pub(super) struct Operations {
    /// With the overrides; without them if they are faulty.
    pub(super) catalogue: Catalogue,
    pub(super) overrides: Overrides,
    pub(super) file: CatalogueFile,
}

pub(super) fn operations(root: &Table<'_>) -> Operations {
    let (file, replaced) = file(root);
    let (overrides, shown) = overrides(root);
    let catalogue = build(root, &file, &overrides).unwrap_or_else(embedded);
    Operations { catalogue, overrides: Overrides { catalogue: replaced, operations: shown }, file }
}

/// What moves money must be able to end before the gateway does.
pub(super) fn check_drain(root: &Table<'_>, catalogue: &Catalogue, passport: &Passport, lifecycle: &Lifecycle) {
    let written = root.names("operations");
    for (_, operation) in catalogue.operations().filter(|(_, operation)| operation.effect == Effect::Money && operation.enabled) {
        let timeout = operation.timeout.unwrap_or(passport.timeout);
        if timeout < lifecycle.drain {
            continue;
        }
        let own = written.read(&operation.name, Table::of_names);
        let place = match own.filter(|own| own.value("timeout").is_some()) {
            Some(own) => own.place("timeout"),
            None if root.names("lifecycle").value("drain").is_some() => root.names("lifecycle").place("drain"),
            None => root.names("passport").place("timeout"),
        };
        root.record(
            place.error(over_drain(&operation.name, timeout, lifecycle.drain), "raise `lifecycle.drain`, or lower the timeout"),
        );
    }
}

fn over_drain(operation: &str, timeout: Duration, drain: Duration) -> String {
    let (timeout, drain) = (crate::units::Span(timeout), crate::units::Span(drain));
    format!("`{operation}` moves money and may take {timeout}, but is cut off after `lifecycle.drain` = {drain}")
}

/// The catalogue's text, and whose file it is if not the embedded one.
fn file(root: &Table<'_>) -> (CatalogueFile, Option<PathBuf>) {
    if let Some((path, text)) = root.read("catalogue", Value::file) {
        return (CatalogueFile { path: path.clone(), text }, Some(path));
    }
    let text = Catalogue::embedded_text().to_owned();
    (CatalogueFile { path: "config/passport.toml (embedded)".into(), text }, None)
}

/// Builds with the overrides; where they are faulty without them, so that the rest can be checked.
fn build(root: &Table<'_>, file: &CatalogueFile, overrides: &Named<RawOperation>) -> Option<Catalogue> {
    let base = RawCatalogue::parse(&file.text).map_err(|fault| root.record(fault)).ok()?;
    let faults = match catalogue::build(&base, overrides) {
        Ok(catalogue) => return Some(catalogue),
        Err(faults) => faults,
    };
    for fault in faults {
        root.record(fault);
    }
    catalogue::build(&base, &Named::new()).ok()
}

fn embedded() -> Catalogue {
    Catalogue::embedded(&Named::new()).expect("the embedded catalogue is built by a test")
}

fn overrides(root: &Table<'_>) -> (Named<RawOperation>, Vec<Override>) {
    let mut overrides = Named::new();
    let mut shown = Vec::new();
    for (name, value) in root.names("operations").named() {
        let Some(table) = Table::open(&value, &KEYS) else { continue };
        let raw = read(&value, &table);
        overrides.insert(name.to_owned(), Spanned::new(value.place().span.clone(), raw));
        let settings = table.named().map(|(key, value)| (key.to_owned(), effective::value(value.node()))).collect();
        shown.push(Override { operation: name.into(), settings });
    }
    (overrides, shown)
}

/// Deserializes an operation; what is faulty is recorded and left out until the rest can be read.
fn read(value: &Value<'_>, table: &Table<'_>) -> RawOperation {
    let known = value.node().as_table().into_iter().flatten().filter(|(key, _)| KEYS.contains(&key.get_ref().as_ref()));
    let mut entries: DeTable<'_> = known.map(|(key, value)| (key.clone(), value.clone())).collect();
    loop {
        let node = Spanned::new(value.place().span.clone(), DeValue::Table(entries.clone()));
        let error = match RawOperation::deserialize(ValueDeserializer::from(node)) {
            Ok(raw) => return raw,
            Err(error) => error,
        };
        let at = error.span().unwrap_or_default().start;
        let faulty = entries.iter().find(|(key, value)| (key.span().start..value.span().end.max(key.span().end)).contains(&at));
        let Some(key) = faulty.or(entries.iter().next()).map(|(key, _)| key.get_ref().to_string()) else {
            return RawOperation::default();
        };
        let place = table.place(&key);
        table.record(
            place
                .error(error.message(), "correct it, as the catalogue's own operations are written")
                .at(error.span().unwrap_or(place.span)),
        );
        entries.remove(key.as_str());
    }
}
