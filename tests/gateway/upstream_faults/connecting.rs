//! No connection, or one that dies before a byte was sent.

use super::*;

/// A gateway whose `paas` is away, while tokens are to be had.
async fn unreachable() -> World {
    let passport = Scripted::start().await;
    let lines = format!(
        "passport.upstreams = {{ paas = \"http://{}\" }}\npassport.token_url = \"http://{}/v1/iam/oauth/tokens\"\n{LOCAL}",
        nobody().await,
        passport.address
    );
    let world = World::with(&lines).await;
    until("a token is there", async || world.metric(OK).await == 1.0).await;
    world
}

const OK: &str = r#"passport_gateway_upstream_token_requests_total{credential="acme",result="ok"}"#;
const RETRIES: &str = r#"passport_gateway_upstream_retries_total{reason="unreachable",upstream="paas"}"#;

#[tokio::test]
async fn a_refused_connection_is_tried_again_for_any_method_since_nothing_was_sent() {
    let world = unreachable().await;

    assert_problem(&world.get("/v1/accounts").await, 502, "upstream-unreachable");
    assert_eq!(world.metric(RETRIES).await, 2.0);
    assert_problem(&world.post("/v1/payments/breb/confirm", PAYMENT).await, 502, "upstream-unreachable");
    assert_eq!(world.metric(RETRIES).await, 4.0);
}

#[tokio::test]
async fn a_resting_connection_that_passport_closed_is_no_callers_concern() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 1\n{LOCAL}")).await;
    let mut client = world.client().await;

    for turn in 0..10 {
        let post = async { client.post("/v1/payments/breb/confirm", PAYMENT).await };
        let (got, ()) = tokio::join!(post, async {
            // The length says where the answer ends, so the connection rests; and then it is gone.
            upstream.call().await.close(&ok("{}")).await;
        });
        assert_eq!(got.status, StatusCode::OK, "{turn}: {}", got.text());
        assert!(!upstream.is_asked());
        world.until_metric(r#"passport_gateway_upstream_connections{state="idle",upstream="paas"}"#, 0.0).await;
    }
}

#[tokio::test]
async fn what_rests_too_long_is_not_used_again() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 1\npassport.idle_timeout = \"100ms\"\n{LOCAL}")).await;

    for _ in 0..2 {
        let (got, _) = tokio::join!(world.get(STREAMED), upstream.answer(ok("{}")));
        assert_eq!(got.status, StatusCode::OK);
        world.until_metric(r#"passport_gateway_upstream_connections{state="idle",upstream="paas"}"#, 0.0).await;
    }

    assert_eq!(upstream.connections(), 3, "one for the token, one for each request");
}

#[tokio::test]
async fn an_upstream_that_comes_back_is_used_at_once() {
    let mut upstream = Scripted::start().await;
    let address = upstream.address;
    let world = World::before(&upstream, LOCAL).await;
    let (got, _) = tokio::join!(world.get(STREAMED), upstream.answer(ok("{}")));
    assert_eq!(got.status, StatusCode::OK);

    drop(upstream);
    until("it is gone", async || tokio::net::TcpStream::connect(address).await.is_err()).await;
    assert_problem(&world.get(STREAMED).await, 502, "upstream-unreachable");
    let mut upstream = Scripted::at(address).await;
    let (got, _) = tokio::join!(world.get(STREAMED), upstream.answer(ok("[]")));

    assert_eq!((got.status, got.text().as_str()), (StatusCode::OK, "[]"));
}

/// A listener whose backlog is full: the system answers nobody who comes now. What fills it lives as long as this.
pub(super) async fn full() -> (socket2::Socket, std::net::SocketAddr, Vec<tokio::net::TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) = tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await {
        waiting.push(connected.unwrap());
        assert!(waiting.len() < 100, "the backlog is never full");
    }
    (socket, address, waiting)
}

#[tokio::test]
async fn who_answers_no_connection_is_given_up_in_time_and_nothing_was_sent() {
    let passport = Scripted::start().await;
    let (_socket, address, _waiting) = full().await;
    let world = World::with(&format!(
        "passport.upstreams = {{ paas = \"http://{address}\" }}\npassport.token_url = \"http://{}/v1/iam/oauth/tokens\"\n\
         passport.connect_timeout = \"200ms\"\nretry.attempts = 1\n{LOCAL}",
        passport.address
    ))
    .await;

    assert_problem(&world.get("/v1/accounts").await, 502, "upstream-unreachable");
    assert_problem(&world.post("/v1/payments/breb/confirm", PAYMENT).await, 502, "upstream-unreachable");
    assert_eq!(world.metric(RETRIES).await, 2.0, "for both, since nothing was sent");
}

#[tokio::test]
async fn writes_after_a_restart_arrive_once_though_every_resting_connection_is_dead() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 1\nretry.attempts = 0\n{LOCAL}")).await;

    for turn in 0..3 {
        let mut callers = futures_util::future::join_all((0..4).map(|_| world.client())).await;
        let asked = callers.iter_mut().map(|caller| caller.post("/v1/payments/breb/confirm", PAYMENT));
        let answered = async {
            let mut calls = Vec::new();
            for _ in 0..4 {
                calls.push(upstream.call().await);
            }
            for call in &mut calls {
                call.write(ok("{}").as_bytes()).await;
            }
            calls
        };
        let (answers, calls) = tokio::join!(futures_util::future::join_all(asked), answered);
        assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
        for (place, call) in calls.into_iter().enumerate() {
            if place % 2 == 0 { call.reset() } else { _ = call.close("").await }
        }
        world.until_metric(r#"passport_gateway_upstream_connections{state="idle",upstream="paas"}"#, 0.0).await;

        let post = world.post("/v1/payments/breb/confirm", PAYMENT);
        let (got, ()) = tokio::join!(post, async { _ = upstream.call().await.close(&ok("{}")).await });
        assert_eq!(got.status, StatusCode::OK, "{turn}: {}", got.text());
        assert!(!upstream.is_asked());
    }
}
