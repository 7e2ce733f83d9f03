//! The walls of the house: dependencies between modules point downwards only.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this is tests, also what helps them")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The storeys, topmost first; modules on one storey do not use each other.
const STOREYS: [&[&str]; 13] = [
    &["main"],
    &["cli"],
    &["gateway"],
    &["admin", "openapi", "server"],
    &["stack", "telemetry"],
    &["edge", "policy", "upstream"],
    &["gate", "stage"],
    &["exchange", "problem", "snapshot"],
    &["audit", "store"],
    &["identity", "metrics", "service", "trace"],
    &["body", "refusal"],
    &["config", "transport"],
    &["catalogue"],
];

/// What depends on nothing but itself.
const VOCABULARY: [&str; 12] =
    ["chunked", "clock", "fault", "fields", "lines", "nearest", "peer", "rate", "scope", "secret", "tenant", "units"];

#[test]
fn the_layers_are_numbered_as_they_stand() {
    let stack = fs::read_to_string("src/stack.rs").unwrap();
    let stand = stack.lines().map(str::trim).filter(|line| line.starts_with(".layer(") && !line.contains("SeamLayer")).count();

    let mut numbered: Vec<usize> = Vec::new();
    for file in sources(Path::new("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let Some(numbers) = text.strip_prefix("//! Layer").and_then(|rest| rest.split_once(": ")) else { continue };
        numbered.extend(numbers.0.split(' ').filter_map(|word| word.parse::<usize>().ok()));
    }

    numbered.sort_unstable();
    // The last is what they stand around.
    assert_eq!(numbered, (1..=stand + 1).collect::<Vec<_>>());
}

#[test]
fn no_module_uses_one_above_it_or_its_peer() {
    let storeys = storeys();
    let mut faults = Vec::new();
    for file in sources(Path::new("src")) {
        let Some(from) = module(&file) else { continue };
        for to in used_modules(&fs::read_to_string(&file).unwrap(), depth(&file)) {
            if from != to && !allowed(&storeys, &from, &to) {
                faults.push(format!("{}: `{from}` uses `{to}`", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "these edges point up or sideways:\n{}", faults.join("\n"));
}

#[test]
fn a_use_is_found_however_it_is_written() {
    for (source, depth) in [
        ("use crate::stack::stack;", 1),
        ("use crate::{body::Body, stack};", 1),
        ("use crate::{\n    body::{Body, Cut},\n    stack::{self, Shared},\n};", 2),
        ("pub(crate) use crate::stack as table;", 1),
        ("fn f() { crate::stack::stack() }", 3),
        ("use super::stack::stack;", 1),
        ("use super::super::{stack::stack, body};", 2),
        ("mod tests {\n    use super::super::stack;\n}", 1),
        ("passport_gateway::stack::stack()", 1),
    ] {
        assert!(used_modules(source, depth).contains(&"stack".to_owned()), "{source}");
    }
}

#[test]
fn what_is_no_use_is_not_found() {
    for (source, depth) in
        [("// crate::stack", 1), ("/// [`crate::stack`]", 1), ("use super::stack::Frame;", 2), ("mycrate::stack", 1)]
    {
        assert_eq!(used_modules(source, depth), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn only_what_stands_lower_may_be_used() {
    let storeys = storeys();

    for (from, to) in [("policy", "config"), ("gateway", "stack"), ("cli", "sandbox"), ("sandbox", "units"), ("config", "fault")]
    {
        assert!(allowed(&storeys, from, to), "{from} {to}");
    }
    for (from, to) in [
        ("config", "policy"),
        ("edge", "policy"),
        ("policy", "upstream"),
        ("server", "admin"),
        ("sandbox", "config"),
        ("gateway", "sandbox"),
        ("secret", "units"),
        ("catalogue", "config"),
    ] {
        assert!(!allowed(&storeys, from, to), "{from} {to}");
    }
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

/// How many modules a file lies deep: 1 for `src/stack.rs`.
fn depth(file: &Path) -> usize {
    file.strip_prefix("src").unwrap().components().count()
}

/// Every top-level module that code (not documentation) names, from a file that lies so deep.
fn used_modules(source: &str, depth: usize) -> Vec<String> {
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let above = format!("{}::", vec!["super"; depth].join("::"));
    ["crate::", "passport_gateway::", &above].into_iter().flat_map(|root| named_below(root, &code)).collect()
}

/// What follows this path wherever it stands: one name, or those of a group.
fn named_below(root: &str, code: &str) -> Vec<String> {
    let begins = |at: usize| !code[..at].ends_with(|before: char| before.is_alphanumeric() || matches!(before, '_' | ':'));
    let places = code.match_indices(root).filter(|(at, _)| begins(*at));
    places.flat_map(|(at, _)| names(&code[at + root.len()..])).collect()
}

fn names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        let ends = text.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(text.len());
        text[..ends].to_owned()
    };
    // A module of tests inside the file lies one deeper than the file.
    let path = path.trim_start_matches("super::");
    let Some(group) = path.strip_prefix('{') else { return Vec::from_iter(Some(name(path)).filter(|name| !name.is_empty())) };
    let (mut open, mut names, mut start) = (0, Vec::new(), 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => open += 1,
            ',' | '}' if open == 0 => {
                names.push(name(group[start..at].trim_start()));
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            '}' => open -= 1,
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}
