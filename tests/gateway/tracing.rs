//! Traces: the W3C context in and out, and spans as an OpenTelemetry collector reads them, by its own types.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;

use crate::support::scripted::{Scripted, answer, ok};
use crate::support::{LOCAL, World};

mod waits;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// A gateway between an upstream and a collector, both played by the test.
struct Scene {
    world: World,
    upstream: Scripted,
    collector: Scripted,
}

impl Scene {
    async fn new(lines: &str) -> Self {
        let (upstream, collector) = (Scripted::start().await, Scripted::start().await);
        let endpoint = format!("telemetry.otlp_endpoint = \"http://{}\"", collector.address);
        let world = World::before(&upstream, &format!("{endpoint}\n{lines}\n{LOCAL}")).await;
        world.until_metric(r#"passport_gateway_upstream_token_requests_total{credential="acme",result="ok"}"#, 1.0).await;
        Self { world, upstream, collector }
    }

    /// Sends a GET with these fields, and answers it; gives back what went up.
    async fn get(&mut self, target: &str, fields: &str) -> String {
        let mut client = self.world.client().await;
        client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes()).await;
        let head = self.upstream.answer(ok("{}")).await;
        assert!(client.answer(false).await.unwrap().status.is_success());
        head
    }

    /// The spans of exports until so many have come, by name.
    async fn spans(&mut self, count: usize) -> BTreeMap<String, Span> {
        let mut spans = BTreeMap::new();
        while spans.len() < count {
            let (_, exported) = self.export().await;
            spans.extend(exported.into_iter().map(|span| (span.name.clone(), span)));
        }
        spans
    }

    /// The next export: its bytes, and the spans in it.
    async fn export(&mut self) -> (Vec<u8>, Vec<Span>) {
        let call = self.collector.call().await;
        assert_eq!(call.line(), "POST /v1/traces HTTP/1.1");
        assert_eq!(call.field("content-type"), "application/x-protobuf");
        let body = call.body.clone();
        call.answer(&answer("200 OK", "Content-Type: application/x-protobuf\r\n", "")).await;
        let export = ExportTraceServiceRequest::decode(&*body).expect("it is protobuf");
        let of = &export.resource_spans[0];
        let name = of.resource.as_ref().unwrap().attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
        assert_eq!(text(name.value.as_ref().unwrap().value.as_ref().unwrap()), "passport-gateway");
        (body, of.scope_spans.iter().flat_map(|scope| scope.spans.clone()).collect())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(integer) => integer.to_string(),
        other => panic!("{other:?}"),
    }
}

fn attributes(span: &Span) -> BTreeMap<&str, String> {
    span.attributes.iter().map(|one| (one.key.as_str(), text(one.value.as_ref().unwrap().value.as_ref().unwrap()))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn field<'a>(head: &'a str, name: &str) -> &'a str {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
}

#[tokio::test]
async fn a_request_joins_its_callers_trace_and_the_upstream_is_told_of_the_attempt() {
    let mut scene = Scene::new("").await;

    let up = scene
        .get("/v1/accounts", &format!("traceparent: {PARENT}\r\ntracestate: congo=t61, rojo=00f\r\nX-Request-Id: r-1\r\n"))
        .await;

    let spans = scene.spans(2).await;
    let (request, attempt) = (&spans["list_accounts"], &spans["upstream"]);
    assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (TRACE.to_owned(), "00f067aa0ba902b7".to_owned()));
    assert_eq!((request.kind(), request.trace_state.as_str()), (SpanKind::Server, "congo=t61,rojo=00f"));
    assert_eq!((hex(&attempt.trace_id), &attempt.parent_span_id), (TRACE.to_owned(), &request.span_id));
    assert_eq!(attempt.kind(), SpanKind::Client);
    assert_eq!(field(&up, "traceparent"), format!("00-{TRACE}-{}-01", hex(&attempt.span_id)));
    assert_eq!(field(&up, "tracestate"), "congo=t61,rojo=00f");
    assert!(request.start_time_unix_nano <= attempt.start_time_unix_nano);
    assert!(
        attempt.start_time_unix_nano <= attempt.end_time_unix_nano && attempt.end_time_unix_nano <= request.end_time_unix_nano
    );
    let told = attributes(request);
    assert_eq!(
        (told["passport_gateway.operation"].as_str(), told["passport_gateway.tenant"].as_str()),
        ("list_accounts", "acme")
    );
    assert_eq!((told["http.request.method"].as_str(), told["http.response.status_code"].as_str()), ("GET", "200"));
    assert_eq!((told["passport_gateway.outcome"].as_str(), told["passport_gateway.request_id"].as_str()), ("ok", "r-1"));
    let told = attributes(attempt);
    assert_eq!((told["passport_gateway.upstream"].as_str(), told["http.response.status_code"].as_str()), ("paas", "200"));
}

