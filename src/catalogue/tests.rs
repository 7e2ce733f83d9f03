//! The embedded catalogue against the pages it comes from.

use std::sync::LazyLock;

use http::{HeaderValue, Method, Uri};

use super::*;
use crate::units::parse_duration;

mod bodies;
mod queries;

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::embedded(&BTreeMap::new()).expect("the embedded catalogue has no fault"));
    &CATALOGUE
}

fn operation(name: &str) -> &'static Operation {
    catalogue().operation(catalogue().by_name(name).unwrap_or_else(|| panic!("{name}")))
}

/// Name, effect, method, path, upstream, path there, scope below `paas.core`, freshness, and whether a 404 is cached too.
const ROUTES: &str = "
    list_customers       read  GET    /v1/customers                      paas      same                        entity_customers.list.get 30s   404
    get_customer         read  GET    /v1/customers/{customer_id}        paas      same                        entity_customers.get      30s   -
    create_customer      write POST   /v1/customers                      legacy    /v1/paas/entities/customers entity_customers.post     never -
    link_merchant        write POST   /v1/customers/business/link        paas      same                        entity_customers.post     never -
    list_accounts        read  GET    /v1/accounts                       paas      same                        accounts.list.get         5s    -
    get_account          read  GET    /v1/accounts/{account_id}          paas      same                        accounts.get              5s    -
    link_account         write POST   /v1/accounts/link                  paas      same                        accounts.post             never -
    list_payments        read  GET    /v1/payments                       paas_dash same                        breb_payments.list.get    5s    404
    get_payment          read  GET    /v1/payments/{payment_id}          paas      same                        breb_payments.get         never -
    create_breb_payment  money POST   /v1/payments/breb                  paas      same                        breb_payments.post        never -
    confirm_breb_payment money POST   /v1/payments/breb/confirm          paas      same                        breb_payments.post        never -
    create_ach_payment   money POST   /v1/payments/ach                   paas      same                        breb_payments.post        never -
    list_keys            read  GET    /v1/keys                           paas      same                        account_keys.list.get     30s   -
    get_key              read  GET    /v1/keys/{key_id}                  paas      same                        account_keys.get          30s   -
    create_key           write POST   /v1/keys                           paas      same                        account_keys.post         never -
    suspend_key          write PATCH  /v1/keys/{key_id}/suspend          paas      same                        account_keys.patch        never -
    activate_key         write PATCH  /v1/keys/{key_id}/activate         paas      same                        account_keys.patch        never -
    delete_key           write DELETE /v1/keys/{key_id}                  paas      same                        account_keys.delete       never -
    resolve_key          read  POST   /v1/key-resolution                 paas      same                        account_keys.get          never -
    list_recipients      read  GET    /v1/recipients                     paas      same                        breb_recipients.list.get  60s   -
    get_recipient        read  GET    /v1/recipients/breb/{recipient_id} paas      same                        breb_recipients.get       60s   -
    create_recipient     write POST   /v1/recipients/breb                paas      same                        breb_recipients.post      never -
    list_qr_codes        read  GET    /v1/qrcodes                        paas      same                        qrcodes.list.get          5s    -
    get_qr_code          read  GET    /v1/qrcodes/{qr_code_id}           paas      same                        qrcodes.get               5s    -
    create_qr_code       write POST   /v1/qrcodes                        paas      same                        qrcodes.post              never -
    delete_qr_code       write DELETE /v1/qrcodes/{qr_code_id}           paas      same                        qrcodes.delete            never -
    decode_qr_code       read  POST   /v1/qrcodes/decode                 paas      same                        qrcodes.get               never -
";

fn routes() -> impl Iterator<Item = [&'static str; 9]> {
    let columns = |line: &'static str| line.split_whitespace().collect::<Vec<_>>().try_into().expect("nine columns");
    ROUTES.lines().filter(|line| !line.is_empty()).map(columns)
}

