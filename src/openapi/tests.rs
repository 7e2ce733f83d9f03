//! The description says what the catalogue holds, no less and no more.

use std::collections::BTreeSet;

use crate::config;
use crate::refusal::Refusal;

use super::*;

fn described(text: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, text).unwrap();
    document(&config::offer(Some(&path)).unwrap())
}

fn embedded() -> Offer {
    config::offer(None).unwrap()
}

/// Every place in the document, with what stands there.
fn places(value: &Value) -> Vec<(String, &Value)> {
    let below = |name: String, value| places(value).into_iter().map(move |(path, value)| (format!("/{name}{path}"), value));
    let mut found = vec![(String::new(), value)];
    match value {
        Value::Object(members) => found.extend(members.iter().flat_map(|(name, value)| below(name.replace('/', "~1"), value))),
        Value::Array(items) => found.extend(items.iter().enumerate().flat_map(|(at, value)| below(at.to_string(), value))),
        _ => {}
    }
    found
}

fn parameter<'d>(document: &'d Value, path: &str, name: &str) -> &'d Value {
    let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
    parameters.iter().find(|parameter| parameter["name"] == name).unwrap()
}

#[test]
fn every_operation_is_there_at_each_of_its_paths_and_nothing_else_is() {
    let offer = embedded();
    let document = document(&offer);

    let mut expected = BTreeSet::new();
    for (_, operation) in offer.catalogue.operations() {
        for path in &operation.paths {
            expected.insert((path.to_string(), operation.method.as_str().to_ascii_lowercase()));
            if operation.method == http::Method::GET {
                expected.insert((path.to_string(), "head".to_owned()));
            }
        }
    }
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, item): (&String, &Value)| {
        item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())).collect::<Vec<_>>()
    };
    assert_eq!(paths.iter().flat_map(methods).collect::<BTreeSet<_>>(), expected);
    assert!(paths.keys().all(|path| !path.to_lowercase().contains("iam")));
}

#[test]
fn operation_ids_are_unique_and_the_principal_one_is_the_operations_name() {
    let offer = embedded();
    let document = document(&offer);

    let ids: Vec<&str> = places(&document)
        .into_iter()
        .filter(|(path, _)| path.ends_with("/operationId"))
        .map(|(_, id)| id.as_str().unwrap())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for (_, operation) in offer.catalogue.operations() {
        assert!(ids.contains(&&*operation.name), "{}", operation.name);
    }
    assert!(ids.contains(&"create_customer_2"));
}

#[test]
fn every_reference_leads_somewhere() {
    for document in [document(&embedded()), described("[validation]\ninferred = \"enforce\"\n")] {
        for (path, reference) in places(&document).into_iter().filter(|(path, _)| path.ends_with("/$ref")) {
            let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some_and(|found| !found.is_null()), "{path}: {reference}");
        }
    }
}

