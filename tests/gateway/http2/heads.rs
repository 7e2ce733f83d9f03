//! Heads in HTTP/2: pseudo-header fields, and what must not stand beside them (RFC 9113 §8.2, §8.3).

use super::*;
use crate::support::{LOCAL, keyed};

#[tokio::test]
async fn one_request_goes_up_as_http_1() {
    let world = World::new().await;

    let outcome =
        asked(&world, &get_with(&[("accept", "application/json"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")]))
            .await;

    let Outcome::Answered(200, body) = outcome else { panic!("{outcome:?}") };
    assert!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["accounts"].is_array());
    let up = world.sent_up();
    assert_eq!((up.method.as_str(), up.path.as_str()), ("GET", "/v1/accounts"));
    assert!(
        !up.header_names.iter().any(|name| ["cookie", "te", "content-length"].contains(&name.as_str())),
        "{:?}",
        up.header_names
    );
}

/// The library gives the stream, or the connection, up; the stack sees none of it.
#[tokio::test]
async fn a_malformed_head_is_a_protocol_error_and_reaches_nobody() {
    let world = World::new().await;

    for list in [
        get_with(&[("connection", "close")]),
        get_with(&[("transfer-encoding", "chunked")]),
        get_with(&[("upgrade", "h2c")]),
        get_with(&[("keep-alive", "timeout=5")]),
        get_with(&[("proxy-connection", "close")]),
        get_with(&[("te", "gzip")]),
        get_with(&[("X-Upper", "1")]),
        get_with(&[(":path", "/v1/payments")]),
        get_with(&[(":method", "DELETE")]),
        get_with(&[(":authority", "evil.example")]),
        get_with(&[(":status", "200")]),
        get_with(&[(":unknown", "1")]),
        get_with(&[("x-note", "a\r\nx-smuggled: 1")]),
        get_with(&[("x-note", "a\0b")]),
        get_with(&[("x note", "a")]),
        get_with(&[("x-note:", "a")]),
        get_with(&[("", "a")]),
        GET[1..].to_vec(),
        vec![GET[0], GET[2], GET[3]],
        GET[..3].to_vec(),
        vec![GET[0], GET[1], GET[2], (":path", "")],
        vec![("x-first", "1"), GET[0], GET[1], GET[2], GET[3]],
        vec![("GET /v1/accounts HTTP/1.1\r\nhost", "localhost"), GET[0], GET[1], GET[2], GET[3]],
        vec![(":method", "GET /v1/payments HTTP/1.1\r\nx:"), GET[1], GET[2], GET[3]],
        vec![GET[0], GET[1], GET[2], (":path", "/v1/accounts HTTP/1.1\r\nx: y")],
        vec![GET[0], GET[1], (":authority", "local host"), GET[3]],
    ] {
        let outcome = asked(&world, &list).await;

        assert!(matches!(outcome, Outcome::Reset(_) | Outcome::Closed | Outcome::Answered(400, _)), "{list:?}: {outcome:?}");
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn the_authority_is_the_host_and_both_must_agree() {
    let world = World::with(&format!("server.hosts = [\"localhost\"]\n{LOCAL}")).await;
    let without = [GET[0], GET[1], GET[3]];
    let named = |authority| vec![GET[0], GET[1], (":authority", authority), GET[3]];

    assert_eq!(status(&asked(&world, &get_with(&[("host", "localhost")])).await), 200);
    assert_eq!(status(&asked(&world, &[&without[..], &[("host", "localhost")]].concat()).await), 200);
    assert_eq!(status(&asked(&world, &named("LOCALHOST:80")).await), 200);
    world.passport.clear_requests();
    for list in [
        get_with(&[("host", "evil.example")]),
        get_with(&[("host", "localhost"), ("host", "localhost")]),
        named("evil.example"),
        named("user@localhost"),
        named("localhost:port"),
        without.to_vec(),
        [&without[..], &[("host", "evil.example")]].concat(),
        vec![GET[0], (":scheme", "ftp"), GET[2], GET[3]],
    ] {
        let outcome = asked(&world, &list).await;
        assert!(matches!(outcome, Outcome::Answered(400, _) | Outcome::Reset(_) | Outcome::Closed), "{list:?}: {outcome:?}");
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn paths_and_methods_have_the_same_rules_as_elsewhere() {
    let world = World::new().await;
    let of = |method, path| vec![(":method", method), GET[1], GET[2], (":path", path)];

    for (list, expected) in [
        (of("GET", "/v1/nothing"), 404),
        (of("DELETE", "/v1/accounts"), 405),
        (of("GET", "/v1/./accounts"), 400),
        (of("GET", "/v1/%2e/accounts"), 400),
        (of("GET", "//v1/accounts"), 400),
        (of("GET", "/v1/accounts?status=a&status=b"), 400),
        (of("GET", "/v1/iam/oauth/tokens"), 404),
        (of("OPTIONS", "*"), 400),
    ] {
        let outcome = asked(&world, &list).await;
        assert_eq!(status(&outcome), expected, "{list:?}: {outcome:?}");
    }
    let tunnel = asked(&world, &[(":method", "CONNECT"), (":authority", "localhost:80")]).await;
    assert!(matches!(tunnel, Outcome::Answered(400, _) | Outcome::Reset(_)), "{tunnel:?}");
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_head_beyond_our_bound_is_told_so() {
    let world = World::new().await;
    let wide = "a".repeat(36 << 10);

    let mut peer = Peer::connect(world.server, &[]).await;
    let block = fields(&get_with(&[("x-wide", &wide)]));
    let (first, rest) = block.split_at(16 << 10);
    let (second, third) = rest.split_at(16 << 10);
    peer.send(frame(HEADERS, END_STREAM, 1, first)).await;
    peer.send(frame(CONTINUATION, 0, 1, second)).await;
    peer.send(frame(CONTINUATION, END_HEADERS, 1, third)).await;

    assert_eq!(status(&peer.outcome(1).await), 431);
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_target_beyond_our_bound_is_told_so() {
    let world = World::new().await;
    let long = format!("/v1/accounts?status={}", "a".repeat(9 << 10));
    let of = |authority, path| vec![GET[0], GET[1], (":authority", authority), (":path", path)];

    assert_eq!(status(&asked(&world, &of("localhost", &long)).await), 414);
    assert_eq!(status(&asked(&world, &of(&long[21..], "/v1/accounts")).await), 414);
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_credential_is_asked_for_on_each_stream() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;
    let mut peer = Peer::connect(world.server, &[]).await;

    peer.get(1, &get_with(&[("x-api-key", &key)])).await;
    assert_eq!(status(&peer.outcome(1).await), 200);
    peer.get(3, &GET).await;

    assert_eq!(status(&peer.outcome(3).await), 401);
    assert_eq!(world.arrived().len(), 1);
}
