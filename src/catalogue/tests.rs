//! The embedded catalogue against the pages it comes from.

use std::sync::LazyLock;
use std::time::Duration;

use http::{HeaderValue, Method};
use serde_json::json;

use super::*;

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::embedded(&BTreeMap::new()).expect("the embedded catalogue has no fault"));
    &CATALOGUE
}

fn operation(name: &str) -> &'static Operation {
    catalogue().operation(catalogue().by_name(name).unwrap_or_else(|| panic!("{name}")))
}

/// Name, effect, method, path, upstream, path there, scope, seconds of freshness, whether a 404 is cached.
#[rustfmt::skip]
const ROUTES: &[(&str, &str, &str, &str, &str, &str, &str, Option<u64>, bool)] = &[
    ("list_customers", "read", "GET", "/v1/customers", "paas", "/v1/customers", "entity_customers.list.get", Some(30), true),
    ("get_customer", "read", "GET", "/v1/customers/{customer_id}", "paas", "/v1/customers/{customer_id}", "entity_customers.get", Some(30), false),
    ("create_customer", "write", "POST", "/v1/customers", "legacy", "/v1/paas/entities/customers", "entity_customers.post", None, false),
    ("link_merchant", "write", "POST", "/v1/customers/business/link", "paas", "/v1/customers/business/link", "entity_customers.post", None, false),
    ("list_accounts", "read", "GET", "/v1/accounts", "paas", "/v1/accounts", "accounts.list.get", Some(5), false),
    ("get_account", "read", "GET", "/v1/accounts/{account_id}", "paas", "/v1/accounts/{account_id}", "accounts.get", Some(5), false),
    ("link_account", "write", "POST", "/v1/accounts/link", "paas", "/v1/accounts/link", "accounts.post", None, false),
    ("list_payments", "read", "GET", "/v1/payments", "paas_dash", "/v1/payments", "breb_payments.list.get", Some(5), true),
    ("get_payment", "read", "GET", "/v1/payments/{payment_id}", "paas", "/v1/payments/{payment_id}", "breb_payments.get", None, false),
    ("create_breb_payment", "money", "POST", "/v1/payments/breb", "paas", "/v1/payments/breb", "breb_payments.post", None, false),
    ("confirm_breb_payment", "money", "POST", "/v1/payments/breb/confirm", "paas", "/v1/payments/breb/confirm", "breb_payments.post", None, false),
    ("create_ach_payment", "money", "POST", "/v1/payments/ach", "paas", "/v1/payments/ach", "breb_payments.post", None, false),
    ("list_keys", "read", "GET", "/v1/keys", "paas", "/v1/keys", "account_keys.list.get", Some(30), false),
    ("get_key", "read", "GET", "/v1/keys/{key_id}", "paas", "/v1/keys/{key_id}", "account_keys.get", Some(30), false),
    ("create_key", "write", "POST", "/v1/keys", "paas", "/v1/keys", "account_keys.post", None, false),
    ("suspend_key", "write", "PATCH", "/v1/keys/{key_id}/suspend", "paas", "/v1/keys/{key_id}/suspend", "account_keys.patch", None, false),
    ("activate_key", "write", "PATCH", "/v1/keys/{key_id}/activate", "paas", "/v1/keys/{key_id}/activate", "account_keys.patch", None, false),
    ("delete_key", "write", "DELETE", "/v1/keys/{key_id}", "paas", "/v1/keys/{key_id}", "account_keys.delete", None, false),
    ("resolve_key", "read", "POST", "/v1/key-resolution", "paas", "/v1/key-resolution", "account_keys.get", None, false),
    ("list_recipients", "read", "GET", "/v1/recipients", "paas", "/v1/recipients", "breb_recipients.list.get", Some(60), false),
    ("get_recipient", "read", "GET", "/v1/recipients/breb/{recipient_id}", "paas", "/v1/recipients/breb/{recipient_id}", "breb_recipients.get", Some(60), false),
    ("create_recipient", "write", "POST", "/v1/recipients/breb", "paas", "/v1/recipients/breb", "breb_recipients.post", None, false),
    ("list_qr_codes", "read", "GET", "/v1/qrcodes", "paas", "/v1/qrcodes", "qrcodes.list.get", Some(5), false),
    ("get_qr_code", "read", "GET", "/v1/qrcodes/{qr_code_id}", "paas", "/v1/qrcodes/{qr_code_id}", "qrcodes.get", Some(5), false),
    ("create_qr_code", "write", "POST", "/v1/qrcodes", "paas", "/v1/qrcodes", "qrcodes.post", None, false),
    ("delete_qr_code", "write", "DELETE", "/v1/qrcodes/{qr_code_id}", "paas", "/v1/qrcodes/{qr_code_id}", "qrcodes.delete", None, false),
    ("decode_qr_code", "read", "POST", "/v1/qrcodes/decode", "paas", "/v1/qrcodes/decode", "qrcodes.get", None, false),
];

