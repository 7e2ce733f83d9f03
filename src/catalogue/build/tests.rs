//! Faults of catalogues and overrides: all of them, each at its place and with a remedy.

use std::time::Duration;

use super::*;

fn overrides(text: &str) -> Named<RawOperation> {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn embedded(text: &str) -> Result<Catalogue, Vec<Fault>> {
    Catalogue::embedded(&overrides(text))
}

/// The faults of overrides as `key: message`, with the text each points at.
fn faults(text: &str) -> Vec<(String, String)> {
    let faults = embedded(text).err().unwrap_or_default();
    assert!(faults.iter().all(|fault| !fault.remedy.is_empty() && fault.span.is_some()), "{faults:#?}");
    let mut shown: Vec<_> = faults
        .into_iter()
        .map(|fault| match fault.source {
            SourceId::Config => (fault.key, text[fault.span.expect("asserted above")].to_owned()),
            SourceId::Catalogue => (fault.key, "in the catalogue".to_owned()),
        })
        .collect();
    shown.sort();
    shown
}

fn fault(key: &str, at: &str) -> (String, String) {
    (key.to_owned(), at.to_owned())
}

fn operation<'c>(catalogue: &'c Catalogue, name: &str) -> &'c Operation {
    catalogue.operation(catalogue.by_name(name).unwrap())
}

const WEBHOOKS: &str = r#"
[list_webhooks]
method = "GET"
path = "/v1/webhooks"
upstream = "paas"
scope = "paas.core.webhooks.list.get"
cache_ttl = "1m"
query = ["pagination"]
query_parameters.inferred.topic = { kind = "text", max = 20 }
"#;

#[test]
fn an_override_replaces_a_value_and_leaves_the_others() {
    let catalogue =
        embedded("[list_payments]\ncache_ttl = \"2s\"\ntimeout = \"10s\"\nenabled = false\nupstream = \"paas\"").unwrap();

    let payments = operation(&catalogue, "list_payments");
    assert_eq!(payments.cache, Some(crate::catalogue::CacheRule { ttl: Duration::from_secs(2), not_found: true }));
    assert_eq!(payments.timeout, Some(Duration::from_secs(10)));
    assert!(!payments.enabled);
    assert_eq!(&*catalogue.upstream(payments.upstream).name, "paas");
    assert_eq!(payments.scope.as_str(), "paas.core.breb_payments.list.get");
}

#[test]
fn caching_can_be_turned_off() {
    let catalogue = embedded("[list_payments]\ncache_ttl = \"0s\"").unwrap();

    assert_eq!(operation(&catalogue, "list_payments").cache, None);
}

#[test]
fn a_new_operation_is_lines_of_toml() {
    let catalogue = embedded(WEBHOOKS).unwrap();

    let found = catalogue.find(&http::Method::GET, "/v1/webhooks").unwrap();
    let webhooks = catalogue.operation(found.operation);
    assert_eq!(&*webhooks.name, "list_webhooks");
    assert_eq!(webhooks.effect, Effect::Read);
    assert!(webhooks.query.parameters().iter().any(|parameter| &*parameter.name == "topic"));
    assert!(webhooks.query.parameters().iter().any(|parameter| &*parameter.name == "page_params.page_size"));
}

#[test]
fn a_rule_of_ones_own_takes_the_place_of_the_groups() {
    let catalogue = embedded(
        r#"list_customers.query_parameters.inferred."page_params.page_size" = { kind = "integer", min = 1, max = 100 }"#,
    )
    .unwrap();
    let reported = |name: &str| {
        let mut report = crate::catalogue::Report::new(crate::catalogue::Modes::default());
        let _ = operation(&catalogue, name).query.check(Some("page_params.page_size=101"), &mut report);
        report.reported.len()
    };

    assert_eq!((reported("list_customers"), reported("list_accounts")), (1, 0));
}

#[test]
fn a_path_rule_of_ones_own_takes_the_place_of_the_general_one() {
    let catalogue = embedded("get_key.path_parameters.inferred.key_id = { kind = \"any\" }").unwrap();
    let key = &operation(&catalogue, "get_key").parameters[0];

    assert!(key.rules.iter().all(|(_, rule)| rule.admits("k-1")));
}

#[test]
fn a_scope_of_ones_own_is_no_guess() {
    let catalogue = embedded("[get_key]\nscope = \"paas.core.keys.get\"").unwrap();

    assert!(!operation(&catalogue, "get_key").scope_inferred);
    assert!(operation(&catalogue, "delete_key").scope_inferred);
}

#[test]
fn a_body_can_be_replaced_in_part() {
    let catalogue = embedded("[create_recipient.body.documented]\nrequired = [\"name\"]").unwrap();
    let body = operation(&catalogue, "create_recipient").body.as_ref().unwrap();

    assert!(body.required());
    assert_eq!(body.schemas().len(), 2);
}

#[test]
fn every_fault_is_found_at_its_place() {
    let found = faults(
        r#"
[list_payments]
cache_ttl = "2 seconds"
timeout = "0s"
upstream = "pass"
scope = "paas core"
query = ["pagination", "odering"]

[create_customer]
cache_ttl = "5s"
effect = "red"
invalidates = ["customers", "list_custmers"]

[get_key]
effect = "write"
body = { documented = { type = "strin" } }
"#,
    );

    assert_eq!(
        found,
        [
            fault("operations.create_customer.cache_ttl", "\"5s\""),
            fault("operations.create_customer.effect", "\"red\""),
            fault("operations.create_customer.invalidates", "\"list_custmers\""),
            fault("operations.get_key.body", "{ documented = { type = \"strin\" } }"),
            fault("operations.get_key.body.documented", "{ type = \"strin\" }"),
            fault("operations.get_key.effect", "\"write\""),
            fault("operations.list_payments.cache_ttl", "\"2 seconds\""),
            fault("operations.list_payments.query", "\"odering\""),
            fault("operations.list_payments.scope", "\"paas core\""),
            fault("operations.list_payments.timeout", "\"0s\""),
            fault("operations.list_payments.upstream", "\"pass\""),
        ]
    );
}

