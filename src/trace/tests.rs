//! Spans by themselves: as the official types read them, and when nobody takes them.

use http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value;
use prost::Message;

use super::*;
use crate::clock::SystemClock;

fn counted() -> Arc<Counted> {
    let count = |result: &str| IntCounter::new(result, result).unwrap();
    Arc::new(Counted { exported: count("exported"), failed: count("failed"), dropped: count("dropped") })
}

fn fields(parent: Option<&'static str>) -> HeaderMap {
    parent.map(|parent| (TRACEPARENT, HeaderValue::from_static(parent))).into_iter().collect()
}

fn ended<'a>(operation: &'a Arc<str>, id: &'a HeaderValue) -> Ended<'a> {
    Ended { operation, method: "GET", status: Some(503), outcome: "ok", tenant: Some("acme"), request_id: id }
}

#[tokio::test]
async fn what_is_encoded_is_what_the_official_types_read() {
    let (tracer, mut spans) = Tracer::new(1.0, SystemClock::shared(), counted());
    let trace = tracer.begin(&fields(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")), Instant::now());
    let mut open = trace.open(Stage::Upstream).unwrap();
    open.asks(&"paas".into(), 300);
    open.answered(StatusCode::BAD_GATEWAY);
    drop(open);
    trace.end(&ended(&"list_ácçounts".into(), &HeaderValue::from_static("r-1")));
    let mut batch = Vec::new();
    spans.recv_many(&mut batch, 9).await;

    let export = ExportTraceServiceRequest::decode(&*otlp::encode("instance", &batch)).unwrap();

    let spans = &export.resource_spans[0].scope_spans[0].spans;
    assert_eq!(export.resource_spans[0].resource.as_ref().unwrap().attributes.len(), 3);
    assert_eq!((spans[0].name.as_str(), spans[1].name.as_str()), ("upstream", "list_ácçounts"));
    assert_eq!(spans[0].parent_span_id, spans[1].span_id);
    assert_eq!((spans[0].kind, spans[1].kind), (3, 2));
    assert_eq!((spans[0].flags, spans[1].flags), (0x101, 0x301));
    assert_eq!((spans[0].start_time_unix_nano, spans[0].end_time_unix_nano), (batch[0].started, batch[0].ended));
    assert!(spans.iter().all(|span| span.status.as_ref().unwrap().code == 2));
    let attempt = spans[0].attributes.iter().find(|one| one.key == "passport_gateway.attempt").unwrap();
    assert_eq!(attempt.value.as_ref().unwrap().value, Some(any_value::Value::IntValue(300)));
}

#[test]
fn a_full_queue_drops_and_counts() {
    let counted = counted();
    let (tracer, _spans) = Tracer::new(1.0, SystemClock::shared(), Arc::clone(&counted));
    let (operation, id) = ("list_accounts".into(), HeaderValue::from_static("1"));

    for _ in 0..QUEUE + 3 {
        tracer.begin(&fields(None), Instant::now()).end(&ended(&operation, &id));
    }

    assert_eq!(counted.dropped.get(), 3);
}

#[test]
fn a_trace_that_is_not_sampled_opens_and_sends_nothing() {
    let (tracer, mut spans) = Tracer::new(0.0, SystemClock::shared(), counted());
    let trace = tracer.begin(&fields(None), Instant::now());

    assert!(trace.open(Stage::Body).is_none());
    trace.end(&ended(&"list_accounts".into(), &HeaderValue::from_static("1")));

    assert!(spans.try_recv().is_err());
}
