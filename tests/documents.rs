//! What the documents say holds: what is to be copied loads, what is named exists.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this is tests, also what helps them")]

use std::path::{Path, PathBuf};
use std::process::Command;

use passport_gateway::config::{self, Config, Loaded};

const README: &str = include_str!("../README.md");
const ARCHITECTURE: &str = include_str!("../ARCHITECTURE.md");
const CONTRIBUTING: &str = include_str!("../CONTRIBUTING.md");
const CHANGELOG: &str = include_str!("../CHANGELOG.md");

/// A tenant, a credential and a caller, for what is only part of a configuration.
const REST: &str = r#"
[local]
tenant = "acme"
[tenants.acme]
scopes = ["paas.core.webhooks.list.get"]
rate_limit = { requests = 100, per = "1s" }
[credentials.acme]
client_id = { env = "ACME_CLIENT_ID" }
client_secret = { env = "ACME_CLIENT_ID" }
"#;

/// The fenced blocks of this language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split_once("\n```").unwrap().0.to_owned() + "\n").collect()
}

/// What stands in backticks on one line.
fn quoted(document: &str) -> impl Iterator<Item = &str> {
    document.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The configuration that a text makes, without a fault or a warning.
fn loaded(text: &str) -> Config {
    let environment = |name: &str| (name == "ACME_CLIENT_ID").then(|| "id".to_owned());
    match config::parse(text, Path::new("gateway.toml"), &environment) {
        Ok(Loaded { config, warnings }) if warnings.is_empty() => config,
        Ok(Loaded { warnings, .. }) => panic!("{warnings}"),
        Err(report) => panic!("{report}"),
    }
}

fn program(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_passport-gateway")).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_readmes_configuration_loads_once_key_and_secret_are_there() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "hunter2\n").unwrap();
    let made = program(&["new-key"]).1;
    let digest = made.lines().find(|line| line.starts_with("sha256 = ")).unwrap();

    let blocks = blocks(README, "toml");
    let filled = blocks[0].replace("sha256 = \"…\"", digest).replace("/run/secrets/acme", secret.path().to_str().unwrap());

    assert_eq!(blocks.len(), 1);
    let config = loaded(&filled);
    assert_eq!((config.api_keys.len(), config.tenants.len(), config.credentials.len()), (1, 1, 1));
    let reach =
        config.catalogue.granted(&config.api_keys[0].scopes).intersect(&config.catalogue.granted(&config.tenants[0].scopes));
    assert!(!reach.is_empty(), "the example's key may do nothing");
}

#[test]
fn the_operation_of_contributing_is_one_in_the_catalogue_and_in_the_users_own_file() {
    let blocks = blocks(CONTRIBUTING, "toml");
    let text = format!("{}{REST}", blocks[0]);

    assert_eq!(blocks.len(), 1);
    let config = loaded(&text);
    let operation = config.catalogue.operation(config.catalogue.by_name("list_webhooks").unwrap());
    assert_eq!((operation.method.as_str(), operation.paths[0].as_str()), ("GET", "/v1/webhooks"));

    let folder = tempfile::tempdir().unwrap();
    let extended = format!("{}\n{}", include_str!("../config/passport.toml"), blocks[0]);
    std::fs::write(folder.path().join("passport.toml"), extended).unwrap();
    let config = loaded(&format!("catalogue = \"{}/passport.toml\"\n{REST}", folder.path().display()));
    assert!(config.catalogue.by_name("list_webhooks").is_some());
}

#[test]
fn the_readme_names_every_command_and_option_and_no_other() {
    let rows = README.split("\n## Commands\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let row = |line: &'static str| line.strip_prefix("| ")?.split(" | ").next();
    let mut named: Vec<&str> = rows.lines().skip(3).filter_map(row).flat_map(quoted).collect();
    named.retain(|name| *name != "command");

    let help = program(&["--help"]).1;
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut listed: Vec<&str> = listed.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    listed.retain(|name| *name != "help");
    listed.sort_unstable();
    for usage in &named {
        let (command, options) = usage.split_once(' ').unwrap_or((usage, ""));
        let (known, help) = program(&[command, "--help"]);
        let options: Vec<&str> = options.split(['[', ']', ' ']).filter(|word| word.starts_with("--")).collect();

        assert!(known && options.iter().all(|option| help.contains(option)), "{usage}: {help}");
    }
    let mut commands: Vec<&str> = named.iter().map(|usage| usage.split(' ').next().unwrap()).collect();
    commands.sort_unstable();
    assert_eq!(commands, listed);
}

#[test]
fn the_metrics_that_are_named_are_declared() {
    let declared = include_str!("../src/metrics.rs");
    let rows = README.lines().filter(|line| line.starts_with("| `passport_gateway_"));
    let names = rows.flat_map(|line| quoted(line.split(" | ").next().unwrap()));
    let names: Vec<&str> = names.map(|name| name.trim_start_matches("passport_gateway_").trim_start_matches('…')).collect();

    assert!(names.len() > 5, "{names:?}");
    for name in names {
        assert!(declared.contains(&format!("{name}: ")), "{name}");
    }
}

#[test]
fn links_and_paths_lead_somewhere() {
    for document in [README, ARCHITECTURE, CONTRIBUTING, CHANGELOG] {
        let links = document.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        let links = links.filter(|link| !link.starts_with("http")).map(|link| match link {
            "ARCHITECTURE" | "CONTRIBUTING" | "CHANGELOG" => format!("{link}.md"),
            path => path.to_owned(),
        });
        let top = ["src", "tests", "config", ".ci"];
        let paths = quoted(document).filter(|path| path.split_once('/').is_some_and(|(first, _)| top.contains(&first)));

        for path in links.chain(paths.map(str::to_owned)) {
            assert!(PathBuf::from(&path).exists(), "{path}");
        }
    }
}

#[test]
fn the_targets_of_make_that_are_named_exist() {
    let makefile = include_str!("../Makefile");
    let documents = [README, CONTRIBUTING, include_str!("../.ci/run"), include_str!("../Dockerfile")].join("\n");
    let called = documents.lines().flat_map(|line| line.split("make ").skip(1));
    let targets = called.flat_map(|rest| rest.split(['`', '#']).next().unwrap().split_whitespace().map(str::to_owned));
    let targets: Vec<String> = targets.collect();

    assert!(targets.len() >= 4, "{targets:?}");
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

#[test]
fn the_image_is_built_from_what_is_there_and_sent() {
    let sent: Vec<&str> = include_str!("../.dockerignore").lines().filter_map(|line| line.strip_prefix('!')).collect();
    let copied = include_str!("../Dockerfile").lines().filter_map(|line| line.strip_prefix("COPY "));
    let copied = copied.filter(|line| !line.starts_with("--from")).flat_map(|line| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        words.pop();
        words
    });

    for path in copied {
        assert!(Path::new(path).exists() && sent.contains(&path), "{path}");
    }
}

#[test]
fn documents_stay_short() {
    for (name, document, most) in
        [("README", README, 200), ("ARCHITECTURE", ARCHITECTURE, 120), ("CONTRIBUTING", CONTRIBUTING, 120)]
    {
        assert!(document.lines().count() < most, "{name} has {} lines", document.lines().count());
    }
}