#[test]
fn every_operation_is_as_the_route_table_says() {
    let catalogue = catalogue();

    assert_eq!(catalogue.len(), ROUTES.len());
    for ((_, operation), (name, effect, method, path, upstream, upstream_path, scope, ttl, not_found)) in
        catalogue.operations().zip(ROUTES)
    {
        assert_eq!(&*operation.name, *name, "the order of the file");
        assert_eq!(operation.effect.as_str(), *effect, "{name}");
        assert_eq!(operation.method, *method, "{name}");
        assert_eq!(operation.path().as_str(), *path, "{name}");
        assert_eq!(&*catalogue.upstream(operation.upstream).name, *upstream, "{name}");
        assert_eq!(operation.upstream_path.as_str(), *upstream_path, "{name}");
        assert_eq!(operation.scope.as_str(), format!("paas.core.{scope}"), "{name}");
        let cache = ttl.map(|seconds| CacheRule { ttl: Duration::from_secs(seconds), not_found: *not_found });
        assert_eq!(operation.cache, cache, "{name}");
        assert!(operation.enabled, "{name}");
    }
}

#[test]
fn every_route_finds_its_operation() {
    let catalogue = catalogue();
    for (name, _, method, path, ..) in ROUTES {
        let path = path
            .split('/')
            .map(|segment| if segment.starts_with('{') { "some-id" } else { segment })
            .collect::<Vec<_>>()
            .join("/");
        let found = catalogue.find(&method.parse().unwrap(), &path).unwrap();
        assert_eq!(Some(found.operation), catalogue.by_name(name), "{method} {path}");
    }
}

