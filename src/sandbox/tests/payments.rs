//! Payments: what is answered, and where the money is at each moment.

use super::*;
use crate::sandbox::money::Amount;

fn balances(account: &Value) -> (String, String) {
    let value = |name: &str| account[name]["value"].as_str().unwrap().to_owned();
    (value("available_balance"), value("pending_balance"))
}

async fn resolve(house: &mut House, customer: &Value, key: &Value) -> String {
    let answer = house.post("/v1/key-resolution", json!({"customer_id": customer, "key": key})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["resolution_id"].as_str().unwrap().to_owned()
}

/// A payment from the first account to the second one's key, not yet confirmed.
async fn create(house: &mut House, amount: &str) -> Value {
    let accounts = house.record("/v1/accounts").await["accounts"].clone();
    let key = house.first("keys", &format!("/v1/keys?account_id={}", accounts[1]["id"].as_str().unwrap())).await;
    let resolution = resolve(house, &accounts[0]["customer_id"], &key["key"]).await;
    let amount = json!({"value": amount, "currency": "COP"});
    let answer = house
        .post("/v1/payments/breb", json!({"account_id": accounts[0]["id"], "resolution_id": resolution, "amount": amount}))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn a_confirmed_payment_settles_with_time_and_moves_money_exactly() {
    let mut house = House::open().await;
    let before = house.record("/v1/accounts").await["accounts"].clone();
    assert_eq!(balances(&before[0]), ("90000000000000000".to_owned(), "0".to_owned()));

    let payment = create(&mut house, "1.01").await;
    assert_eq!(payment["status"], "PENDING");
    let confirmed = house.post("/v1/payments/breb/confirm", json!({"id": payment["id"]})).await.json();
    assert_eq!(confirmed["status"], "PROCESSING");
    let held = house.record("/v1/accounts").await["accounts"].clone();
    assert_eq!(balances(&held[0]), ("89999999999999998.99".to_owned(), "1.01".to_owned()));
    assert_eq!(balances(&held[1]), balances(&before[1]));

    house.clock.advance(Duration::from_secs(2));

    let settled = house.record(&format!("/v1/payments/{}", payment["id"].as_str().unwrap())).await;
    assert_eq!((settled["status"].as_str(), settled["updated_at"].as_str()), (Some("SETTLED"), Some("2025-10-09T08:53:22.123Z")));
    let after = house.record("/v1/accounts").await["accounts"].clone();
    assert_eq!(balances(&after[0]), ("89999999999999998.99".to_owned(), "0".to_owned()));
    let received: Amount = balances(&after[1]).0.parse().unwrap();
    let had: Amount = balances(&before[1]).0.parse().unwrap();
    assert_eq!(received.minus(had), "1.01".parse().ok());
    let inbound = house
        .first(
            "payments",
            &format!(
                "/v1/payments?direction=INBOUND&account_id={}&order_params.order_direction=DESC",
                after[1]["id"].as_str().unwrap()
            ),
        )
        .await;
    assert_eq!(inbound["end_to_end_identification"], payment["end_to_end_identification"]);
}

#[tokio::test]
async fn an_unaffordable_payment_is_rejected_with_200() {
    let mut house = House::open().await;

    let payment = create(&mut house, "90000000000000000.01").await;

    assert_eq!(payment["status"], "REJECTED");
    assert_eq!(payment["error"]["error_code"], "INSUFFICIENT_FUNDS");
    assert!(payment["error"]["error_description"].is_string());
    let confirm = house.post("/v1/payments/breb/confirm", json!({"id": payment["id"]})).await;
    assert_eq!(confirm.status, 409);
}

#[tokio::test]
async fn a_payment_is_confirmed_once() {
    let mut house = House::open().await;
    let payment = create(&mut house, "10").await;

    let first = house.post("/v1/payments/breb/confirm", json!({"id": payment["id"]})).await;
    let second = house.post("/v1/payments/breb/confirm", json!({"id": payment["id"]})).await;

    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 409));
    assert_eq!(house.control.settle(), 1);
}

