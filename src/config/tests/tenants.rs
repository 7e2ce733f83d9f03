//! Tenants, their scopes and limits.

use std::time::Duration;

use super::*;
use crate::catalogue::Effect;

/// The least, with a tenant that says this.
fn tenant(section: &str) -> Result<Loaded, Report> {
    let (head, tail) = LEAST.split_once("[tenants.acme]").unwrap();
    let (_, credentials) = tail.split_once("[credentials.acme]").unwrap();
    read(&format!("[tenants.acme]\n{section}\n{head}[credentials.acme]{credentials}"))
}

const SCOPES: &str = "scopes = [\"paas.core.accounts.*\"]";

#[test]
fn it_uses_the_credential_of_its_name_or_another_that_exists() {
    let own = accepted(LEAST);
    let other = with("[tenants.other]\ncredential = \"acme\"\nscopes = [\"paas.core.accounts.*\"]").unwrap().config;

    assert_eq!(own.tenants[0].credential.as_str(), "acme");
    assert_eq!(other.tenants[1].name.as_str(), "other");
    assert_eq!(other.tenants[1].credential.as_str(), "acme");
    assert_eq!(
        faults(with("[tenants.other]\nscopes = [\"paas.core.accounts.*\"]")),
        [
            "1:1: tenants.other: has no credential: there is no [credentials.other]; add [credentials.other], or name another with `credential`"
        ]
    );
}

#[test]
fn a_faulty_credential_is_not_missed_a_second_time() {
    let found = faults(read(&LEAST.replace("client_id = { env = \"ID\" }\n", "")));

    assert!(found.len() == 1 && found[0].contains("credentials.acme.client_id: is missing"), "{found:#?}");
}

#[test]
fn a_limit_has_a_burst_of_its_requests_unless_it_says_otherwise() {
    let limit = |text: &str| tenant(&format!("{SCOPES}\nrate_limit = {text}")).unwrap().config.tenants[0].rate_limit.unwrap();

    let plain = limit("{ requests = 100, per = \"1s\" }");
    let shadow = limit("{ requests = 100, per = \"2s\", burst = 200, mode = \"shadow\" }");

    assert_eq!((plain.rate.requests.get(), plain.rate.per, plain.rate.burst.get()), (100, Duration::from_secs(1), 100));
    assert!(!plain.shadow);
    assert_eq!((shadow.rate.per, shadow.rate.burst.get()), (Duration::from_secs(2), 200));
    assert!(shadow.shadow);
}

#[test]
fn a_limit_that_admits_nothing_or_never_ends_is_refused() {
    for (limit, message) in [
        ("{ requests = 0, per = \"1s\" }", "rate_limit.requests: is out of bounds"),
        ("{ requests = 1, per = \"0s\" }", "rate_limit.per: is zero"),
        ("{ requests = 1, per = \"1s\", burst = 0 }", "rate_limit.burst: is out of bounds"),
        ("{ per = \"1s\" }", "rate_limit.requests: is missing"),
        ("{ requests = 1 }", "rate_limit.per: is missing"),
        ("{ requests = 1, per = \"1d\", burst = 100 }", "rate_limit: takes more than 30 days to earn its burst"),
        ("{ requests = 1, per = \"1s\", mode = \"off\" }", "rate_limit.mode: is none of the words"),
        ("100", "rate_limit: is to be a table"),
    ] {
        let found = faults(tenant(&format!("{SCOPES}\nrate_limit = {limit}")));

        assert!(found.len() == 1 && found[0].contains(message), "{limit}: {found:#?}");
    }
}

#[test]
fn classes_of_operations_have_limits_of_their_own() {
    let config = tenant(&format!("{SCOPES}\nclass_limits = {{ money = {{ requests = 5, per = \"1s\" }} }}")).unwrap().config;

    let classes = &config.tenants[0].class_limits;
    assert_eq!(classes.len(), 1);
    assert_eq!((classes[0].effect, classes[0].limit.rate.requests.get()), (Effect::Money, 5));
}

