//! A connection over TLS is held to what any connection is held to.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use passport_gateway::server::Signal;

use super::*;
use crate::support::frames::{GET, Outcome, Peer};
use crate::support::until::until;

#[tokio::test]
async fn requests_are_served_over_both_versions_that_are_safe() {
    let scene = Scene::plain().await;

    for version in rustls::ALL_VERSIONS {
        let config = scene.authority.client_of(None, &[version]);
        let mut client = Client::over_tls(scene.world.server, &config).await.unwrap();

        for _ in 0..2 {
            assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK, "{version:?}");
        }
    }
}

#[tokio::test]
async fn http_1_is_agreed_upon_and_nothing_else_can_be() {
    let scene = Scene::plain().await;
    let offering = |protocols: &[&str]| {
        let mut config = ClientConfig::clone(&scene.authority.client(None));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    };

    let stream = secured(scene.world.server, &offering(&["gopher", "http/1.1"])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(secured(scene.world.server, &offering(&["gopher"])).await.is_err(), "no protocol in common (RFC 7301 §3.2)");
}

#[tokio::test]
async fn http_2_is_agreed_upon_and_spoken() {
    let scene = Scene::plain().await;
    let mut config = ClientConfig::clone(&scene.authority.client(None));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

    let stream = secured(scene.world.server, &Arc::new(config)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut peer = Peer::over(stream, &[]).await;
    for stream in [1, 3] {
        let list = GET.map(|(name, value)| (name, if name == ":scheme" { "https" } else { value }));
        peer.get(stream, &list).await;
        let Outcome::Answered(200, body) = peer.outcome(stream).await else { panic!("no answer") };
        assert!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["accounts"].is_array());
    }

    assert_eq!(scene.world.metric("passport_gateway_connections").await, 1.0);
}

#[tokio::test]
async fn who_agreed_on_http_2_and_speaks_something_else_is_not_answered() {
    let scene = Scene::plain().await;
    let mut config = ClientConfig::clone(&scene.authority.client(None));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);

    for bytes in ["GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n", "INVALID CONNECTION PREFACE\r\n\r\n"] {
        let mut stream = secured(scene.world.server, &config).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        // How it closes says nothing.
        let _ = stream.read_to_end(&mut heard).await;
        assert_eq!(String::from_utf8_lossy(&heard), "", "{bytes:?}");
    }

    scene.world.until_metric(&sample("protocol"), 2.0).await;
    assert!(scene.world.arrived().is_empty());
}

#[tokio::test]
async fn what_is_no_tls_is_not_answered_and_counted() {
    let scene = Scene::plain().await;
    let mut client = scene.world.client().await;

    client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    let mut alert = client.rest().await;
    assert!(alert.first().is_none_or(|kind| *kind == 21), "an alert (RFC 8446 §6) at most: {alert:?}");
    alert.clear();
    scene.world.until_metric(&sample("tls_handshake"), 1.0).await;
    assert!(scene.world.arrived().is_empty());
}

#[tokio::test]
async fn whoever_does_not_finish_the_handshake_is_cut_off_in_time() {
    let authority = Authority::new("authority");
    let files = Files::of(&authority.issue(&[NAME]), None);
    let world = World::with(&format!("server.header_timeout = \"100ms\"\n{}{LOCAL}", files.line(""))).await;
    let mut silent = TcpStream::connect(world.server).await.unwrap();
    let mut dripping = Client::connect(world.server).await;
    // The beginning of a record that announces more.
    dripping.send(&[22, 3, 1, 2, 0, 1]).await;

    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    assert!(dripping.is_closed().await);
    world.until_metric(&sample("tls_handshake_timeout"), 2.0).await;
}

#[tokio::test]
async fn a_probe_that_only_connects_is_no_error() {
    let scene = Scene::plain().await;

    drop(TcpStream::connect(scene.world.server).await.unwrap());
    scene.world.until_metric("passport_gateway_connections", 0.0).await;
    assert_eq!(scene.client(None).await.get("/v1/accounts").await.status, StatusCode::OK);

    let text = scene.world.admin("/metrics").await.text();
    assert!(!text.contains("passport_gateway_connection_errors_total{"), "{text}");
}

#[tokio::test]
async fn closing_without_saying_so_in_tls_is_no_error() {
    let scene = Scene::plain().await;
    let mut stream = secured(scene.world.server, &scene.authority.client(None)).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);

    drop(stream.into_inner().0);

    scene.world.until_metric("passport_gateway_connections", 0.0).await;
    let text = scene.world.admin("/metrics").await.text();
    assert!(!text.contains("passport_gateway_connection_errors_total{"), "{text}");
}

#[tokio::test]
async fn a_body_that_is_announced_twice_is_refused_inside_tls_too() {
    let scene = Scene::plain().await;
    let mut client = scene.client(None).await;

    let head = "POST /v1/accounts/link HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    client.send(format!("{head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n").as_bytes()).await;

    let answer = client.answer(false).await.unwrap();
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "malformed-request"));
    assert!(scene.world.arrived().is_empty());
}

#[tokio::test]
async fn drain_closes_what_is_idle_and_what_is_in_the_handshake() {
    let scene = Scene::plain().await;
    let mut idle = scene.client(None).await;
    assert_eq!(idle.get("/v1/accounts").await.status, StatusCode::OK);
    let mut shaking = Client::connect(scene.world.server).await;
    shaking.send(&[22, 3, 1, 2, 0, 1]).await;
    scene.world.until_metric("passport_gateway_connections", 2.0).await;

    scene.world.signal(Signal::Interrupt);

    assert!(idle.is_closed().await);
    assert!(shaking.is_closed().await);
    assert_eq!(scene.world.ended().await.connections, 0);
}

#[tokio::test]
async fn a_unix_socket_beside_it_stays_plain() {
    let authority = Authority::new("authority");
    let files = Files::of(&authority.issue(&[NAME]), None);
    let socket = files.path("gateway.sock");
    let listen = format!("server.listen = [\"127.0.0.1:0\", \"unix:{}\"]\n", socket.display());
    let world = World::with(&format!("{listen}{}{LOCAL}", files.line(""))).await;

    let mut plain = Client::over(tokio::net::UnixStream::connect(&socket).await.unwrap());

    assert_eq!(plain.get("/v1/accounts").await.status, StatusCode::OK);
    assert!(is_served(world.server, &authority.client(None)).await);
}

/// How the second of two connections in a row shakes hands.
async fn second_handshake(scene: &Scene, config: &Arc<ClientConfig>) -> rustls::HandshakeKind {
    let mut kind = rustls::HandshakeKind::Full;
    for _ in 0..2 {
        let mut stream = secured(scene.world.server, config).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
        kind = stream.get_ref().1.handshake_kind().unwrap();
    }
    kind
}

#[tokio::test]
async fn a_session_is_resumed_only_where_no_certificate_was_asked_for() {
    let (plain, asking) = (Scene::plain().await, Scene::asking("").await);
    let config = plain.authority.client(None);

    // The first look at the files, which may come between two connections, has tickets of its own.
    until("a session is resumed", async || second_handshake(&plain, &config).await == rustls::HandshakeKind::Resumed).await;

    let config = asking.authority.client(None);
    assert_eq!(second_handshake(&asking, &config).await, rustls::HandshakeKind::Full);
}
