//! What holds of a request holds on a stream: time-outs, bodies, metrics, drain; and streams do not wait for each other.

use passport_gateway::server::{Signal, Unfinished};

use super::*;
use crate::support::LOCAL;
use crate::support::scripted::{Scripted, ok};

const POST: [(&str, &str); 5] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "localhost"),
    (":path", "/v1/payments/breb/confirm"),
    ("content-type", "application/json"),
];
const PAYMENT: &[u8] = br#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#;
const STREAMED: (&str, &str) = (":path", "/v1/payments/5a0d8c1e-0000-4000-8000-000000000001");

fn streamed() -> [(&'static str, &'static str); 4] {
    [GET[0], GET[1], GET[2], STREAMED]
}

#[tokio::test]
async fn a_body_in_pieces_with_trailers_goes_up_whole() {
    let world = World::new().await;
    let mut peer = Peer::connect(world.server, &[]).await;

    peer.send(frame(HEADERS, END_HEADERS, 1, &fields(&POST))).await;
    peer.send(frame(DATA, 0, 1, &PAYMENT[..10])).await;
    peer.send(frame(DATA, 0, 1, &PAYMENT[10..])).await;
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields(&[("x-sum", "1"), ("content-length", "3")]))).await;

    assert_eq!(status(&peer.outcome(1).await), 404, "the sandbox does not know this payment");
    let up = world.sent_up();
    assert_eq!((up.path.as_str(), &*up.headers["content-length"]), ("/v1/payments/breb/confirm", "45"));
    assert!(!up.header_names.contains(&"x-sum".to_owned()));
}

#[tokio::test]
async fn a_length_that_is_not_kept_is_refused() {
    let world = World::new().await;

    for (length, data) in
        [("3", PAYMENT), ("4500", PAYMENT), ("5, 5", b"12345"), ("+5", b"12345"), ("99999999999999999999", b"1")]
    {
        let mut peer = Peer::connect(world.server, &[]).await;
        peer.send(frame(HEADERS, END_HEADERS, 1, &fields(&[&POST[..], &[("content-length", length)]].concat()))).await;
        peer.send(frame(DATA, END_STREAM, 1, data)).await;

        let outcome = peer.outcome(1).await;

        assert!(
            matches!(outcome, Outcome::Reset(_) | Outcome::Closed | Outcome::Answered(400 | 413, _)),
            "{length}: {outcome:?}"
        );
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn a_body_that_is_too_large_or_too_late_is_refused_and_the_connection_goes_on() {
    let lines = format!("server.max_body_bytes = \"1KiB\"\nserver.body_timeout = \"200ms\"\n{LOCAL}");
    let world = World::with(&lines).await;
    let mut peer = Peer::connect(world.server, &[]).await;

    peer.send(frame(HEADERS, END_HEADERS, 1, &fields(&POST))).await;
    peer.send(frame(DATA, 0, 1, &[b' '; 2000])).await;
    assert_eq!(status(&peer.outcome(1).await), 413);
    peer.send(frame(HEADERS, END_HEADERS, 3, &fields(&POST))).await;
    peer.send(frame(DATA, 0, 3, b"{")).await;
    assert_eq!(status(&peer.outcome(3).await), 408);
    peer.get(5, &GET).await;

    assert_eq!(status(&peer.outcome(5).await), 200);
}

#[tokio::test]
async fn a_slow_stream_does_not_stall_the_others() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 1\n{LOCAL}")).await;
    let mut peer = Peer::connect(world.server, &[]).await;
    peer.get(1, &streamed()).await;
    let slow = upstream.call().await;

    peer.get(3, &GET).await;
    let (quick, _) = tokio::join!(peer.outcome(3), upstream.answer(ok("[]")));
    slow.answer(&ok(r#""slow""#)).await;

    assert_eq!(quick, Outcome::Answered(200, b"[]".to_vec()));
    assert_eq!(peer.outcome(1).await, Outcome::Answered(200, br#""slow""#.to_vec()));
}

#[tokio::test]
async fn a_stream_that_is_reset_gives_its_place_back() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("passport.max_in_flight = 1\n{LOCAL}")).await;
    let mut peer = Peer::connect(world.server, &[]).await;
    peer.get(1, &streamed()).await;
    let mut call = upstream.call().await;

    peer.send(frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes())).await;
    call.closed().await;
    world.until_metric("passport_gateway_requests_in_flight", 0.0).await;
    peer.get(3, &streamed()).await;

    let (next, _) = tokio::join!(peer.outcome(3), upstream.answer(ok("{}")));
    assert_eq!(next, Outcome::Answered(200, b"{}".to_vec()));
}

#[tokio::test]
async fn an_answer_that_breaks_off_resets_its_stream_alone() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut peer = Peer::connect(world.server, &[]).await;
    peer.get(1, &streamed()).await;

    upstream.call().await.close("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello").await;

    assert!(matches!(peer.outcome(1).await, Outcome::Reset(_)));
    peer.get(3, &streamed()).await;
    let (next, _) = tokio::join!(peer.outcome(3), upstream.answer(ok("{}")));
    assert_eq!(next, Outcome::Answered(200, b"{}".to_vec()));
}

#[tokio::test]
async fn streams_are_counted_as_requests_on_one_connection() {
    let world = World::new().await;
    let mut peer = Peer::connect(world.server, &[]).await;
    for stream in [1, 3, 5] {
        peer.get(stream, &GET).await;
        assert_eq!(status(&peer.outcome(stream).await), 200);
    }

    let counted =
        r#"passport_gateway_requests_total{method="GET",operation="list_accounts",outcome="ok",status="200",tenant="acme"}"#;
    world.until_metric(counted, 3.0).await;
    assert_eq!(world.metric("passport_gateway_connections").await, 1.0);
}

#[tokio::test]
async fn drain_says_go_away_and_lets_streams_finish() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut peer = Peer::connect(world.server, &[]).await;
    peer.get(1, &streamed()).await;
    let call = upstream.call().await;

    world.signal(Signal::Interrupt);
    loop {
        let frame = peer.frame().await.expect("it says go away before it closes");
        match frame.kind {
            GOAWAY => break,
            PING if frame.flags & ACK == 0 => peer.send(super::frame(PING, ACK, 0, &frame.payload)).await,
            _ => {}
        }
    }
    call.answer(&ok(r#""done""#)).await;

    assert_eq!(peer.outcome(1).await, Outcome::Answered(200, br#""done""#.to_vec()));
    assert_eq!(world.ended().await, Unfinished::default());
}

#[tokio::test]
async fn who_does_not_want_it_speaks_http_1_alone() {
    let world = World::with(&format!("server.http2 = {{ enabled = false }}\n{LOCAL}")).await;
    let mut peer = Peer::connect(world.server, &[]).await;

    assert!(peer.frame().await.is_none_or(|frame| frame.kind != SETTINGS));
    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::OK);
}