/// The words of a text.
fn names(names: &str) -> Vec<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn every_operation_is_as_the_route_table_says() {
    let catalogue = catalogue();

    assert_eq!(catalogue.len(), routes().count());
    for ((_, operation), [name, effect, method, path, upstream, there, scope, freshness, not_found]) in
        catalogue.operations().zip(routes())
    {
        assert_eq!(&*operation.name, name, "the order of the file");
        assert_eq!(operation.effect.as_str(), effect, "{name}");
        assert_eq!(operation.method, method, "{name}");
        assert_eq!(operation.path().as_str(), path, "{name}");
        assert_eq!(&*catalogue.upstream(operation.upstream).name, upstream, "{name}");
        assert_eq!(operation.upstream_path.as_str(), if there == "same" { path } else { there }, "{name}");
        assert_eq!(operation.scope.as_str(), format!("paas.core.{scope}"), "{name}");
        let cache = parse_duration(freshness).ok().map(|ttl| CacheRule { ttl, not_found: not_found == "404" });
        assert_eq!(operation.cache, cache, "{name}");
        assert!(operation.enabled, "{name}");
    }
}

#[test]
fn every_route_finds_its_operation() {
    let catalogue = catalogue();
    for [name, _, method, path, ..] in routes() {
        let concrete = |segment: &'static str| if segment.starts_with('{') { "some-id" } else { segment };
        let path = path.split('/').map(concrete).collect::<Vec<_>>().join("/");
        let found = catalogue.find(&method.parse().unwrap(), &path).unwrap();
        assert_eq!(Some(found.operation), catalogue.by_name(name), "{method} {path}");
    }
}

#[test]
fn writes_invalidate_what_they_make_untrue_and_reads_nothing() {
    let catalogue = catalogue();
    for [name, effect, ..] in routes() {
        let expected = match name {
            "create_customer" | "link_merchant" => "list_customers get_customer",
            "link_account" => "list_accounts get_account",
            "create_breb_payment" | "confirm_breb_payment" | "create_ach_payment" => {
                "list_payments get_payment list_accounts get_account list_qr_codes get_qr_code"
            }
            "create_key" => "list_keys get_key",
            "suspend_key" | "activate_key" | "delete_key" => "list_keys get_key list_qr_codes get_qr_code",
            "create_recipient" => "list_recipients get_recipient",
            "create_qr_code" | "delete_qr_code" => "list_qr_codes get_qr_code",
            _ => "",
        };
        assert_eq!(expected.is_empty(), effect == "read", "{name}");
        let expected: OperationSet = expected.split_whitespace().map(|name| catalogue.by_name(name).unwrap()).collect();
        assert_eq!(operation(name).invalidates, expected, "{name}");
    }
}

#[test]
fn hosts_and_the_token_endpoint_are_the_documented_ones() {
    let catalogue = catalogue();
    let hosts: Vec<_> =
        catalogue.upstreams().iter().map(|own| (&*own.name, own.sandbox.as_deref(), own.production.as_deref())).collect();

    let production = Some("https://api.paas.co.passportfintech.com");
    assert_eq!(
        hosts,
        [
            ("paas", Some("https://api.paas.sandbox.co.passportfintech.com"), production),
            ("paas_dash", Some("https://api.paas-sandbox.co.passportfintech.com"), production),
            ("legacy", Some("https://bre-b-sandbox.api.visionamos.passportfintech.com"), None),
        ]
    );
    let (upstream, path) = catalogue.token_endpoint();
    assert_eq!((&*catalogue.upstream(upstream).name, path), ("paas", "/v1/iam/oauth/tokens"));
}

#[test]
fn token_endpoints_are_not_exposed() {
    let catalogue = catalogue();
    for path in ["/v1/iam", "/v1/iam/oauth/tokens", "/v1/iam/oauth/tokens/abc", "/v1/IAM/oauth/tokens", "/v1/%69am/oauth/tokens"]
    {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            assert_eq!(catalogue.find(&method, path), Err(NoMatch::Unknown), "{method} {path}");
        }
    }
    assert!(matches!(catalogue.find(&Method::GET, "/v1/customers/../iam/oauth/tokens"), Err(NoMatch::Malformed(_))));
}

