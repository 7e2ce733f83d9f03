//! What goes up and what comes back.

use http::StatusCode;

use crate::support::World;

#[tokio::test]
async fn a_list_is_passports_own() {
    let world = World::new().await;

    let answer = world.get("/v1/accounts").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.json()["accounts"].is_array());
    assert!(answer.fields.contains_key("x-request-id"));
}
