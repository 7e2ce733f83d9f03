//! Bodies as the pages say, by the embedded catalogue.

use serde_json::{Value, json};

use super::*;

/// What a body of `name` breaks, as [`judge`].
fn judge_body(name: &str, body: &Value) -> (Vec<String>, Vec<String>) {
    let mut report = Report::new(Modes::default());
    operation(name).body.as_ref().unwrap().check(body.to_string().as_bytes(), &mut report);
    let sorted = |list: Vec<Violation>| {
        let mut names: Vec<String> = list.into_iter().map(|violation| violation.name).collect();
        names.sort();
        names
    };
    (sorted(report.refused), sorted(report.reported))
}

fn customer() -> Value {
    json!({
        "type": "BUSINESS", "business_name": "Panadería Ñandú", "email": "eAqpUh6u@example.com",
        "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": "903978023",
    })
}

/// The document with one member, named as violations name it, replaced.
fn with(document: &Value, name: &str, value: Value) -> Value {
    let mut document = document.clone();
    *document.pointer_mut(&format!("/{}", name.replace('.', "/"))).unwrap_or_else(|| panic!("{name}")) = value;
    document
}

#[test]
fn a_customer_is_judged_by_the_page() {
    let none = (vec![], vec![]);
    let passes = |name: &str, value: &str| {
        assert_eq!(judge_body("create_customer", &with(&customer(), name, json!(value))), none, "{name} {value}");
    };
    let refused = |name: &str, value: Value| {
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
