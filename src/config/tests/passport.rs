//! Environments, upstreams and how they are reached.

use super::*;

fn bases(config: &Config) -> Vec<(&str, Option<String>)> {
    let text = |url: &http::Uri| url.to_string().trim_end_matches('/').to_owned();
    config.passport.upstreams.iter().map(|upstream| (&*upstream.name, upstream.base.as_ref().map(text))).collect()
}

fn token_urls(config: &Config) -> Vec<Option<String>> {
    config.passport.upstreams.iter().map(|upstream| upstream.token_url.as_ref().map(ToString::to_string)).collect()
}

fn passport(section: &str) -> Result<Loaded, Report> {
    with(&format!("[passport]\n{section}"))
}

/// [`LEAST`] with a credential for production.
fn production(section: &str) -> Result<Loaded, Report> {
    read(&format!("[passport]\nenvironment = \"production\"\n{section}\n{LEAST}environment = \"production\"\n"))
}

#[test]
fn the_sandbox_takes_its_hosts_from_the_catalogue() {
    let config = accepted(LEAST);

    let paas = "https://api.paas.sandbox.co.passportfintech.com";
    assert_eq!(
        bases(&config),
        [
            ("paas", Some(paas.to_owned())),
            ("paas_dash", Some("https://api.paas-sandbox.co.passportfintech.com".to_owned())),
            ("legacy", Some("https://bre-b-sandbox.api.visionamos.passportfintech.com".to_owned())),
        ]
    );
    assert!(token_urls(&config).iter().all(|url| url.as_deref() == Some(&format!("{paas}/v1/iam/oauth/tokens"))));
}

#[test]
fn production_disables_what_has_no_host_there_and_says_so() {
    let loaded = production("").unwrap_or_else(|report| panic!("{report}"));

    assert_eq!(bases(&loaded.config)[2], ("legacy", None));
    assert_eq!(
        advice(Ok(loaded)),
        ["2:15: passport.environment: upstream `legacy` has no URL here, so these operations are unavailable: create_customer; \
          set `passport.upstreams.legacy` if you know its URL"]
    );
}

#[test]
fn nothing_is_said_about_operations_that_are_off_anyway() {
    let loaded = production("[operations.create_customer]\nenabled = false");

    assert_eq!(advice(loaded), Vec::<String>::new());
}

#[test]
fn a_base_url_puts_everything_in_one_place() {
    for environment in ["sandbox", "custom"] {
        let loaded = passport(&format!("environment = \"{environment}\"\nbase_url = \"http://127.0.0.1:9000/prefix/\"")).unwrap();

        assert!(bases(&loaded.config).iter().all(|(_, base)| base.as_deref() == Some("http://127.0.0.1:9000/prefix")));
        assert!(
            token_urls(&loaded.config)
                .iter()
                .all(|url| url.as_deref() == Some("http://127.0.0.1:9000/prefix/v1/iam/oauth/tokens"))
        );
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    }
}

#[test]
fn single_upstreams_and_token_urls_take_precedence() {
    let config = passport(
        "base_url = \"https://one.example\"\ntoken_url = \"https://tokens.example/t\"\n\
         upstreams = { legacy = \"https://two.example\", paas_dash = { url = \"https://three.example\", token_url = \"https://three.example/t\" } }",
    )
    .unwrap()
    .config;

    let found: Vec<_> = bases(&config).into_iter().map(|(_, base)| base.unwrap()).collect();
    assert_eq!(found, ["https://one.example", "https://three.example", "https://two.example"]);
    let tokens: Vec<_> = token_urls(&config).into_iter().flatten().collect();
    assert_eq!(tokens, ["https://tokens.example/t", "https://three.example/t", "https://tokens.example/t"]);
}

#[test]
fn a_custom_environment_needs_urls() {
    assert_eq!(
        faults(passport("environment = \"custom\"")),
        [
            "2:15: passport.environment: has no documented hosts, and none is configured; set `passport.base_url`, or `passport.upstreams` and `passport.token_url`"
        ]
    );
    assert_eq!(
        faults(passport("environment = \"custom\"\nupstreams = { legacy = \"https://two.example\" }")),
        ["1:1: passport.token_url: is missing: nothing says where tokens are made; set `passport.token_url`"]
    );
}