#[tokio::test]
async fn a_trace_begins_here_if_no_caller_began_one() {
    let mut scene = Scene::new("").await;

    // Two contexts, or one that is none, are no context.
    let up =
        scene.get("/v1/accounts", &format!("traceparent: {PARENT}\r\ntraceparent: {PARENT}\r\ntracestate: congo=t61\r\n")).await;

    let spans = scene.spans(2).await;
    let (request, attempt) = (&spans["list_accounts"], &spans["upstream"]);
    assert!(request.parent_span_id.is_empty() && hex(&request.trace_id) != TRACE);
    assert_eq!(field(&up, "traceparent"), format!("00-{}-{}-01", hex(&request.trace_id), hex(&attempt.span_id)));
    assert_eq!((field(&up, "tracestate"), request.trace_state.as_str()), ("", ""));
}

#[tokio::test]
async fn who_is_not_sampled_has_no_span_and_says_so_to_the_upstream() {
    let mut scene = Scene::new("telemetry.trace_ratio = \"0%\"").await;

    let own = scene.get("/v1/customers", "").await;
    let callers = scene.get("/v1/payments", &format!("traceparent: {UNSAMPLED}\r\n")).await;
    scene.get("/v1/accounts", &format!("traceparent: {PARENT}\r\n")).await;

    assert!(field(&own, "traceparent").ends_with("-00"), "{own}");
    assert!(
        field(&callers, "traceparent").starts_with(&format!("00-{TRACE}-")) && field(&callers, "traceparent").ends_with("-00")
    );
    assert_ne!(field(&callers, "traceparent"), UNSAMPLED, "a new span's id goes up");
    let names: Vec<String> = scene.spans(2).await.into_keys().collect();
    assert_eq!(names, ["list_accounts", "upstream"], "the caller that is sampled decides about its own trace");
}

#[tokio::test]
async fn each_wait_is_a_span_below_its_request() {
    let mut scene = Scene::new("").await;
    let (mut leader, mut follower, mut slow) =
        (scene.world.client().await, scene.world.client().await, scene.world.client().await);
    let get = "GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n";

    leader.send(get.as_bytes()).await;
    let call = scene.upstream.call().await;
    follower.send(get.as_bytes()).await;
    let body = r#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#;
    let head = "POST /v1/payments/breb/confirm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    slow.send(format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).await;
    scene.world.until_metric("passport_gateway_requests_in_flight", 3.0).await;
    call.answer(&ok("{}")).await;
    assert!(leader.answer(false).await.is_some() && follower.answer(false).await.is_some());
    slow.send(body.as_bytes()).await;
    scene.upstream.answer(ok("{}")).await;
    assert!(slow.answer(false).await.is_some());

    let spans = scene.spans(5).await;
    let names: Vec<&str> = spans.keys().map(String::as_str).collect();
    assert_eq!(names, ["body", "cache flight", "confirm_breb_payment", "list_accounts", "upstream"]);
    assert_eq!(spans["body"].parent_span_id, spans["confirm_breb_payment"].span_id);
    assert_eq!(spans["body"].trace_id, spans["confirm_breb_payment"].trace_id);
    assert_eq!(spans["cache flight"].kind(), SpanKind::Internal);
}

