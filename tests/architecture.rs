//! The walls of the house: dependencies between modules point downwards only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The storeys, topmost first; modules on one storey do not use each other.
const STOREYS: [&[&str]; 12] = [
    &["main"],
    &["cli"],
    &["gateway"],
    &["admin", "server", "telemetry"],
    &["stack"],
    &["edge", "policy", "upstream"],
    &["gate", "stage"],
    &["exchange", "problem", "snapshot"],
    &["identity", "metrics", "service"],
    &["body", "refusal"],
    &["config", "store", "transport"],
    &["catalogue"],
];

/// What depends on nothing but itself.
const VOCABULARY: [&str; 9] = ["clock", "fault", "nearest", "peer", "rate", "scope", "secret", "tenant", "units"];

#[test]
fn no_module_uses_one_above_it_or_its_peer() {
    let storeys = storeys();
    let mut faults = Vec::new();
    for file in sources(Path::new("src")) {
        let Some(from) = module(&file) else { continue };
        for to in used_modules(&fs::read_to_string(&file).unwrap()) {
            if from != to && !allowed(&storeys, &from, &to) {
                faults.push(format!("{}: `{from}` uses `{to}`", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "these edges point up or sideways:\n{}", faults.join("\n"));
}

fn allowed(storeys: &BTreeMap<&str, usize>, from: &str, to: &str) -> bool {
    if to == "testing" || from == "testing" {
        return true;
    }
    if from == "sandbox" || to == "sandbox" {
        return (from == "sandbox" && VOCABULARY.contains(&to)) || from == "cli";
    }
    if VOCABULARY.contains(&from) {
        return false;
    }
    let place = |name: &str| storeys.get(name).copied().unwrap_or_else(|| panic!("`{name}` has no storey; give it one"));
    place(from) < place(to)
}

fn storeys() -> BTreeMap<&'static str, usize> {
    let built = STOREYS.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (*room, floor)));
    built.chain(VOCABULARY.iter().map(|word| (*word, STOREYS.len()))).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}

/// The top-level module a file belongs to; none for the crate's root.
fn module(file: &Path) -> Option<String> {
    let first = file.strip_prefix("src").unwrap().components().next().unwrap().as_os_str().to_str().unwrap();
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib").then(|| name.to_owned())
}

/// Every `crate::module` that code (not documentation) names.
fn used_modules(source: &str) -> Vec<String> {
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let ends = |rest: &str| rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len());
    code.split("crate::").skip(1).map(|rest| rest[..ends(rest)].to_owned()).filter(|name| !name.is_empty()).collect()
}
