//! What a request is known by: its id and its trace.

use super::{assert_malformed, bare, get, names_sent_up};
use crate::support::World;

#[tokio::test]
async fn a_harmless_request_id_is_kept_sent_up_and_echoed() {
    let world = World::new().await;

    let answer = world.raw(get("X-Request-Id: order-17:a_b.c\r\n")).await;

    assert_eq!(answer.field("x-request-id"), "order-17:a_b.c");
    assert_eq!(world.sent_up().headers["x-request-id"], "order-17:a_b.c");
}

#[tokio::test]
async fn any_other_request_id_is_replaced() {
    for lines in
        ["", "X-Request-Id: a b\r\n", "X-Request-Id:\r\n", "X-Request-Id: a\r\nX-Request-Id: b\r\n", "X-Request-Id: {\"a\"}\r\n"]
    {
        let world = World::new().await;

        let answer = world.raw(get(lines)).await;

        let id = answer.field("x-request-id").to_owned();
        assert!(uuid::Uuid::try_parse(&id).is_ok_and(|id| id.get_version_num() == 7), "{lines:?}: {id}");
        assert_eq!(world.sent_up().headers["x-request-id"], id);
        assert_eq!(answer.fields.get_all("x-request-id").iter().count(), 1);
    }
}

#[tokio::test]
async fn a_refusal_has_its_request_id_in_field_and_body() {
    let world = World::new().await;

    for request in [get("X-Request-Id: abc\r\nConnection: host\r\n"), bare("X-Request-Id: abc\r\n")] {
        let answer = world.raw(&request).await;

        assert_malformed(&answer);
        assert_eq!(answer.field("x-request-id"), "abc");
        assert_eq!(answer.json()["request_id"], "abc");
    }
}

#[tokio::test]
async fn the_trace_goes_on() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let world = World::new().await;

    world.raw(get(&format!("traceparent: {trace}\r\n"))).await;

    let up = world.sent_up();
    let sent = up.headers.get("traceparent").map_or("", String::as_str);
    assert!(sent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && sent.len() == trace.len(), "{sent}");
}

#[tokio::test]
async fn what_is_no_trace_ends_here() {
    for trace in [
        "nonsense",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        let world = World::new().await;

        let names = names_sent_up(&world, &get(&format!("traceparent: {trace}\r\n"))).await;

        let sent = world.sent_up().headers.get("traceparent").cloned().unwrap_or_default();
        assert!(!sent.contains(trace), "{names:?} {sent}");
    }
}