#[tokio::test]
async fn what_fails_is_marked_as_failed() {
    let mut scene = Scene::new("retry.attempts = 0").await;
    let mut client = scene.world.client().await;

    client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    scene.upstream.call().await.reset();
    assert_eq!(client.answer(false).await.unwrap().status, 502);

    let spans = scene.spans(2).await;
    for (name, key, value) in
        [("list_accounts", "passport_gateway.outcome", "upstream-unreachable"), ("upstream", "error.type", "no answer")]
    {
        assert_eq!(spans[name].status.as_ref().unwrap().code, 2, "{name}");
        assert_eq!(attributes(&spans[name])[key], value);
    }
}

#[tokio::test]
async fn nothing_personal_is_in_a_span() {
    let mut scene = Scene::new("").await;
    let private = ["900123456", "+573001234567", "ana@example.com", "5a0d8c1e-0000-4000-8000-000000000001"];

    scene
        .get(
            &format!("/v1/payments/{}", private[3]),
            &format!("Accept-Language: {}\r\nX-Document: {}\r\n", private[2], private[0]),
        )
        .await;
    scene.get("/v1/accounts?document=900123456&phone=%2B573001234567", "").await;

    let mut seen = Vec::new();
    let mut bytes = Vec::new();
    while !(seen.contains(&"get_payment".to_owned()) && seen.contains(&"list_accounts".to_owned())) {
        let (exported, spans) = scene.export().await;
        bytes.extend(exported);
        seen.extend(spans.into_iter().map(|span| span.name));
    }
    for value in private.into_iter().chain(["573001234567", "/v1/", "document", "scripted", "sandbox-secret"]) {
        assert!(!bytes.windows(value.len()).any(|window| window == value.as_bytes()), "{value}");
    }
}

#[tokio::test]
async fn a_collector_that_is_gone_harms_nobody_and_is_counted() {
    let mut scene = Scene::new("").await;
    let (taken, _) = (scene.collector.address, std::mem::replace(&mut scene.collector, Scripted::start().await));
    assert_ne!(taken, scene.collector.address);

    scene.get("/v1/accounts", "").await;

    scene.world.until_metric(r#"passport_gateway_otlp_spans_total{result="failed"}"#, 2.0).await;
    scene.get("/v1/customers", "").await;
}

#[tokio::test]
async fn a_collector_that_is_busy_for_a_moment_gets_the_spans_later() {
    let mut scene = Scene::new("").await;

    scene.get("/v1/accounts", "").await;
    scene.collector.call().await.close(&answer("503 Service Unavailable", "", "")).await;

    assert_eq!(scene.spans(2).await.len(), 2);
    scene.world.until_metric(r#"passport_gateway_otlp_spans_total{result="exported"}"#, 2.0).await;
}

#[tokio::test]
async fn the_last_spans_are_sent_before_the_end() {
    let mut scene = Scene::new("lifecycle.pre_drain = \"0s\"").await;
    scene.get("/v1/accounts", "").await;

    scene.world.signal(passport_gateway::server::Signal::Terminate);
    let Scene { world, upstream, collector } = scene;
    let mut rest = Rest { collector };
    let (unfinished, names) = tokio::join!(world.ended(), rest.names(2));

    assert_eq!(names, ["list_accounts", "upstream"]);
    assert_eq!(unfinished, passport_gateway::server::Unfinished::default());
    drop(upstream);
}

/// A collector whose gateway is ending.
struct Rest {
    collector: Scripted,
}

impl Rest {
    async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        while names.len() < count {
            let call = self.collector.call().await;
            let export = ExportTraceServiceRequest::decode(&*call.body).unwrap();
            let spans = export.resource_spans.iter().flat_map(|of| &of.scope_spans).flat_map(|scope| &scope.spans);
            names.extend(spans.map(|span| span.name.clone()));
            call.answer(&answer("200 OK", "", "")).await;
        }
        names.sort_unstable();
        names
    }
}

#[tokio::test]
async fn without_a_collector_a_callers_context_passes_untouched_and_none_is_made() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;

    for (fields, expected) in [(format!("traceparent: {PARENT}\r\n"), PARENT), (String::new(), "")] {
        let mut client = world.client().await;
        client.send(format!("GET /v1/payments/1 HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes()).await;
        assert_eq!(field(&upstream.answer(ok("{}")).await, "traceparent"), expected);
        client.answer(false).await.unwrap();
    }
    assert!(!world.admin("/metrics").await.text().contains("otlp_spans_total{"));
}