#[test]
fn what_an_operation_needs_and_takes_is_told() {
    let document = document(&embedded());
    let create = &document["paths"]["/v1/customers"]["post"];

    assert_eq!(create["x-required-scope"], "paas.core.entity_customers.post");
    assert_eq!(
        create["security"],
        json!([{"bearerToken": ["paas.core.entity_customers.post"]}, {"apiKey": ["paas.core.entity_customers.post"]}])
    );
    assert_eq!(create["requestBody"]["required"], true);
    let schema = &create["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let body = document.pointer(schema.as_str().unwrap().trim_start_matches('#')).unwrap();
    assert_eq!(body["$ref"], "#/components/schemas/customer");
    assert_eq!(document["components"]["schemas"]["customer"]["properties"]["business_name"]["maxLength"], 140);
    let headers = create["parameters"].as_array().unwrap();
    assert!(headers.contains(&json!({"$ref": "#/components/parameters/IdempotencyKey"})));
}

#[test]
fn documented_rules_are_constraints_and_inferred_ones_are_words() {
    let document = document(&embedded());

    let direction = parameter(&document, "/v1/payments", "order_params.order_direction");
    assert_eq!(direction["schema"]["enum"], json!(["ORDER_DIRECTION_ENUM_UNSPECIFIED", "ASC", "DESC"]));
    let nanos = parameter(&document, "/v1/payments", "created_at_after.nanos");
    assert_eq!((&nanos["schema"]["minimum"], &nanos["schema"]["maximum"]), (&json!(0), &json!(999_999_999)));

    let size = parameter(&document, "/v1/payments", "page_params.page_size");
    assert_eq!(size["schema"], json!({"type": "string"}));
    assert_eq!(size["description"], "Expected, but not enforced: must be an integer, at least 1.");
    assert_eq!(parameter(&document, "/v1/payments", "payment_id")["schema"], json!({"type": "string"}));
    let text = document.to_string();
    assert!(!text.contains("\"uuid\"") && !text.contains("order_key\",\"schema\":{\"pattern"), "an inferred rule constrains");
}

#[test]
fn what_is_a_constraint_follows_the_configuration() {
    let strict = described("[validation]\ninferred = \"enforce\"\n");
    let lax = described("[validation]\ndocumented = \"off\"\n");

    let id = parameter(&strict, "/v1/accounts/{account_id}", "account_id");
    assert_eq!(id["schema"]["allOf"][1], json!({"type": "string", "format": "uuid"}));
    assert_eq!(parameter(&strict, "/v1/payments", "page_params.page_size")["schema"]["minimum"], 1);
    assert_eq!(parameter(&lax, "/v1/payments", "order_params.order_direction")["schema"], json!({"type": "string"}));
    assert_eq!(lax["paths"]["/v1/customers"]["post"]["requestBody"]["content"]["application/json"]["schema"], json!({}));
}

/// How a write's idempotency key is described: whether there is one, and whether it is required.
fn key_of(document: &Value, path: &str) -> Option<bool> {
    let parameters = document["paths"][path]["post"]["parameters"].as_array().unwrap().iter();
    let mut referred = parameters.filter_map(|parameter| document.pointer(parameter["$ref"].as_str()?.strip_prefix('#')?));
    let key = referred.find(|parameter| parameter["name"] == "Idempotency-Key")?;
    Some(key["required"].as_bool().unwrap())
}

#[test]
fn a_key_is_required_where_a_request_without_is_refused() {
    let of = |document: &Value| ["/v1/payments/breb", "/v1/customers", "/v1/key-resolution"].map(|path| key_of(document, path));

    assert_eq!(of(&document(&embedded())), [Some(true), Some(false), None]);
    assert_eq!(of(&described("idempotency.required_for = \"writes\"\n")), [Some(true), Some(true), None]);
    assert_eq!(of(&described("idempotency.required_for = \"none\"\n")), [Some(false), Some(false), None]);
}

#[test]
fn only_those_who_may_call_and_what_may_be_called_are_described() {
    let document = described(
        "[local]\ntenant = \"acme\"\n[operations.list_keys]\nenabled = false\n[passport]\nenvironment = \"production\"\n",
    );

    assert_eq!(document["components"]["securitySchemes"], json!({}));
    assert_eq!(document["paths"]["/v1/accounts"]["get"]["security"], json!([{}]));
    assert!(document["paths"]["/v1/keys"]["get"].is_null() && document["paths"]["/v1/keys"]["post"].is_object());
    assert!(document["paths"]["/v1/customers"]["post"].is_null(), "its upstream has no URL in production");
}

#[test]
fn every_problem_is_a_type_and_stands_at_its_status() {
    let document = document(&embedded());

    let types = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"].as_array().unwrap();
    for refusal in Refusal::every() {
        let kind = refusal.kind();
        assert!(types.contains(&json!(format!("urn:passport-gateway:problem:{}", kind.name))));
        let response = &document["components"]["responses"][format!("Problem{}", kind.status.as_u16())];
        assert!(response["description"].as_str().unwrap().contains(&format!("`{}`", kind.name)), "{}", kind.name);
    }
}

#[test]
fn operations_of_the_users_own_are_described_too() {
    let text = r##"
[operations.list_webhooks]
method = "GET"
path = "/v1/webhooks/{kind}"
upstream = "paas"
scope = "paas.core.webhooks.list.get"
[operations.list_webhooks.query_parameters.documented]
state = { kind = "text", max = 20 }
[operations.create_webhook]
method = "POST"
path = "/v1/webhooks"
upstream = "paas"
scope = "paas.core.webhooks.post"
effect = "write"
[operations.create_webhook.body.documented]
"$ref" = "#/$defs/tree"
properties.self = { "$ref" = "#/properties/name" }
properties.name = { type = "string" }
[operations.create_webhook.body.documented."$defs".tree]
properties.child = { "$ref" = "#/$defs/tree" }
"##;
    let document = described(text);

    assert_eq!(parameter(&document, "/v1/webhooks/{kind}", "state")["schema"]["maxLength"], 20);
    let schemas = &document["components"]["schemas"];
    let tree = "#/components/schemas/create_webhook_tree";
    assert_eq!(schemas["create_webhook_tree"], json!({"properties": {"child": {"$ref": tree}}}));
    let body = &schemas["create_webhook_body_documented"];
    assert_eq!(body["$ref"], tree);
    assert_eq!(body["properties"]["self"]["$ref"], "#/components/schemas/create_webhook_body_documented/properties/name");
}

#[test]
fn the_same_offer_is_described_in_the_same_words() {
    assert_eq!(document(&embedded()).to_string(), document(&embedded()).to_string());
}
