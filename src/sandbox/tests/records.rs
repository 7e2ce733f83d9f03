//! Customers, accounts, keys, recipients and QR codes: made, changed, withdrawn.

use super::*;

#[tokio::test]
async fn a_merchant_is_linked_with_address_and_category() {
    let mut house = House::open().await;
    let mut body = json!({
        "type": "BUSINESS", "business_name": "Tienda", "email": "t@example.com", "mobile_phone_number": "3402977997",
        "identification_type": "NIT", "identification_number": "812345678", "merchant_category_code": "0412",
        "address": {"line_1": "Calle 1", "city": "Cali", "state": "Valle", "post_code": "760001", "country": "CO"},
    });

    let linked = house.post("/v1/customers/business/link", body.clone()).await;
    body["address"]["country"] = json!("US");
    body["merchant_category_code"] = json!("412");
    let refused = house.post("/v1/customers/business/link", body).await;

    let id = linked.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(house.record(&format!("/v1/customers/{id}")).await["merchant_category_code"], "0412");
    assert_eq!(refused.json()["message"], "Missing or invalid: address.country, merchant_category_code");
}

#[tokio::test]
async fn a_customer_that_breaks_s4_is_400_and_not_created() {
    let mut house = House::open().await;
    let good = json!({
        "type": "BUSINESS", "business_name": "ñ".repeat(140), "email": "a@example.com", "mobile_phone_number": "+573402977997",
        "identification_type": "NIT", "identification_number": "900000001",
    });
    for (member, bad) in [
        ("type", json!("INDIVIDUAL")),
        ("business_name", json!("ñ".repeat(141))),
        ("email", json!("a".repeat(36))),
        ("mobile_phone_number", json!("+1234567890123456")),
        ("identification_type", json!("CC")),
        ("identification_number", json!("12345678")),
        ("identification_number", json!(900_000_001)),
    ] {
        let mut body = good.clone();
        body[member] = bad;
        assert_eq!(house.post("/v1/customers", body).await.status, 400, "{member}");
    }

    assert_eq!(house.post("/v1/customers", good).await.status, 200);
    assert_eq!(house.record("/v1/customers").await["pagination_info"]["total_elements"], 13);
}

#[tokio::test]
async fn a_linked_account_starts_empty_and_receives() {
    let mut house = House::open().await;
    let customer = house.first("customers", "/v1/customers").await;
    let account = house.post("/v1/accounts/link", json!({"customer_id": customer["id"]})).await.json();
    let id = account["id"].as_str().unwrap().to_owned();
    assert_eq!(account["available_balance"], json!({"value": "0", "currency": "COP"}));

    let payment = house.control.receive(&id, "12.30").unwrap();

    assert_eq!(house.record(&format!("/v1/accounts/{id}")).await["available_balance"]["value"], "12.30");
    assert_eq!(house.record(&format!("/v1/payments/{payment}")).await["direction"], "INBOUND");
}

