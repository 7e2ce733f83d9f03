//! Every operation that is promised, called once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{customer, other_customer, text};
use crate::support::World;

/// Sends one request and checks what became of it: `public` is what the caller asks for, `up` what reaches Passport.
struct Walk {
    world: World,
    called: BTreeSet<String>,
}

impl Walk {
    /// A call that goes up to the path it came for.
    async fn same(&mut self, operation: &str, request: &str, body: Option<Value>) -> Value {
        self.call(operation, request, request, body).await
    }

    async fn call(&mut self, operation: &str, public: &str, up: &str, body: Option<Value>) -> Value {
        let (method, target) = public.split_once(' ').unwrap();
        let counted = format!(r#"passport_gateway_request_duration_seconds_count{{operation="{operation}"}}"#);
        let before = self.world.metric(&counted).await;
        self.world.passport.clear_requests();

        let body = body.map(|body| body.to_string());
        let mut client = self.world.client().await;
        let answer = client.request(method, target, body.as_deref()).await;

        assert!(answer.status.is_success(), "{operation}: {} {}", answer.status, answer.text());
        let arrived = self.world.sent_up();
        assert_eq!(format!("{} {}", arrived.method, arrived.path), up, "{operation}");
        assert_eq!(arrived.bearer, "valid", "{operation}");
        assert!(self.world.metric_after(&mut client, &counted).await > before, "{operation} is the label of {public}");
        self.called.insert(operation.to_owned());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// The id of the first record of a list.
    async fn first(&mut self, operation: &str, list: &str, path: &str) -> String {
        let answer = self.same(operation, &format!("GET {path}"), None).await;
        text(&answer[list][0]["id"])
    }
}

async fn customers(walk: &mut Walk) -> String {
    let id = walk.first("list_customers", "customers", "/v1/customers").await;
    walk.same("get_customer", &format!("GET /v1/customers/{id}"), None).await;
    walk.call("create_customer", "POST /v1/customers", "POST /v1/paas/entities/customers", Some(customer())).await;
    walk.same("create_customer", "POST /v1/paas/entities/customers", Some(other_customer("901234568"))).await;
    let mut merchant = other_customer("901234569");
    merchant["merchant_category_code"] = json!("5411");
    merchant["address"] =
        json!({"line_1": "Calle 1 2-3", "city": "Cali", "state": "Valle", "post_code": "760001", "country": "CO"});
    walk.same("link_merchant", "POST /v1/customers/business/link", Some(merchant)).await;
    id
}

async fn accounts(walk: &mut Walk, customer: &str) -> String {
    let id = walk.first("list_accounts", "accounts", "/v1/accounts").await;
    walk.same("get_account", &format!("GET /v1/accounts/{id}"), None).await;
    walk.same("link_account", "POST /v1/accounts/link", Some(json!({"customer_id": customer, "account_type": "ORDINARY"}))).await;
    id
}

async fn keys(walk: &mut Walk, customer: &str, account: &str) -> (String, String) {
    let id = walk.first("list_keys", "keys", "/v1/keys").await;
    walk.same("get_key", &format!("GET /v1/keys/{id}"), None).await;
    let key = json!({"account_id": account, "key": {"key_type": "ALPHA", "key_value": "@andina2026"}});
    let made = text(&walk.same("create_key", "POST /v1/keys", Some(key)).await["id"]);
    walk.same("suspend_key", &format!("PATCH /v1/keys/{made}/suspend"), None).await;
    walk.same("activate_key", &format!("PATCH /v1/keys/{made}/activate"), None).await;
    walk.same("delete_key", &format!("DELETE /v1/keys/{made}"), None).await;
    let asked = json!({"customer_id": customer, "key": {"key_type": "ALPHA", "key_value": "@almacen01"}});
    let resolved = walk.same("resolve_key", "POST /v1/key-resolution", Some(asked)).await;
    let resolution = resolved.get("resolution_id").or_else(|| resolved.get("id")).map(text);
    (id, resolution.unwrap_or_else(|| panic!("{resolved}")))
}

async fn recipients(walk: &mut Walk, customer: &str) -> String {
    let id = walk.first("list_recipients", "recipients", "/v1/recipients").await;
    walk.same("get_recipient", &format!("GET /v1/recipients/breb/{id}"), None).await;
    let recipient = json!({"customer_id": customer, "key": {"key_type": "ALPHA", "key_value": "@almacen01"}});
    walk.same("create_recipient", "POST /v1/recipients/breb", Some(recipient)).await;
    id
}

async fn payments(walk: &mut Walk, account: &str, resolution: &str, recipient: &str) {
    let id = walk.first("list_payments", "payments", "/v1/payments").await;
    walk.same("get_payment", &format!("GET /v1/payments/{id}"), None).await;
    let amount = json!({"value": "1500.50", "currency": "COP"});
    let payment = json!({"account_id": account, "resolution_id": resolution, "amount": amount});
    let made = text(&walk.same("create_breb_payment", "POST /v1/payments/breb", Some(payment)).await["id"]);
    walk.same("confirm_breb_payment", "POST /v1/payments/breb/confirm", Some(json!({"id": made}))).await;
    let payment = json!({"account_id": account, "recipient_id": recipient, "amount": amount, "description": "nómina"});
    walk.same("create_ach_payment", "POST /v1/payments/ach", Some(payment)).await;
}

async fn qr_codes(walk: &mut Walk, customer: &str, key: &str) {
    let code = json!({
        "key_id": key, "customer_id": customer, "type": "STATIC", "channel": "POS",
        "additional_info": {"transaction_purpose": "00"},
    });
    let made = walk.same("create_qr_code", "POST /v1/qrcodes", Some(code)).await;
    let id = walk.first("list_qr_codes", "qr_codes", "/v1/qrcodes").await;
    walk.same("get_qr_code", &format!("GET /v1/qrcodes/{id}"), None).await;
    let data = json!({"qr_code_data": made["qr_code_data"]});
    walk.same("decode_qr_code", "POST /v1/qrcodes/decode", Some(data)).await;
    walk.same("delete_qr_code", &format!("DELETE /v1/qrcodes/{id}"), None).await;
}

/// The operations that interface.md promises.
const OPERATIONS: &str = "list_customers get_customer create_customer link_merchant list_accounts get_account link_account \
    list_payments get_payment create_breb_payment confirm_breb_payment create_ach_payment list_keys get_key create_key \
    suspend_key activate_key delete_key resolve_key list_recipients get_recipient create_recipient list_qr_codes get_qr_code \
    create_qr_code delete_qr_code decode_qr_code";

#[tokio::test]
async fn every_operation_reaches_its_own_path() {
    let mut walk = Walk { world: World::new().await, called: BTreeSet::new() };

    let customer = customers(&mut walk).await;
    let account = accounts(&mut walk, &customer).await;
    let (key, resolution) = keys(&mut walk, &customer, &account).await;
    let recipient = recipients(&mut walk, &customer).await;
    payments(&mut walk, &account, &resolution, &recipient).await;
    qr_codes(&mut walk, &customer, &key).await;

    let promised: BTreeSet<String> = OPERATIONS.split_whitespace().map(str::to_owned).collect();
    assert_eq!(walk.called, promised);
}