#[test]
fn writes_invalidate_what_they_make_untrue_and_reads_nothing() {
    let catalogue = catalogue();
    let customers = ["list_customers", "get_customer"].as_slice();
    let accounts = ["list_accounts", "get_account"].as_slice();
    let keys_and_codes = ["list_keys", "get_key", "list_qr_codes", "get_qr_code"].as_slice();
    let codes = ["list_qr_codes", "get_qr_code"].as_slice();
    let all_that_money_touches =
        ["list_payments", "get_payment", "list_accounts", "get_account", "list_qr_codes", "get_qr_code"].as_slice();
    for (name, effect, ..) in ROUTES {
        let expected: &[&str] = match *name {
            "create_customer" | "link_merchant" => customers,
            "link_account" => accounts,
            "create_breb_payment" | "confirm_breb_payment" | "create_ach_payment" => all_that_money_touches,
            "create_key" => &["list_keys", "get_key"],
            "suspend_key" | "activate_key" | "delete_key" => keys_and_codes,
            "create_recipient" => &["list_recipients", "get_recipient"],
            "create_qr_code" | "delete_qr_code" => codes,
            read => {
                assert_eq!(*effect, "read", "{read}");
                &[]
            }
        };
        let expected: OperationSet = expected.iter().map(|name| catalogue.by_name(name).unwrap()).collect();
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
        assert_eq!(operation.target(&found.parameters, &CanonicalQuery::default()), "/v1/paas/entities/customers", "{path}");
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

    assert_eq!(operation.target(&found.parameters, &query), "/v1/keys/k-1/suspend?a=1&b=2%20");
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
    assert_eq!(granted(&["paas.core.*"]).len(), ROUTES.len());
    assert!(granted(&[]).is_empty());
}

/// What the query of `name` breaks: names that are refused, names that are reported.
fn judge(name: &str, query: &str) -> (Vec<String>, Vec<String>) {
    let mut report = Report::new(Modes::default());
    let _ = operation(name).query.check(Some(query), &mut report);
    let names = |list: Vec<Violation>| list.into_iter().map(|violation| violation.name).collect();
    (names(report.refused), names(report.reported))
}

#[test]
fn every_documented_filter_is_known_to_its_list() {
    let text =
        ["identification_number", "identification_type", "status", "account_type", "account_number", "direction", "key_value"];
    let party = [
        "type",
        "name",
        "identification_type",
        "identification_number",
        "account_type",
        "account_number",
        "participant_name",
        "participant_identification_number",
    ];
    let filters: &[(&str, &[&str])] = &[
        ("list_customers", &["identification_number", "customer_id", "identification_type"]),
        ("list_accounts", &["customer_id", "account_id", "status", "account_type", "account_number"]),
        (
            "list_payments",
            &[
                "payment_id",
                "customer_id",
                "account_id",
                "direction",
                "key_value",
                "status",
                "qr_code_reference",
                "type",
                "end_to_end_identification",
            ],
        ),
        ("list_keys", &["customer_id", "account_id", "key_type", "key_id", "key_value", "status"]),
        ("list_recipients", &["customer_id", "type", "recipient_id", "identification_number", "account_number", "account_type"]),
        ("list_qr_codes", &["qr_code_id", "customer_id", "key_id", "type", "key_value", "key_type"]),
    ];
    let uuid = "db7e89e7-59d8-4ab1-b675-a2ae52c3339e";
    for (list, filters) in filters {
        for filter in *filters {
            let value = if filter.ends_with("_id") { uuid } else { "any%20value" };
            assert_eq!(judge(list, &format!("{filter}={value}")), (vec![], vec![]), "{list} {filter}");
            let is_id = filter.ends_with("_id");
            assert_eq!(judge(list, &format!("{filter}=not+a+uuid")).1.is_empty(), !is_id, "{list} {filter}");
            assert_eq!(judge(list, &format!("{filter}=")).1, [*filter], "{list} {filter}: empty");
        }
    }
    for side in ["sender", "receiver"] {
        for filter in party {
            assert_eq!(judge("list_payments", &format!("{side}_{filter}=Jos%C3%A9")), (vec![], vec![]), "{side}_{filter}");
        }
    }
    assert!(text.iter().all(|filter| judge("get_customer", &format!("{filter}=x")).1 == [*filter]), "closed lists elsewhere");
}

#[test]
fn pagination_and_ordering_are_judged_as_documented_or_inferred() {
    for (query, refused, reported) in [
        ("page_params.page_size=50&page_params.page_number=1", "", ""),
        ("page_params.page_size=0", "", "page_params.page_size"),
        ("page_params.page_number=x", "", "page_params.page_number"),
        ("page_params.first_request_timestamp.seconds=1760031317&page_params.first_request_timestamp.nanos=864000000", "", ""),
        ("page_params.first_request_timestamp.seconds=-62135596800", "", ""),
        ("page_params.first_request_timestamp.seconds=-62135596801", "page_params.first_request_timestamp.seconds", ""),
        ("page_params.first_request_timestamp.seconds=253402300799", "", ""),
        ("page_params.first_request_timestamp.seconds=253402300800", "page_params.first_request_timestamp.seconds", ""),
        ("page_params.first_request_timestamp.nanos=0", "", "page_params.first_request_timestamp.nanos"),
        (
            "page_params.first_request_timestamp.seconds=1&page_params.first_request_timestamp.nanos=1000000000",
            "page_params.first_request_timestamp.nanos",
            "",
        ),
        ("order_params.order_key=created_at&order_params.order_direction=DESC", "", ""),
        ("order_params.order_direction=ORDER_DIRECTION_ENUM_UNSPECIFIED", "", ""),
        ("order_params.order_direction=desc", "order_params.order_direction", ""),
        ("order_params.order_key=Created-At", "", "order_params.order_key"),
        ("page_size=5", "", "page_size"),
        ("colour=a&colour=b", "colour", "colour colour"),
    ] {
        for list in ["list_customers", "list_accounts", "list_payments", "list_keys", "list_recipients", "list_qr_codes"] {
            assert_eq!(judge(list, query), (names(refused), names(reported)), "{list}?{query}");
        }
    }
}

fn names(names: &str) -> Vec<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_times_of_payments_are_judged_too() {
    for (query, refused, reported) in [
        ("created_at_after.seconds=1&created_at_before.seconds=2&updated_at_after.seconds=1&updated_at_before.seconds=1", "", ""),
        ("created_at_after.seconds=2&created_at_before.seconds=1", "", "created_at_after"),
        (
            "updated_at_after.seconds=1&updated_at_after.nanos=2&updated_at_before.seconds=1&updated_at_before.nanos=1",
            "",
            "updated_at_after",
        ),
        ("created_at_before.nanos=1", "", "created_at_before.nanos"),
        ("updated_at_before.seconds=1&updated_at_before.nanos=-1", "updated_at_before.nanos", ""),
        ("created_at_after.seconds=soon", "created_at_after.seconds", ""),
    ] {
        assert_eq!(judge("list_payments", query), (names(refused), names(reported)), "{query}");
    }
}

#[test]
fn an_id_in_a_path_is_reported_if_it_is_no_uuid() {
    let catalogue = catalogue();
    for (path, is_uuid) in [("/v1/accounts/6c23f053-0e1a-46b4-b902-97ba47e351bc", true), ("/v1/accounts/42", false)] {
        let found = catalogue.find(&Method::GET, path).unwrap();
        let mut report = Report::new(Modes::default());
        catalogue.operation(found.operation).check_path(&found.parameters, &mut report);
        assert!(!report.refuses());
        assert_eq!(report.reported.is_empty(), is_uuid, "{path}");
    }
}

/// What a body of `name` breaks, as [`judge`].
fn judge_body(name: &str, body: &serde_json::Value) -> (Vec<String>, Vec<String>) {
    let mut report = Report::new(Modes::default());
    operation(name).body.as_ref().unwrap().check(body.to_string().as_bytes(), &mut report);
    let sorted = |list: Vec<Violation>| {
        let mut names: Vec<String> = list.into_iter().map(|violation| violation.name).collect();
        names.sort();
        names
    };
    (sorted(report.refused), sorted(report.reported))
}

fn customer() -> serde_json::Value {
    json!({
        "type": "BUSINESS", "business_name": "Panadería Ñandú", "email": "eAqpUh6u@example.com",
        "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": "903978023",
    })
}

/// The document with one member, named as violations name it, replaced.
fn with(document: &serde_json::Value, name: &str, value: serde_json::Value) -> serde_json::Value {
    let mut document = document.clone();
    *document.pointer_mut(&format!("/{}", name.replace('.', "/"))).unwrap_or_else(|| panic!("{name}")) = value;
    document
}

#[test]
fn a_customer_is_judged_by_the_page() {
    let none = (vec![], vec![]);
    let passes = |name: &str, value: &str| {
        assert_eq!(judge_body("create_customer", &with(&customer(), name, json!(value))), none, "{name}")
    };
    let refused = |name: &str, value: serde_json::Value| {
        assert_eq!(
            judge_body("create_customer", &with(&customer(), name, value.clone())),
            (vec![name.to_owned()], vec![]),
            "{name} {value}"
        );
    };

    assert_eq!(judge_body("create_customer", &customer()), none);
    passes("mobile_phone_number", "573956158117");
    passes("mobile_phone_number", "+123456789012345");
    passes("business_name", &"ñ".repeat(140));
    passes("email", &"é".repeat(35));
    refused("type", json!("INDIVIDUAL"));
    refused("business_name", json!(""));
    refused("business_name", json!("ñ".repeat(141)));
    refused("email", json!("x".repeat(36)));
    refused("mobile_phone_number", json!("+1234567890123456"));
    refused("mobile_phone_number", json!("340 297 7997"));
    refused("mobile_phone_number", json!("++573402977997"));
    refused("mobile_phone_number", json!("+573402977997\n"));
    refused("identification_type", json!("CC"));
    refused("identification_number", json!("90397802"));
    refused("identification_number", json!("9039780231"));
    refused("identification_number", json!(903_978_023));
}

#[test]
fn a_customer_lacking_everything_is_told_everything() {
    let (refused, _) = judge_body("create_customer", &json!({"type": null, "nickname": "x"}));

    assert_eq!(refused, names("business_name email identification_number identification_type mobile_phone_number type"));
    assert_eq!(judge_body("create_customer", &json!([])).0, [""]);
}

#[test]
fn unknown_members_pass_and_are_reported() {
    let mut body = customer();
    body["nickname"] = json!({"deep": 1});

    assert_eq!(judge_body("create_customer", &body), (vec![], names("nickname")));
}

#[test]
fn a_merchant_is_a_customer_with_an_address() {
    let mut merchant = customer();
    merchant["mobile_phone_number"] = json!("3956158117");
    merchant["merchant_category_code"] = json!("0412");
    merchant["address"] = json!({"line_1": "Diagonal 46 1104", "line_3": "Calle 20 675", "city": "Cartagena", "state": "Bolivar", "post_code": "101010", "country": "CO"});

    assert_eq!(judge_body("link_merchant", &merchant), (vec![], vec![]));
    assert_eq!(judge_body("link_merchant", &with(&merchant, "address.country", json!("AR"))).0, ["address.country"]);
    assert_eq!(
        judge_body("link_merchant", &with(&merchant, "address", json!({"planet": 3}))).0,
        names("address.city address.country address.line_1 address.post_code address.state")
    );
    assert_eq!(
        judge_body("link_merchant", &with(&merchant, "merchant_category_code", json!("412"))).0,
        ["merchant_category_code"]
    );
    assert_eq!(judge_body("link_merchant", &with(&merchant, "email", json!(""))).0, ["email"]);
    assert_eq!(judge_body("link_merchant", &customer()), (vec![], names("address merchant_category_code")));
}

#[test]
fn an_amount_is_a_decimal_string_greater_than_zero() {
    let uuid = "6c23f053-0e1a-46b4-b902-97ba47e351bc";
    let payment = json!({"account_id": uuid, "resolution_id": uuid, "amount": {"value": "1", "currency": "COP"}});

    for value in ["1", "0.01", "90000000000000000.50", "007", "10.00", "00.5"] {
        assert_eq!(judge_body("create_breb_payment", &with(&payment, "amount.value", json!(value))), (vec![], vec![]), "{value}");
    }
    for value in [
        json!("0"),
        json!("0.00"),
        json!("-1"),
        json!("1e3"),
        json!("1."),
        json!(".5"),
        json!("1,5"),
        json!(""),
        json!("١"),
        json!(" 1"),
        json!(1),
        json!(0.5),
    ] {
        assert_eq!(
            judge_body("create_breb_payment", &with(&payment, "amount.value", value.clone())).0,
            ["amount.value"],
            "{value}"
        );
    }
    assert_eq!(judge_body("create_breb_payment", &with(&payment, "amount.currency", json!("USD"))).0, ["amount.currency"]);
    assert_eq!(
        judge_body("create_breb_payment", &with(&payment, "resolution_id", json!("r1"))),
        (vec![], names("resolution_id"))
    );
    assert_eq!(
        judge_body("create_breb_payment", &json!({"amount": {}})).0,
        names("account_id amount.currency amount.value resolution_id")
    );
    let ach =
        json!({"account_id": uuid, "recipient_id": uuid, "amount": {"value": "1", "currency": "COP"}, "description": "rent"});
    assert_eq!(judge_body("create_ach_payment", &ach), (vec![], vec![]));
    assert_eq!(judge_body("confirm_breb_payment", &json!({"id": uuid})), (vec![], vec![]));
    assert_eq!(judge_body("confirm_breb_payment", &json!({})).0, ["id"]);
}

#[test]
fn a_key_has_a_type_and_an_alphanumeric_one_its_shape() {
    let uuid = "6c23f053-0e1a-46b4-b902-97ba47e351bc";
    let key =
        |kind: &str, value: &str| json!({"account_id": uuid, "customer_id": uuid, "key": {"key_type": kind, "key_value": value}});
    let refused = |kind: &str, value: &str| judge_body("resolve_key", &key(kind, value)).0;

    for value in ["@abc12", &format!("@{}", "x".repeat(20))] {
        assert!(refused("ALPHA", value).is_empty(), "{value}");
    }
    for value in ["abcdef", "@abc1", &format!("@{}", "x".repeat(21)), "@abc 12", "@ñandúes"] {
        assert_eq!(refused("ALPHA", value), ["key.key_value"], "{value}");
    }
    for kind in ["ID", "PHONE", "EMAIL", "BCODE"] {
        assert!(refused(kind, "anything").is_empty(), "{kind}");
    }
    assert_eq!(refused("alpha", "anything"), ["key.key_type"]);
    assert_eq!(judge_body("create_key", &key("PHONE", "+573001112233")), (vec![], names("customer_id")));
}

#[test]
fn a_qr_code_has_a_type_and_a_purpose() {
    let uuid = "6c23f053-0e1a-46b4-b902-97ba47e351bc";
    let code = json!({"key_id": uuid, "customer_id": uuid, "type": "STATIC", "channel": "POS", "additional_info": {"transaction_purpose": "00"}});

    assert_eq!(judge_body("create_qr_code", &code), (vec![], vec![]));
    assert_eq!(judge_body("create_qr_code", &with(&code, "type", json!("static"))).0, ["type"]);
    for (purpose, legal) in [("01", false), ("02", true), ("07", true), ("08", false)] {
        let (refused, _) = judge_body("create_qr_code", &with(&code, "additional_info.transaction_purpose", json!(purpose)));
        assert_eq!(refused.is_empty(), legal, "{purpose}");
    }
}

#[test]
fn operations_without_a_body_say_so() {
    for (name, _, method, ..) in ROUTES {
        let body = operation(name).body.as_ref().map(BodyRules::required);
        let expected = match (*method, *name) {
            ("GET" | "DELETE", _) => None,
            (_, "suspend_key" | "activate_key") => Some(false),
            _ => Some(true),
        };
        assert_eq!(body, expected, "{name}");
    }
}
