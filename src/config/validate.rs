//! From the file as it is written to a configuration that cannot be wrong; every fault is found, not only the first.

use std::path::Path;
use std::sync::Arc;

use self::callers::Callers;
#[cfg(test)]
pub(super) use self::catalogue::KEYS as OPERATION_KEYS;
use self::catalogue::{CatalogueFile, Operations};
use self::names::Names;
use super::Offer;
use super::raw::{self, Context, Parsed, Table};
use super::secret::Environment;
use super::settings::Config;
use crate::fault::Fault;

mod audit;
mod callers;
mod catalogue;
mod clients;
mod control;
mod credentials;
mod idempotency;
mod issuers;
mod limits;
mod listeners;
mod names;
mod passport;
mod store;
mod tenants;
mod tls;
mod tuning;
mod upstreams;

const KEYS: [&str; 21] = [
    "catalogue",
    "server",
    "admin",
    "control",
    "lifecycle",
    "passport",
    "issuers",
    "api_keys",
    "clients",
    "local",
    "tenants",
    "credentials",
    "validation",
    "cache",
    "retry",
    "breaker",
    "idempotency",
    "operations",
    "store",
    "telemetry",
    "audit",
];

/// All faults of a configuration, and the catalogue that some of them may stand in.
pub(super) struct Invalid {
    pub(super) faults: Vec<Fault>,
    pub(super) catalogue: CatalogueFile,
}

/// Checks a configuration's text; gives the warnings with it.
pub(super) fn config(text: &str, path: &Path, environment: &Environment<'_>) -> Result<(Config, Vec<Fault>), Invalid> {
    let context = Context::new(raw::directory(path), environment);
    let parsed = Parsed::new(text).map_err(|faults| Invalid { faults, catalogue: CatalogueFile::default() })?;
    let (config, catalogue) = read(&Table::root(&parsed.entries, &context, &KEYS));
    let refused = context.is_faulty() || !parsed.faults.is_empty();
    let faults = parsed.with(context.into_faults());
    if refused { Err(Invalid { faults, catalogue }) } else { Ok((config, faults)) }
}

/// Checks what a configuration's text says about operations, upstreams and validation, and nothing else.
pub(super) fn offer(text: &str, path: &Path) -> Result<Offer, Invalid> {
    let context = Context::new(raw::directory(path), &|_| None);
    let parsed = Parsed::new(text).map_err(|faults| Invalid { faults, catalogue: CatalogueFile::default() })?;
    let root = Table::root(&parsed.entries, &context, &KEYS);
    let Operations { catalogue, file, .. } = catalogue::operations(&root);
    let upstreams = passport::upstreams(&root, &catalogue);
    let (validation, callers) = (tuning::validation(&root), callers::kinds(&root));
    let keys_for = idempotency::required_for(&root);
    if context.is_faulty() || !parsed.faults.is_empty() {
        return Err(Invalid { faults: parsed.with(context.into_faults()), catalogue: file });
    }
    Ok(Offer { catalogue, upstreams, validation, callers, keys_for })
}

/// Reads every section, whatever the others hold: a configuration, unless there was a fault.
fn read(root: &Table<'_>) -> (Config, CatalogueFile) {
    let names = Names::declared(root);
    let Operations { catalogue, overrides, file } = catalogue::operations(root);
    let server = listeners::server(root);
    let lifecycle = listeners::lifecycle(root);
    let passport = passport::passport(root, &catalogue);
    catalogue::check_drain(root, &catalogue, &passport, &lifecycle);
    let Callers { issuers, api_keys, clients, local } = callers::callers(root, &names, &server, &catalogue);
    let tenants = tenants::tenants(root, &names, &catalogue);
    let admin = listeners::admin(root, &server);
    let store = store::store(root);
    let config = Config {
        control: control::control(root, &server, &admin),
        admin,
        idempotency: idempotency::idempotency(root, &store, &server, &tenants, &catalogue),
        issuers,
        api_keys,
        clients,
        local,
        tenants,
        credentials: credentials::credentials(root, &names, &passport.environment),
        validation: tuning::validation(root),
        cache: tuning::cache(root),
        retry: tuning::retry(root),
        breaker: tuning::breaker(root),
        store,
        telemetry: tuning::telemetry(root),
        audit: audit::audit(root),
        catalogue: Arc::new(catalogue),
        overrides,
        server,
        lifecycle,
        passport,
    };
    (config, file)
}
