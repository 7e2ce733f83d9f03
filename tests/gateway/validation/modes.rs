//! How sure we are of a rule decides what breaking it costs.

use http::StatusCode;

use super::{assert_faults, customer, world};

/// A fault against a documented rule, an inferred one, and a parameter that no rule knows.
const DOCUMENTED: &str = "/v1/accounts?order_params.order_direction=UP";
const INFERRED: &str = "/v1/accounts?account_id=seven";
const UNKNOWN: &str = "/v1/accounts?colour=red";

const REPORTED: &str = r#"passport_gateway_shadow_denials_total{operation="list_accounts",problem="invalid-request"}"#;

/// Sends a request that must go up, whatever Passport then says; gives how many reports it made.
async fn forwarded(lines: &str, target: &str) -> f64 {
    let world = world(lines).await;

    let mut client = world.client().await;
    client.get(target).await;

    let query = target.split_once('?').map(|(_, query)| query.to_owned());
    assert_eq!(world.sent_up().query, query, "{target} goes up as it came");
    world.metric_after(&mut client, REPORTED).await
}

#[tokio::test]
async fn by_default_documented_rules_are_enforced() {
    let world = world("").await;

    let mut client = world.client().await;

    let answer = client.get(DOCUMENTED).await;

    assert_faults(&world, &answer, &["query order_params.order_direction"]);
    assert!(world.metric_after(&mut client, REPORTED).await < 0.5, "what is denied is no shadow denial");
}

#[tokio::test]
async fn by_default_inferred_rules_and_unknown_parameters_are_reported_and_forwarded() {
    assert!((forwarded("", INFERRED).await - 1.0).abs() < 0.5);
    assert!((forwarded("", UNKNOWN).await - 1.0).abs() < 0.5);
}

#[tokio::test]
async fn documented_rules_may_be_reported_or_off() {
    assert!((forwarded("validation.documented = \"report\"", DOCUMENTED).await - 1.0).abs() < 0.5);
    assert!(forwarded("validation.documented = \"off\"", DOCUMENTED).await < 0.5);
}

#[tokio::test]
async fn inferred_rules_may_be_enforced_or_off() {
    let world = world("validation.inferred = \"enforce\"").await;
    assert_faults(&world, &world.get(INFERRED).await, &["query account_id"]);
    assert!(forwarded("validation.inferred = \"off\"", INFERRED).await < 0.5);
}

#[tokio::test]
async fn unknown_parameters_may_be_refused_or_ignored() {
    let world = world("validation.unknown_parameters = \"enforce\"").await;
    assert_faults(&world, &world.get(UNKNOWN).await, &["query colour"]);
    assert!(forwarded("validation.unknown_parameters = \"off\"", UNKNOWN).await < 0.5);
}

#[tokio::test]
async fn a_path_parameter_is_judged_by_its_rules_too() {
    let world = world("validation.inferred = \"enforce\"").await;

    assert_faults(&world, &world.get("/v1/accounts/seven").await, &["path account_id"]);
}

#[tokio::test]
async fn what_is_unsafe_is_refused_though_all_else_is_off() {
    let off = ["documented", "inferred", "unknown_parameters"].map(|kind| format!("validation.{kind} = \"off\"\n")).concat();
    let world = world(&off).await;

    assert_faults(&world, &world.get("/v1/accounts?colour=red&colour=blue").await, &["query colour"]);
    assert_faults(&world, &world.get("/v1/accounts?colour=%00").await, &["query colour"]);
    let twice = customer().to_string().replacen('{', r#"{"type":"BUSINESS","#, 1);
    let answer = world.post("/v1/customers", &twice).await;
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "invalid-request"));
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_body_is_reported_like_a_query() {
    let world = world("validation.documented = \"report\"").await;

    let mut client = world.client().await;

    client.post("/v1/customers", r#"{"type":"PERSON"}"#).await;

    assert_eq!(&world.sent_up().body[..], br#"{"type":"PERSON"}"#);
    let sample = r#"passport_gateway_shadow_denials_total{operation="create_customer",problem="invalid-request"}"#;
    assert!((world.metric_after(&mut client, sample).await - 1.0).abs() < 0.5);
}