#[test]
fn create_customer_answers_at_passports_own_path_too() {
    let catalogue = catalogue();
    for path in ["/v1/customers", "/v1/paas/entities/customers"] {
        let found = catalogue.find(&Method::POST, path).unwrap();
        let operation = catalogue.operation(found.operation);
        assert_eq!(
            operation.target(&found.parameters, &CanonicalQuery::default(), &Uri::default()),
            "/v1/paas/entities/customers",
            "{path}"
        );
    }
    let refused = catalogue.find(&Method::GET, "/v1/paas/entities/customers");
    assert_eq!(refused, Err(NoMatch::Method { allow: HeaderValue::from_static("POST") }));
}

#[test]
fn a_target_is_the_template_the_segments_and_the_canonical_query() {
    let catalogue = catalogue();
    let found = catalogue.find(&Method::PATCH, "/v1/keys/%6b-1/suspend").unwrap();
    let operation = catalogue.operation(found.operation);
    let query = operation.query.check(Some("b=2%20&a=1"), &mut Report::new(Modes::default())).unwrap();

    assert_eq!(operation.target(&found.parameters, &query, &Uri::default()), "/v1/keys/k-1/suspend?a=1&b=2%20");
}

#[test]
fn a_target_that_comes_out_as_it_was_asked_for_is_that_one() {
    for (asked, is_shared) in [
        ("/v1/keys/k-1/suspend?a=1&b=2%20", true),
        ("/v1/keys/k-1/suspend", true),
        ("/v1/keys/%6b-1/suspend?a=1&b=2%20", false),
        ("/v1/keys/k-1/suspend?a=1&b=2+", false),
        ("/v1/keys/k-1/suspend?", false),
        ("/v1/keys/k-1/suspend?b=2%20&a=1", false),
    ] {
        let asked: Uri = asked.parse().unwrap();
        let found = catalogue().find(&Method::PATCH, asked.path()).unwrap();
        let operation = catalogue().operation(found.operation);
        let query = operation.query.check(asked.query(), &mut Report::new(Modes::default())).unwrap();

        let target = operation.target(&found.parameters, &query, &asked);

        let own = asked.path_and_query().unwrap();
        assert_eq!(target.as_str().as_ptr() == own.as_str().as_ptr(), is_shared, "{asked}");
        assert_eq!(target == *own, is_shared, "{asked}");
    }
}

#[test]
fn grants_give_the_operations_whose_scopes_they_cover() {
    let catalogue = catalogue();
    let granted = |grants: &[&str]| {
        let grants: Vec<Grant> = grants.iter().map(|grant| grant.parse().unwrap()).collect();
        catalogue.granted(&grants).iter().map(|id| catalogue.operation(id).name.to_string()).collect::<Vec<_>>()
    };

    assert_eq!(granted(&["paas.core.accounts.*"]), ["list_accounts", "get_account", "link_account"]);
    assert_eq!(granted(&["paas.core.entity_customers.get", "paas.core.qrcodes.delete"]), ["get_customer", "delete_qr_code"]);
    assert_eq!(granted(&["paas.core.*"]).len(), catalogue.len());
    assert!(granted(&[]).is_empty());
}

#[test]
fn operations_without_a_body_say_so() {
    for [name, _, method, ..] in routes() {
        let body = operation(name).body.as_ref().map(BodyRules::required);
        let expected = match (method, name) {
            ("GET" | "DELETE", _) => None,
            (_, "suspend_key" | "activate_key") => Some(false),
            _ => Some(true),
        };
        assert_eq!(body, expected, "{name}");
    }
}
