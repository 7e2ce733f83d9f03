//! Each wait of a request for something else than the upstream is a span, too: for keys, for a token, for what replicas share.

use std::time::Duration;

use super::*;
use crate::support::BEGINNING;
use crate::support::issuer::{Issuer, claims, with};
use crate::support::redis::Redis;
use crate::support::signer::Signer;
use crate::support::until::until;

/// The spans of the trace to which the span of this name belongs, that one's own included.
fn below(spans: &BTreeMap<String, Span>, name: &str) -> Vec<String> {
    let trace = &spans[name].trace_id;
    spans.values().filter(|span| span.trace_id == *trace).map(|span| span.name.clone()).collect()
}

#[tokio::test]
async fn who_waits_for_an_issuers_newer_keys_has_a_span_for_it() {
    let (upstream, collector) = (Scripted::start().await, Scripted::start().await);
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let issuer = Issuer::of(&[&old]).await;
    let lines = format!("telemetry.otlp_endpoint = \"http://{}\"\n{}", collector.address, issuer.configuration());
    let world = World::before(&upstream, &lines).await;
    world.until_metric(r#"passport_gateway_upstream_token_requests_total{credential="acme",result="ok"}"#, 1.0).await;
    issuer.fetched(1).await;
    world.clock.advance(Duration::from_secs(31));
    issuer.publish(&[&old, &new]);
    let mut scene = Scene { world, upstream, collector };

    let token = new.token(&with(claims(), "exp", BEGINNING + 86_400));
    scene.get("/v1/accounts", &format!("Authorization: Bearer {token}\r\n")).await;

    let spans = scene.spans(3).await;
    assert_eq!(below(&spans, "list_accounts"), ["issuer keys", "list_accounts", "upstream"]);
    assert_eq!(spans["issuer keys"].parent_span_id, spans["list_accounts"].span_id);
    assert_eq!(spans["issuer keys"].kind(), SpanKind::Internal);
}

#[tokio::test]
async fn who_waits_for_a_token_has_a_span_for_it() {
    let mut scene = Scene::new("").await;
    scene.world.clock.advance(Duration::from_secs(10));
    let mut client = scene.world.client().await;

    client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    scene.upstream.answer(answer("401 Unauthorized", "", "{}")).await;
    scene.upstream.answer(ok("{}")).await;
    assert_eq!(client.answer(false).await.unwrap().status, 200);

    let spans = scene.spans(3).await;
    assert_eq!(below(&spans, "list_accounts"), ["list_accounts", "upstream", "upstream token"]);
    assert_eq!(spans["upstream token"].parent_span_id, spans["list_accounts"].span_id);
}

#[tokio::test]
async fn who_waits_for_what_replicas_share_has_a_span_for_it() {
    let redis = Redis::start().await;
    let (upstream, collector) = (Scripted::start().await, Scripted::start().await);
    let limit = "rate_limit = { requests = 100, per = \"1s\" }";
    let tenant = LOCAL.replacen("[tenants.acme]", &format!("[tenants.acme]\n{limit}"), 1);
    let endpoint = format!("telemetry.otlp_endpoint = \"http://{}\"", collector.address);
    let lines = format!("{endpoint}\n{}store.timeout = \"5s\"\n{tenant}", redis.configuration());
    let world = World::before(&upstream, &lines).await;
    world.until_metric(r#"passport_gateway_upstream_token_requests_total{credential="acme",result="ok"}"#, 1.0).await;
    until("connected", async || world.admin("/status").await.json()["store"]["state"] == "connected").await;
    let mut scene = Scene { world, upstream, collector };

    scene.get("/v1/accounts", "").await;

    let spans = scene.spans(3).await;
    assert_eq!(below(&spans, "list_accounts"), ["list_accounts", "store", "upstream"]);
    assert_eq!((spans["store"].kind(), &spans["store"].parent_span_id), (SpanKind::Client, &spans["list_accounts"].span_id));
    assert!(!attributes(&spans["store"]).values().any(|value| value.contains("acme")), "{:?}", attributes(&spans["store"]));
}
