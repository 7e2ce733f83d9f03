//! `operations`: the catalogue as a table.

use super::{ConfigFile, Exit, check, say};
use crate::catalogue::{Catalogue, Operation, Template};
use crate::config::{self, Offer};

const HEADINGS: [&str; 8] = ["OPERATION", "METHOD", "PATH", "SCOPE", "UPSTREAM", "CACHE", "EFFECT", "ENABLED"];

/// Prints every operation of the configuration's catalogue, or of the embedded one without a configuration.
pub(super) fn operations(config: &ConfigFile) -> Exit {
    match config::offer(config.if_any()) {
        Ok(offer) => list(&offer),
        Err(faults) => check::refuse(&faults),
    }
}

fn list(Offer { catalogue, upstreams, .. }: &Offer) -> Exit {
    let has_upstream = |operation: &Operation| upstreams[operation.upstream.index()].base.is_some();
    let rows = catalogue.operations().map(|(_, operation)| row(catalogue, operation, has_upstream(operation)));
    let table: Vec<_> = std::iter::once(HEADINGS.map(str::to_owned)).chain(rows).collect();
    let widths: [usize; 8] = std::array::from_fn(|column| table.iter().map(|row| row[column].len()).max().unwrap_or(0));
    for row in table {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        say(cells.join("  ").trim_end());
    }
    Exit::Done
}

fn row(catalogue: &Catalogue, operation: &Operation, has_upstream: bool) -> [String; 8] {
    let enabled = match (operation.enabled, has_upstream) {
        (true, true) => "yes",
        (false, _) => "no: disabled",
        (true, false) => "no: its upstream has no URL here",
    };
    [
        operation.name.to_string(),
        operation.method.to_string(),
        operation.paths.iter().map(Template::as_str).collect::<Vec<_>>().join(" "),
        operation.scope.to_string(),
        catalogue.upstream(operation.upstream).name.to_string(),
        operation.cache.map_or_else(|| "-".to_owned(), |cache| format!("{:?}", cache.ttl)),
        operation.effect.as_str().to_owned(),
        enabled.to_owned(),
    ]
}