#[tokio::test]
async fn a_key_is_created_suspended_activated_and_deleted() {
    let mut house = House::open().await;
    let account = house.first("accounts", "/v1/accounts").await;
    let key = json!({"key_type": "ALPHA", "key_value": "@mitienda1"});
    let created = house.post("/v1/keys", json!({"account_id": account["id"], "key": key})).await;
    let path = format!("/v1/keys/{}", created.json()["id"].as_str().unwrap());
    let resolution = json!({"customer_id": account["customer_id"], "key": key});

    let again = house.post("/v1/keys", json!({"account_id": account["id"], "key": key})).await;
    let suspended = house.send("PATCH", &format!("{path}/suspend")).await;
    let unresolved = house.post("/v1/key-resolution", resolution.clone()).await;
    let activated = house.send("PATCH", &format!("{path}/activate")).await;
    let resolved = house.post("/v1/key-resolution", resolution).await;
    let deleted = house.send("DELETE", &path).await;

    assert_eq!((created.status.as_u16(), again.status.as_u16()), (200, 409));
    assert_eq!((suspended.json()["status"].clone(), activated.json()["status"].clone()), (json!("SUSPENDED"), json!("ACTIVE")));
    assert_eq!((unresolved.status.as_u16(), resolved.status.as_u16()), (404, 200));
    assert_eq!((deleted.status.as_u16(), deleted.bytes.len()), (200, 0));
    assert_eq!(house.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_key_of_the_wrong_form_is_400() {
    let mut house = House::open().await;
    let account = house.first("accounts", "/v1/accounts").await;
    for key in [
        json!({"key_type": "ALPHA", "key_value": "tienda1"}),
        json!({"key_type": "ALPHA", "key_value": "@abc"}),
        json!({"key_type": "ALPHA", "key_value": "@abcdefghijklmnopqrstu"}),
        json!({"key_type": "NAME", "key_value": "x"}),
        json!({"key_value": "@tienda1"}),
    ] {
        assert_eq!(house.post("/v1/keys", json!({"account_id": account["id"], "key": key})).await.status, 400, "{key}");
    }
}

#[tokio::test]
async fn a_recipient_is_described_or_found_by_key() {
    let mut house = House::open().await;
    let customer = house.first("customers", "/v1/customers").await["id"].clone();
    let described = json!({
        "customer_id": customer, "type": "INDIVIDUAL", "name": "Persona de Prueba", "identification_type": "CC",
        "identification_number": "1000000001", "account_type": "SAVINGS", "account_number": "00012345",
    });
    let by_key = json!({"customer_id": customer, "key": {"key_type": "EMAIL", "key_value": "pagos@example.net"}});

    for body in [described, by_key] {
        let created = house.post("/v1/recipients/breb", body).await;
        assert_eq!(created.status, 201, "{created:?}");
        let path = format!("/v1/recipients/breb/{}", created.json()["id"].as_str().unwrap());
        assert_eq!(house.record(&path).await, created.json());
    }
    assert_eq!(house.record("/v1/recipients?account_number=00012345").await["pagination_info"]["total_elements"], 1);
}

#[tokio::test]
async fn a_code_is_decoded_until_it_is_deleted() {
    let mut house = House::open().await;
    let key = house.first("keys", "/v1/keys").await;
    let body = json!({"key_id": key["id"], "customer_id": key["customer_id"], "type": "STATIC", "channel": "POS", "additional_info": {"transaction_purpose": "02"}});
    let code = house.post("/v1/qrcodes", body.clone()).await;
    let data = json!({"qr_code_data": code.json()["qr_code_data"]});
    let path = format!("/v1/qrcodes/{}", code.json()["id"].as_str().unwrap());

    let decoded = house.post("/v1/qrcodes/decode", data.clone()).await;
    let listed = house.record(&format!("/v1/qrcodes?key_id={}&type=STATIC", key["id"].as_str().unwrap())).await;
    let deleted = house.send("DELETE", &path).await;
    let gone = house.post("/v1/qrcodes/decode", data).await;

    assert_eq!(decoded.json()["key"], key["key"]);
    assert_eq!(listed["qr_codes"], json!([code.json()]));
    assert_eq!((deleted.status.as_u16(), gone.status.as_u16()), (204, 400));
    let mut bad = body;
    bad["additional_info"]["transaction_purpose"] = json!("01");
    assert_eq!(house.post("/v1/qrcodes", bad).await.status, 400);
}

#[tokio::test]
async fn an_unknown_path_is_404_and_an_unknown_method_405() {
    let mut house = House::open().await;

    assert_eq!(house.get("/v1/nothing").await.status, 404);
    let wrong = house.send("PUT", "/v1/accounts").await;
    assert_eq!((wrong.status.as_u16(), wrong.headers[header::ALLOW].to_str().unwrap()), (405, "GET"));
    assert_eq!(house.control.counters()["unmatched"].requests, 2);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let mut house = House::open().await;
    let long = json!({"filler": "x".repeat(1 << 20)});
    assert_eq!(house.post("/v1/customers", long).await.status, 413);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let mut house = House::open().await;
    let mut sender = house.connect().await;
    for _ in 0..3 {
        let request = Request::get("/v1/accounts")
            .header(header::HOST, "sandbox")
            .header(header::AUTHORIZATION, format!("Bearer {}", house.token));
        let answer = exchange(&mut sender, request.body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(answer.status, 200);
    }
}
