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
