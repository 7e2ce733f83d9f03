//! What a request must be before it costs Passport anything, and what is passed on when it is.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, LOCAL, World};

mod bodies;
mod bounds;
mod modes;
mod queries;

/// A body of `POST /v1/customers` that keeps every rule.
fn customer() -> Value {
    json!({
        "type": "BUSINESS",
        "business_name": "Panadería Andina SAS",
        "email": "hola@example.com",
        "mobile_phone_number": "+573402977997",
        "identification_type": "NIT",
        "identification_number": "901234567",
    })
}

/// A gateway whose configuration has these lines besides its local app.
async fn world(lines: &str) -> World {
    World::with(&format!("{lines}\n{LOCAL}")).await
}

/// Checks that the request was refused for exactly these faults, each `in name`, and that nothing went up.
#[track_caller]
fn assert_faults(world: &World, answer: &Answer, faults: &[&str]) {
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "invalid-request"), "{}", answer.text());
    let told = answer.json();
    let told: BTreeSet<String> = told["errors"].as_array().unwrap().iter().map(fault).collect();
    assert_eq!(told, faults.iter().map(|fault| (*fault).to_owned()).collect::<BTreeSet<_>>());
    assert!(world.arrived().is_empty());
}

fn fault(error: &Value) -> String {
    assert!(!error["detail"].as_str().unwrap().is_empty(), "each fault says what was expected");
    format!("{} {}", error["in"].as_str().unwrap(), error["name"].as_str().unwrap())
}

#[tokio::test]
async fn faults_of_query_and_body_are_told_together() {
    let world = world("validation.unknown_parameters = \"enforce\"").await;
    let mut body = customer();
    body["type"] = json!("PERSON");
    body.as_object_mut().unwrap().remove("email");

    let answer = world.post("/v1/customers?verbose=1", &body.to_string()).await;

    assert_faults(&world, &answer, &["query verbose", "body type", "body email"]);
}

#[tokio::test]
async fn no_value_is_ever_repeated_to_anyone() {
    let world = world("validation.inferred = \"enforce\"\nvalidation.unknown_parameters = \"enforce\"").await;
    let planted = "planted-1020304050";
    let query = format!(
        "page_params.page_size={planted}&order_params.order_direction={planted}&customer_id={planted}&stranger={planted}\
         &created_at_after.nanos={planted}&status=%01{planted}&type={planted}&type={planted}x"
    );
    let mut body = customer();
    for member in ["type", "mobile_phone_number", "identification_type", "identification_number", "email"] {
        body[member] = json!(format!("{planted}{}", "x".repeat(40)));
    }

    let answers = [
        world.get(&format!("/v1/payments?{query}")).await,
        world.get(&format!("/v1/accounts/{planted}")).await,
        world.get(&format!("/v1/accounts/{planted}%2F")).await,
        world.post("/v1/customers", &body.to_string()).await,
        world.post("/v1/customers", &format!(r#"{{"type":"{planted}","type":"{planted}"}}"#)).await,
        world.post("/v1/customers", planted).await,
        world.post("/v1/customers", &format!(r#""{planted}""#)).await,
    ];

    for answer in answers {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
        assert!(!answer.text().contains(planted), "{}", answer.text());
        assert!(!format!("{:?}", answer.fields).contains(planted));
    }
}
