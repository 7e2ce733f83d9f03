//! What a stage shows of itself.

use http::{HeaderValue, Method, header};

use super::*;
use crate::testing::{arrival, clock, config, snapshots, validated};

mod spellings;

/// A request whose every part holds the same secret.
fn secretive() -> Arrival {
    let mut arrival = arrival(Method::GET, "/v1/customers?identification_number=hunter2", "");
    arrival.head.headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer hunter2"));
    arrival.head.headers.insert("x-hunter2", HeaderValue::from_static("hunter2"));
    arrival
}

#[tokio::test]
async fn no_stage_prints_what_a_caller_sent() {
    let snapshots = snapshots(config(), clock());
    let mut anonymous = secretive();
    anonymous.head.headers.remove(header::AUTHORIZATION);

    let arrived = format!("{:?}", secretive());
    let outbound = format!("{:?}", validated(&snapshots, anonymous).outbound(HeaderValue::from_static("Bearer hunter2")));

    assert!(!arrived.contains("hunter2"), "{arrived}");
    assert!(!outbound.contains("hunter2"), "{outbound}");
    assert!(outbound.contains("list_customers"), "{outbound}");
}