#[tokio::test]
async fn a_key_suspended_before_the_confirmation_rejects_the_payment() {
    let mut house = House::open().await;
    let payment = create(&mut house, "10").await;
    let key = house.first("keys", &format!("/v1/keys?key_value={}", payment["key"]["key_value"].as_str().unwrap())).await;
    house.send("PATCH", &format!("/v1/keys/{}/suspend", key["id"].as_str().unwrap())).await;

    let confirmed = house.post("/v1/payments/breb/confirm", json!({"id": payment["id"]})).await;

    assert_eq!((confirmed.status.as_u16(), confirmed.json()["status"].clone()), (200, json!("REJECTED")));
}

#[tokio::test]
async fn a_resolution_must_exist_and_be_fresh() {
    let mut house = House::open().await;
    let account = house.first("accounts", "/v1/accounts").await;
    let outside = json!({"key_type": "ALPHA", "key_value": "@almacen01"});
    let resolution = resolve(&mut house, &account["customer_id"], &outside).await;
    let pay = |resolution: &str| json!({"account_id": account["id"], "resolution_id": resolution, "amount": {"value": "5", "currency": "COP"}});

    let unknown = house.post("/v1/payments/breb", pay("nothing")).await;
    let fresh = house.post("/v1/payments/breb", pay(&resolution)).await;
    house.control.advance(Duration::from_mins(5));
    let expired = house.post("/v1/payments/breb", pay(&resolution)).await;

    assert_eq!([unknown.status.as_u16(), fresh.status.as_u16(), expired.status.as_u16()], [404, 200, 404]);
}

#[tokio::test]
async fn an_ach_payment_goes_from_pending_through_processing_to_settled() {
    let mut house = House::open().await;
    let account = house.first("accounts", "/v1/accounts").await;
    let recipient = house.first("recipients", "/v1/recipients").await;
    let body = json!({"account_id": account["id"], "recipient_id": recipient["id"], "amount": {"value": "100.5", "currency": "COP"}, "description": "Arriendo"});

    let payment = house.post("/v1/payments/ach", body).await.json();
    let path = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
    let mut seen = vec![payment["status"].clone()];
    for _ in 0..2 {
        house.clock.advance(Duration::from_secs(1));
        seen.push(house.record(&path).await["status"].clone());
    }

    assert_eq!(seen, ["PENDING", "PROCESSING", "SETTLED"]);
    assert_eq!((payment["amount"]["value"].as_str(), payment["type"].as_str()), (Some("100.50"), Some("ACH")));
    let after = house.first("accounts", "/v1/accounts").await;
    assert_eq!(balances(&after), ("89999999999999899.50".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn an_amount_that_is_no_positive_decimal_string_is_400() {
    let mut house = House::open().await;
    let account = house.first("accounts", "/v1/accounts").await;
    for value in [json!("0"), json!("-1"), json!("1e3"), json!(5), json!("")] {
        let body = json!({"account_id": account["id"], "resolution_id": "r", "amount": {"value": value, "currency": "COP"}});
        assert_eq!(house.post("/v1/payments/breb", body).await.status, 400, "{value}");
    }
}

#[tokio::test]
async fn a_paid_dynamic_code_is_used_up() {
    let mut house = House::open().await;
    let key = house.first("keys", "/v1/keys").await;
    let body = json!({"key_id": key["id"], "customer_id": key["customer_id"], "type": "DYNAMIC", "channel": "APP", "additional_info": {"transaction_purpose": "00"}});
    let code = house.post("/v1/qrcodes", body).await.json();
    let payer = house.record("/v1/accounts").await["accounts"][1].clone();
    let resolution = resolve(&mut house, &payer["customer_id"], &key["key"]).await;
    let body = json!({"account_id": payer["id"], "resolution_id": resolution, "qr_code_reference": code["qr_code_reference"], "amount": {"value": "7", "currency": "COP"}});
    let payment = house.post("/v1/payments/breb", body).await.json();

    house.post("/v1/payments/breb/confirm", json!({"id": payment["id"]})).await;
    house.control.settle();

    let path = format!("/v1/qrcodes/{}", code["id"].as_str().unwrap());
    assert_eq!(house.record(&path).await["status"], "PAID");
}
