//! The shipped configuration is valid, and says the truth about defaults.

use super::*;

const EXAMPLE: &str = include_str!("../../../config/gateway.toml");

fn acme(name: &str) -> Option<String> {
    matches!(name, "ACME_CLIENT_ID" | "ACME_CLIENT_SECRET").then(|| "hunter2".to_owned())
}

fn example(text: &str) -> Result<Loaded, Report> {
    parse(text, Path::new("config/gateway.toml"), &acme)
}

/// The example with these lines uncommented; each must be one.
fn uncommenting(lines: &[&str]) -> String {
    let mut text = EXAMPLE.to_owned();
    for line in lines {
        let commented = format!("\n# {line}");
        assert_eq!(text.matches(&commented).count(), 1, "{line}");
        text = text.replace(&commented, &format!("\n{line}"));
    }
    text
}

/// The text with every line of this table uncommented.
fn whole_block(text: &str, header: &str) -> String {
    let (before, block) = text.split_once(&format!("\n# {header}\n")).unwrap();
    let (block, after) = block.split_once("\n\n").unwrap();
    let lines: Vec<_> = block.lines().map(|line| line.strip_prefix("# ").unwrap()).collect();
    format!("{before}\n{header}\n{}\n\n{after}", lines.join("\n"))
}

#[test]
fn the_shipped_configuration_has_neither_faults_nor_warnings() {
    let loaded = example(EXAMPLE).unwrap_or_else(|report| panic!("{report}"));

    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
}

#[test]
fn without_its_secrets_it_says_which_are_missing() {
    let report = parse(EXAMPLE, Path::new("config/gateway.toml"), &|_| None).unwrap_err();

    let shown: Vec<String> = report.lines().collect();
    assert_eq!(shown.len(), 2);
    assert!(
        shown[0].contains("credentials.acme.client_id: the secret's environment variable `ACME_CLIENT_ID` is not set"),
        "{shown:?}"
    );
}

#[test]
fn what_it_shows_as_defaults_are_the_defaults() {
    let least = "[local]\ntenant = \"acme\"\n[tenants.acme]\n\
         scopes = [\"paas.core.entity_customers.*\", \"paas.core.accounts.*\", \"paas.core.breb_payments.list.get\"]\n\
         rate_limit = { requests = 100, per = \"1s\", burst = 200 }\n\
         [credentials.acme]\nclient_id = { env = \"ACME_CLIENT_ID\" }\nclient_secret = { env = \"ACME_CLIENT_SECRET\" }\n";

    let written = super::super::effective(&example(EXAMPLE).unwrap().config);
    let defaults = super::super::effective(&example(least).unwrap().config);

    assert_eq!(written, defaults);
}

#[test]
fn its_commented_choices_are_valid() {
    let text = uncommenting(&[
        "catalogue = ",
        "hosts = ",
        "base_url = ",
        "upstreams = ",
        "token_url = ",
        "proxy = ",
        "forward_headers = ",
        "[[issuers]]",
        "issuer = ",
        "audience = ",
        "algorithms = ",
        "jwks_url = ",
        "jwks_refresh = ",
        "tenant_claim = ",
        "[[api_keys]]",
        "id = \"reports-job\"",
        "sha256 = ",
        "tenant = \"acme\"\n",
        "scopes = [\"paas.core.breb_payments.list.get\"]",
        "expires = ",
        "scopes = [\"paas.core.accounts.*\"]",
        "class_limits = ",
        "quota = ",
        "path = \"/var/lib",
        "forward_header = ",
        "[operations.list_payments]",
        "cache_ttl = ",
        "timeout = \"10s\"",
        "enabled = ",
    ]);

    let loaded = example(&text).unwrap_or_else(|report| panic!("{report}"));

    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.config.issuers.len(), 1);
    assert_eq!(loaded.config.api_keys.len(), 1);
    assert_eq!(loaded.config.overrides.operations.len(), 1);
}

#[test]
fn what_stays_commented_names_files_that_are_yours() {
    let report = example(&uncommenting(&["ca_file = \"/etc/passport-gateway/roots.pem\""])).unwrap_err();

    let shown: Vec<String> = report.lines().collect();
    assert!(
        shown.len() == 1 && shown[0].contains("passport.ca_file: the file cannot be read: there is none of this name"),
        "{shown:?}"
    );

    let text = whole_block(&uncommenting(&["tls = "]), "[[clients]]");
    let report = example(&text).unwrap_err();
    let shown: Vec<String> = report.lines().collect();
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert!(shown.iter().all(|line| line.contains("cannot be read: there is none of this name")), "{shown:?}");
}