#[test]
fn each_caller_may_have_a_limit_of_its_own() {
    let config = tenant(&format!("{SCOPES}\ncaller_limit = {{ requests = 20, per = \"1s\", jitter = \"2s\" }}")).unwrap().config;

    let limit = config.tenants[0].caller_limit.unwrap();
    assert_eq!((limit.rate.requests.get(), limit.rate.burst.get(), limit.jitter), (20, 20, Duration::from_secs(2)));
}

#[test]
fn a_tenant_without_limit_is_advised_about() {
    let found = advice(tenant(SCOPES));

    assert_eq!(
        found,
        ["1:1: tenants.acme: has no `rate_limit`; limit it, such as rate_limit = { requests = 100, per = \"1s\" }"]
    );
}

#[test]
fn grants_that_cover_nothing_are_advised_about() {
    let limited = "rate_limit = { requests = 1, per = \"1s\" }";

    let stray = advice(tenant(&format!("scopes = [\"paas.core.keys.*\", \"paas.core.accounts.*\"]\n{limited}")));
    let none = advice(tenant(&format!("scopes = []\n{limited}")));

    assert_eq!(
        stray,
        ["2:11: tenants.acme.scopes[0]: `paas.core.keys.*` covers no operation of the catalogue; correct or remove it"]
    );
    assert_eq!(
        none,
        ["2:10: tenants.acme.scopes: grants nothing: every request will be refused; name scopes, such as \"paas.core.*\""]
    );
}

#[test]
fn every_malformed_scope_is_reported() {
    let found = faults(tenant("scopes = [\"*\", \"paas..get\", 7, \"paas.core.accounts.*\"]"));

    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().enumerate().all(|(at, line)| line.contains(&format!("tenants.acme.scopes[{at}]: is "))), "{found:#?}");
}

#[test]
fn names_are_safe_in_logs_and_metrics() {
    for name in ["Acme", "a b", "a.b", "é", ""] {
        let found = faults(with(&format!("[tenants.{name:?}]\ncredential = \"acme\"\nscopes = []")));

        assert!(found.len() == 1 && found[0].contains("has a name that is not legal"), "{name}: {found:#?}");
    }
}

#[test]
fn tenants_and_credentials_stand_in_the_order_of_their_names() {
    let config = with("[tenants.zoo]\ncredential = \"acme\"\nscopes = []\n[tenants.aaa]\ncredential = \"acme\"\nscopes = []")
        .unwrap()
        .config;

    let names: Vec<&str> = config.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
    assert_eq!(names, ["aaa", "acme", "zoo"]);
}

#[test]
fn scopes_in_shadow_have_an_end_and_are_warned_of() {
    let shadow = |text: &str| tenant(&format!("{SCOPES}\nscope_shadow = {text}"));

    for until in ["2027-01-16", "\"2027-01-16\"", "2027-01-16T00:00:00Z", "\"2027-01-15T19:00:00-05:00\""] {
        let loaded = shadow(&format!("{{ until = {until} }}")).unwrap();
        let instant = std::time::UNIX_EPOCH + Duration::from_hours(500_016);
        assert_eq!(loaded.config.tenants[0].scope_shadow_until, Some(instant), "{until}");
        assert!(
            loaded.warnings.lines().any(|line| line.contains("scope_shadow: lets every caller of the tenant read")),
            "{until}"
        );
    }
    for (text, message) in [
        ("{}", "scope_shadow.until: is missing"),
        ("true", "scope_shadow: is"),
        ("{ until = 7 }", "scope_shadow.until: is no day"),
        ("{ until = \"soon\" }", "scope_shadow.until: is no instant"),
        ("{ until = 2027-01-16T00:00:00 }", "scope_shadow.until: is no instant"),
        ("{ until = 2027-01-16, money = true }", "scope_shadow"),
    ] {
        let found = faults(shadow(text));
        assert!(found.iter().any(|fault| fault.contains(message)), "{text}: {found:#?}");
    }
    assert_eq!(tenant(SCOPES).unwrap().config.tenants[0].scope_shadow_until, None);
}