#[test]
fn environments_are_never_mixed() {
    let production_host = passport("base_url = \"https://API.paas.co.passportfintech.com\"");
    let sandbox_host = production("token_url = \"https://api.paas.sandbox.co.passportfintech.com/v1/iam/oauth/tokens\"");

    assert!(
        faults(production_host)[0]
            .starts_with("2:12: passport.base_url: is a host of production, but `passport.environment` is sandbox;")
    );
    assert!(
        faults(sandbox_host)[0]
            .starts_with("3:13: passport.token_url: is a host of the sandbox, but `passport.environment` is production;")
    );
}

#[test]
fn plain_http_beyond_this_machine_is_advised_against() {
    for local in ["http://localhost:1", "http://127.9.9.9", "http://[::1]:8000", "https://host.example"] {
        assert_eq!(advice(passport(&format!("base_url = \"{local}\""))), Vec::<String>::new());
    }

    let found = advice(passport("base_url = \"http://host.example\""));

    assert_eq!(
        found,
        ["2:12: passport.base_url: is plain HTTP beyond this machine: tokens and personal data travel in the clear; use https"]
    );
}

#[test]
fn a_url_is_whole_and_holds_no_secret() {
    for (url, message) in [
        ("host.example", "is no http or https URL"),
        ("ftp://host.example", "is no http or https URL"),
        ("https://", "is no http or https URL"),
        ("https://me:hunter2@host.example", "holds credentials"),
        ("https://host.example?a=b", "has a query or a fragment"),
        ("https://host.example#a", "has a query or a fragment"),
    ] {
        let found = faults(passport(&format!("base_url = \"{url}\"")));

        assert!(found.len() == 1 && found[0].contains(&format!("passport.base_url: {message}")), "{url}: {found:#?}");
    }
}

#[test]
fn an_unknown_upstream_is_a_fault() {
    let found = faults(passport("upstreams = { pass = \"https://two.example\" }"));

    assert_eq!(found, ["2:15: passport.upstreams.pass: is no key of the configuration; did you mean `paas`?"]);
}

#[test]
fn trusted_roots_must_be_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = rcgen::generate_simple_self_signed(["host.example".to_owned()]).unwrap().cert;
    let (good, bad) = (directory.path().join("good.pem"), directory.path().join("bad.pem"));
    std::fs::write(&good, certificate.pem()).unwrap();
    std::fs::write(&bad, "nothing").unwrap();

    let accepted = passport(&format!("ca_file = {good:?}")).unwrap().config;
    let found = faults(passport(&format!("ca_file = {bad:?}")));

    assert_eq!(accepted.passport.ca_file, Some(good));
    assert!(found[0].contains("passport.ca_file: names a file that holds no certificates"), "{found:#?}");
}

#[test]
fn a_proxy_is_scheme_host_and_port() {
    assert!(passport("proxy = \"http://proxy.internal:3128\"").is_ok());
    for proxy in ["https://proxy.internal:3128", "http://proxy.internal:3128/path"] {
        assert!(faults(passport(&format!("proxy = \"{proxy}\"")))[0].contains("passport.proxy: is no address of a proxy"));
    }
}

#[test]
fn fields_that_the_gateway_answers_for_are_never_forwarded() {
    assert!(passport("forward_headers = [\"X-Correlation-Id\"]").is_ok());
    for name in
        ["Authorization", "cookie", "X-Api-Key", "host", "x-forwarded-for", "connection", "Proxy-Anything", "If-None-Match"]
    {
        let found = faults(passport(&format!("forward_headers = [\"{name}\"]")));

        assert!(found[0].contains("passport.forward_headers[0]: is a field that never goes up"), "{name}: {found:#?}");
    }
    assert!(faults(passport("forward_headers = [\"a b\"]"))[0].contains("is no header field's name"));
}
