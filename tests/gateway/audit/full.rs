//! A disk without room: payments are refused or go on, as the operator wants it.

use super::*;

const FULL: &str = "audit = { path = \"/dev/full\", hmac_key = \"0123456789abcdef0123456789abcdef\"";

#[tokio::test]
async fn a_payment_that_cannot_be_recorded_is_not_forwarded() {
    let upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("{FULL} }}\n{LOCAL}")).await;

    let refused = world.post(CONFIRM, PAYMENT).await;

    assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "audit-unavailable"));
    assert_eq!(refused.field("retry-after"), "1");
    assert_eq!(world.metric("passport_gateway_upstream_requests_total{status=\"200\",upstream=\"paas\"}").await, 0.0);
    assert_eq!(world.metric("passport_gateway_audit_records_total{result=\"refused\"}").await, 1.0);
    assert_eq!(world.metric("passport_gateway_audit_available").await, 0.0);
}

#[tokio::test]
async fn what_moves_no_money_goes_on_and_its_lost_record_is_counted() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("{FULL} }}\n{LOCAL}")).await;
    let key = r#"{"account_id":"5a0d8c1e-0000-4000-8000-000000000001","key":{"key_type":"EMAIL","key_value":"a@example.com"}}"#;
    let mut client = world.client().await;

    let (answered, _) = tokio::join!(client.post("/v1/keys", key), upstream.answer(json_ok(ANSWER)));

    assert_eq!(answered.status, StatusCode::OK);
    world.until_metric("passport_gateway_audit_records_total{result=\"lost\"}", 1.0).await;
}

#[tokio::test]
async fn an_operator_may_have_payments_go_on_and_their_records_counted() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("{FULL}, when_full = \"continue\" }}\n{LOCAL}")).await;
    let mut client = world.client().await;

    let (answered, _) = tokio::join!(client.post(CONFIRM, PAYMENT), upstream.answer(json_ok(ANSWER)));

    assert_eq!(answered.status, StatusCode::OK);
    world.until_metric("passport_gateway_audit_available", 0.0).await;
}

#[tokio::test]
async fn payments_go_on_once_records_can_be_written_again() {
    let (folder, mut upstream) = (TempDir::new().unwrap(), Scripted::start().await);
    std::os::unix::fs::symlink("/dev/full", path(&folder)).unwrap();
    let world = World::before(&upstream, &format!("{}{LOCAL}", audited(&folder, ""))).await;
    let mut client = world.client().await;
    assert_eq!(client.post(CONFIRM, PAYMENT).await.problem(), "audit-unavailable");

    fs::remove_file(path(&folder)).unwrap();
    world.until_metric("passport_gateway_audit_available", 1.0).await;
    let (answered, _) = tokio::join!(client.post(CONFIRM, PAYMENT), upstream.answer(json_ok(ANSWER)));

    assert_eq!(answered.status, StatusCode::OK);
    records(&path(&folder), 1).await;
}
