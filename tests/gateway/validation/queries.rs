//! Queries: rules that Passport documents, what could be read in two ways, and the one form that goes up.

use http::StatusCode;

use super::{assert_faults, world};

#[tokio::test]
async fn every_fault_of_a_query_is_told_at_once() {
    let world = world("").await;

    let answer = world
        .get(
            "/v1/payments?order_params.order_direction=UP&page_params.first_request_timestamp.nanos=1000000000\
             &created_at_after.nanos=-1&updated_at_before.nanos=x",
        )
        .await;

    assert_faults(
        &world,
        &answer,
        &[
            "query order_params.order_direction",
            "query page_params.first_request_timestamp.nanos",
            "query created_at_after.nanos",
            "query updated_at_before.nanos",
        ],
    );
}

#[tokio::test]
async fn a_parameter_that_stands_twice_does_not_hide_other_faults() {
    let world = world("").await;

    let answer = world.get("/v1/accounts?status=a&status=b&order_params.order_direction=UP").await;

    assert_faults(&world, &answer, &["query status", "query order_params.order_direction"]);
}

#[tokio::test]
async fn seconds_may_be_of_the_years_one_to_9999() {
    let world = world("").await;
    let name = "page_params.first_request_timestamp.seconds";

    for seconds in ["-62135596800", "253402300799", "0"] {
        assert_eq!(world.get(&format!("/v1/accounts?{name}={seconds}")).await.status, StatusCode::OK, "{seconds}");
    }
    world.passport.clear_requests();
    for seconds in ["-62135596801", "253402300800", "99999999999999999999", "1.5", "1e3", "0x10", "", "+1 ", "١"] {
        let answer = world.get(&format!("/v1/accounts?{name}={}", seconds.replace('١', "%D9%A1").replace(' ', "%20"))).await;
        assert_faults(&world, &answer, &[&format!("query {name}")]);
    }
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused_however_it_is_spelled() {
    let world = world("").await;

    for query in ["status=a&status=b", "status=a&status=a", "status=a&st%61tus=b", "status&status=", "status=a&&status=b"] {
        assert_faults(&world, &world.get(&format!("/v1/accounts?{query}")).await, &["query status"]);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let world = world("").await;

    for (query, fault) in [
        ("status=%00", "query status"),
        ("status=a%0d%0ab", "query status"),
        ("status=%C2%85", "query status"),
        ("status=%ff", "query status"),
        ("status=%", "query status"),
        ("status=%4", "query status"),
        ("status=%zz", "query status"),
        ("st%00atus=1", "query "),
        ("=1", "query "),
    ] {
        assert_faults(&world, &world.get(&format!("/v1/accounts?{query}")).await, &[fault]);
    }
}

#[tokio::test]
async fn a_query_of_too_many_parameters_is_refused() {
    let world = world("").await;
    let query: Vec<String> = (0..101).map(|number| format!("p{number}=1")).collect();

    let answer = world.get(&format!("/v1/accounts?{}", query.join("&"))).await;

    assert_faults(&world, &answer, &["query "]);
}

#[tokio::test]
async fn a_query_goes_up_in_its_one_form() {
    let world = world("").await;

    world.get("/v1/accounts?status=AC%54IVE&&account_type=a+b%2Bc&customer_id=&").await;

    let up = world.sent_up();
    assert_eq!(up.query.as_deref(), Some("account_type=a%20b%2Bc&customer_id=&status=ACTIVE"));
}

#[tokio::test]
async fn an_empty_query_is_none() {
    let world = world("").await;

    world.get("/v1/accounts?").await;

    assert_eq!(world.sent_up().query, None);
}

#[tokio::test]
async fn letters_beyond_ascii_arrive_as_they_were_meant() {
    let world = world("").await;

    world.get("/v1/payments?sender_name=Mar%C3%ADa+%C3%91u%C3%B1ez").await;

    assert_eq!(world.sent_up().query.as_deref(), Some("sender_name=Mar%C3%ADa%20%C3%91u%C3%B1ez"));
}