#[test]
fn a_name_that_is_none_is_told_which_was_meant() {
    for (text, remedy) in [
        ("[list_payment]\ncache_ttl = \"2s\"", "did you mean `list_payments`?"),
        ("[list_payments]\nupstream = \"paas_dahs\"", "did you mean `paas_dash`?"),
        ("[list_payments]\nquery = [\"payment_filter\"]", "did you mean `payment_filters`?"),
        ("[create_key]\ninvalidates = [\"key\"]", "did you mean `keys`?"),
        ("[create_key]\neffect = \"mony\"", "did you mean `money`?"),
        ("[create_key]\nmethod = \"post\"", "did you mean `POST`?"),
        ("[list_keys]\nquery_parameters.inferred.x = { kind = \"uid\" }", "did you mean `uuid`?"),
    ] {
        let faults = embedded(text).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.remedy.as_str()).collect::<Vec<_>>(), [remedy], "{text}");
    }
}

#[test]
fn a_new_operation_is_told_all_that_it_lacks() {
    let keys: Vec<String> = faults("[ping]\nmethod = \"POST\"").into_iter().map(|(key, _)| key).collect();

    assert_eq!(keys, ["operations.ping.effect", "operations.ping.path", "operations.ping.scope", "operations.ping.upstream"]);
}

#[test]
fn two_operations_on_one_method_and_path_are_a_fault() {
    let text = WEBHOOKS.replace("/v1/webhooks", "/v1/keys/{webhook_id}");

    assert_eq!(faults(&text), [fault("operations.list_webhooks.path", "\"/v1/keys/{webhook_id}\"")]);
}

#[test]
fn paths_are_checked() {
    for (line, key) in [
        ("path = \"/v1/iam/webhooks\"", "path"),
        ("path = \"v1/webhooks\"", "path"),
        ("aliases = [\"/v1/hooks/{id}\"]\npath = \"/v1/hooks\"", "aliases"),
        ("upstream_path = \"/v1/hooks/{id}\"\npath = \"/v1/hooks\"", "upstream_path"),
        ("upstream_path = \"/v1/iam/hooks\"\npath = \"/v1/hooks\"", "upstream_path"),
    ] {
        let text = WEBHOOKS.replace("path = \"/v1/webhooks\"", line);
        let keys: Vec<String> = faults(&text).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [format!("operations.list_webhooks.{key}")], "{line}");
    }
}

#[test]
fn a_read_that_invalidates_is_a_fault() {
    assert_eq!(
        faults("[list_keys]\ninvalidates = [\"customers\"]"),
        [fault("operations.list_keys.invalidates", "\"customers\"")]
    );
}

#[test]
fn rules_are_checked() {
    for rule in [
        r#"{ kind = "integer", min = 2, max = 1 }"#,
        r#"{ kind = "text" }"#,
        r#"{ kind = "text", max = 0 }"#,
        r#"{ kind = "one_of" }"#,
        r#"{ kind = "one_of", values = [] }"#,
        r#"{ kind = "pattern" }"#,
        r#"{ kind = "pattern", pattern = "(" }"#,
        r#"{ kind = "pattern", pattern = "(a{1000}){1000}" }"#,
        r#"{ kind = "uuid", max = 3 }"#,
        r#"{ kind = "requires" }"#,
        r#"{ kind = "requires", other = "nothing" }"#,
        r#"{ kind = "not_after", other = "created_at_before" }"#,
        r"{ max = 3 }",
    ] {
        let text = format!("[list_keys.query_parameters.documented]\nx = {rule}");
        assert_eq!(faults(&text), [fault("operations.list_keys.query_parameters.documented.x", rule)], "{rule}");
    }
}

#[test]
fn a_path_rule_that_can_never_apply_is_a_fault() {
    for rule in [r#"ky_id = { kind = "any" }"#, r#"key_id = { kind = "timestamp" }"#] {
        let found = faults(&format!("[get_key.path_parameters.inferred]\n{rule}"));
        assert_eq!(found.len(), 1, "{rule}");
        assert!(found[0].0.starts_with("operations.get_key.path_parameters.inferred."), "{found:?}");
    }
}

#[test]
fn a_catalogue_of_ones_own_is_checked_too() {
    let base = RawCatalogue::parse(
        r#"
token_endpoint = { upstream = "main", path = "tokens" }
[upstreams.paas]
sandbox = "https://example.com/v1"
production = "ftp://example.com"
[query.broken.documented]
x = { kind = "nothing" }
[path_parameters.inferred]
id = { kind = "integer", values = ["1"] }
"#,
    )
    .unwrap();

    let mut found: Vec<_> =
        build(&base, &BTreeMap::new()).unwrap_err().into_iter().map(|fault| (fault.source, fault.key)).collect();

    found.sort();
    let keys = [
        "path_parameters.inferred.id",
        "query.broken.documented.x",
        "token_endpoint.path",
        "token_endpoint.upstream",
        "upstreams.paas.production",
        "upstreams.paas.sandbox",
    ];
    assert_eq!(found, keys.map(|key| (SourceId::Catalogue, key.to_owned())));
}

#[test]
fn what_is_no_catalogue_says_where() {
    let fault = RawCatalogue::parse("[upstreams.paas]\nsandbx = \"https://example.com\"").unwrap_err();

    assert_eq!(fault.source, SourceId::Catalogue);
    assert_eq!(fault.span, Some(17..23));
}
