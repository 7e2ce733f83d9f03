//! What goes up and what comes back.

use http::StatusCode;

use crate::support::scripted::{Scripted, answer, ok};
use crate::support::{LOCAL, World};

mod answers;
mod bodies;
mod fields;
mod requests;

/// An operation whose answers are never stored.
const PAYMENT: &str = "/v1/payments/5a0d8c1e-0000-4000-8000-000000000001";

#[tokio::test]
async fn a_list_is_passports_own() {
    let world = World::new().await;

    let answer = world.get("/v1/accounts").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.json()["accounts"].is_array());
    assert!(answer.fields.contains_key("x-request-id"));
}
