//! Metrics by their promised names, with their promised labels, and their sums.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::StatusCode;
use passport_gateway::sandbox::{Fault, Kind};

use super::{LOCAL, World};
use crate::support::issuer::{Issuer, claims};
use crate::support::signer::Signer;

/// What users are promised, less reloads and the store, which are not there yet.
const PROMISED: [(&str, &[&str]); 25] = [
    ("requests_total", &["method", "operation", "outcome", "status", "tenant"]),
    ("request_duration_seconds", &["operation"]),
    ("upstream_duration_seconds", &["operation", "upstream"]),
    ("overhead_seconds", &[]),
    ("requests_in_flight", &[]),
    ("connections", &[]),
    ("connection_errors_total", &["reason"]),
    ("upstream_token_requests_total", &["credential", "result"]),
    ("upstream_token_minted_timestamp_seconds", &["credential"]),
    ("upstream_token_expiry_timestamp_seconds", &["credential"]),
    ("upstream_requests_total", &["status", "upstream"]),
    ("upstream_retries_total", &["reason", "upstream"]),
    ("upstream_connections", &["state", "upstream"]),
    ("breaker_state", &["upstream"]),
    ("cache_requests_total", &["operation", "result"]),
    ("cache_bytes", &[]),
    ("cache_entries", &[]),
    ("cache_evictions_total", &["cause"]),
    ("limit_decisions_total", &["decision", "limit", "name"]),
    ("shadow_denials_total", &["operation", "problem"]),
    ("jwks_refreshes_total", &["issuer", "result"]),
    ("config_last_reload_successful", &[]),
    ("config_last_reload_success_timestamp_seconds", &[]),
    ("build_info", &["version"]),
    ("process_", &[]),
];

/// One line of the exposition.
#[derive(Debug)]
struct Sample {
    family: String,
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Reads the exposition; no label value in it holds a comma or a quote.
fn samples(text: &str) -> Vec<Sample> {
    text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
    let mut labels: BTreeMap<String, String> = labels
        .map(|label| label.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    let is_bucket = labels.remove("le").is_some();
    let ends: &[&str] = if is_bucket { &["_bucket"] } else { &["_sum", "_count"] };
    let family = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let family = family.trim_start_matches("passport_gateway_").to_owned();
    Sample { family, name: name.to_owned(), labels, value: value.parse().unwrap() }
}

/// A world in which a bit of everything has happened, and how many requests that took.
async fn mixed() -> (World, Issuer, u32) {
    let signer = Signer::ed("one");
    let issuer = Issuer::of(&[&signer]).await;
    let limit = "[tenants.acme.rate_limit]\nrequests = 30\nper = \"1s\"\nburst = 30\n";
    let world = World::with(&format!("{}{limit}", issuer.configuration())).await;
    let mut client = world.client().await.with(format!("Authorization: Bearer {}", signer.token(&claims())));
    let mut sent = 0;
    for target in ["/v1/accounts", "/v1/accounts", "/v1/customers?unknown=1", "/v1/nothing", "/v1/payments/breb"] {
        client.get(target).await;
        sent += 1;
    }
    let customer = r#"{"type": "BUSINESS", "business_name": "A", "email": "a@b", "mobile_phone_number": "+573402977997",
        "identification_type": "NIT", "identification_number": "901234567"}"#;
    assert!(client.post("/v1/customers", customer).await.status.is_success());
    client.post("/v1/customers", "{}").await;
    client.request("PURGE", "/v1/customers", None).await;
    client.request("HEAD", "/v1/customers", None).await;
    client.get("/v1/customers?unknown=1").await;
    world.passport.inject(Fault::new("GET /v1/keys", Kind::ResetAfterBody).times(1)).unwrap();
    client.get("/v1/keys").await;
    world.get("/v1/accounts").await;
    sent += 7;
    while client.get("/v1/accounts").await.status != StatusCode::TOO_MANY_REQUESTS {
        sent += 1;
    }
    let mut garbage = world.client().await;
    garbage.send(b"garbage\r\n\r\n").await;
    assert_eq!(garbage.answer(false).await.unwrap().status, StatusCode::BAD_REQUEST);
    world.until_metric(r#"passport_gateway_connection_errors_total{reason="parse"}"#, 1.0).await;
    world.until_metric("passport_gateway_requests_in_flight", 0.0).await;
    (world, issuer, sent + 1)
}

#[tokio::test]
async fn every_promised_metric_is_there_with_its_labels() {
    let (world, _issuer, _) = mixed().await;

    let text = world.admin("/metrics").await.text();

    let samples = samples(&text);
    for (name, labels) in PROMISED {
        let family: Vec<_> = samples
            .iter()
            .filter(|sample| sample.family == name || name.ends_with('_') && sample.name.starts_with(name))
            .collect();
        assert!(!family.is_empty(), "{name} is missing:\n{text}");
        for sample in family {
            assert_eq!(sample.labels.keys().map(String::as_str).collect::<Vec<_>>(), labels, "{sample:?}");
        }
    }
}

#[tokio::test]
async fn every_metric_says_what_it_is() {
    let (world, _issuer, _) = mixed().await;

    let text = world.admin("/metrics").await.text();

    let described = |kind: &str| -> BTreeSet<_> {
        text.lines().filter_map(|line| line.strip_prefix(kind)?.split(' ').next()).map(str::to_owned).collect()
    };
    let (helps, types) = (described("# HELP "), described("# TYPE "));
    assert_eq!(helps, types);
    for sample in samples(&text) {
        assert!(helps.contains(&sample.name) || helps.contains(&format!("passport_gateway_{}", sample.family)), "{sample:?}");
    }
    assert_eq!(world.admin("/metrics").await.field("content-type"), "text/plain; version=0.0.4; charset=utf-8");
}

#[tokio::test]
async fn requests_add_up() {
    let (world, _issuer, sent) = mixed().await;
    let samples = samples(&world.admin("/metrics").await.text());
    let sum = |name: &str| {
        samples.iter().filter(|sample| sample.name == format!("passport_gateway_{name}")).map(|sample| sample.value).sum::<f64>()
    };

    assert_eq!(sum("requests_total"), f64::from(sent));
    assert_eq!(sum("request_duration_seconds_count"), f64::from(sent));
    assert_eq!(sum("overhead_seconds_count"), f64::from(sent));
    let arrived = world.arrived().len();
    assert_eq!(sum("upstream_requests_total"), f64::from(u32::try_from(arrived).unwrap()));
    let limited = samples.iter().filter(|sample| sample.family == "limit_decisions_total" && sample.labels["limit"] == "tenant");
    let decided: f64 = limited.map(|sample| sample.value).sum();
    // Refused before the limit: an unknown path, two unfit methods, and a caller without a credential.
    assert_eq!(decided, f64::from(sent) - 4.0);
}

#[tokio::test]
async fn labels_come_from_closed_sets() {
    let (world, _issuer, _) = mixed().await;
    let samples = samples(&world.admin("/metrics").await.text());
    let values = |label: &str| -> BTreeSet<&str> {
        let requests = samples.iter().filter(|sample| sample.family == "requests_total");
        requests.map(|sample| sample.labels[label].as_str()).collect()
    };

    assert_eq!(values("method"), BTreeSet::from(["GET", "HEAD", "POST", "other"]));
    assert_eq!(values("tenant"), BTreeSet::from(["", "acme"]));
    let operations = ["create_customer", "list_accounts", "list_customers", "list_keys", "unmatched"];
    assert!(values("operation").is_superset(&BTreeSet::from(operations)), "{:?}", values("operation"));
    let outcomes = ["invalid-request", "method-not-allowed", "missing-credential", "ok", "rate-limited", "unknown-operation"];
    assert_eq!(values("outcome"), BTreeSet::from(outcomes));
}

#[tokio::test]
async fn the_cache_is_counted_by_what_it_did() {
    let world = World::new().await;
    let mut client = world.client().await;
    client.get("/v1/accounts").await;
    let small = world.metric("passport_gateway_cache_bytes").await;
    client.get("/v1/accounts").await;
    client.get("/v1/customers").await;

    let used = |result: &str| format!(r#"passport_gateway_cache_requests_total{{operation="list_accounts",result="{result}"}}"#);
    assert_eq!((world.metric(&used("miss")).await, world.metric(&used("hit")).await), (1.0, 1.0));
    assert!(small > 0.0 && world.metric("passport_gateway_cache_bytes").await > small);
    assert_eq!(world.metric("passport_gateway_cache_entries").await, 2.0);
}

#[tokio::test]
async fn waiting_for_others_is_not_the_gateways_own_work() {
    let world = World::with(&format!("server.workers = 1\n{LOCAL}")).await;
    world.passport.inject(Fault::new("all", Kind::Latency { delay_ms: 1_200 })).unwrap();
    let (mut leader, mut follower, mut slow) = (world.client().await, world.client().await, world.client().await);
    let body = r#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#;
    let head = "POST /v1/payments/breb/confirm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    slow.send(format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).await;

    tokio::join!(leader.get("/v1/accounts"), follower.get("/v1/accounts"));
    slow.send(body.as_bytes()).await;
    slow.answer(false).await.unwrap();

    world.until_metric("passport_gateway_overhead_seconds_count", 3.0).await;
    assert_eq!(world.metric(r#"passport_gateway_overhead_seconds_bucket{le="1"}"#).await, 3.0);
    assert!(world.metric("passport_gateway_overhead_seconds_sum").await < 1.0);
}

#[tokio::test]
async fn a_caller_that_leaves_is_counted_as_such() {
    let world = World::new().await;
    world.passport.inject(Fault::new("all", Kind::Hang)).unwrap();
    let mut client = world.client().await;
    client.send(b"GET /v1/payments/5a0d8c1e-0000-4000-8000-000000000001 HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    tokio::time::timeout(Duration::from_secs(20), world.until_metric("passport_gateway_requests_in_flight", 1.0)).await.unwrap();

    drop(client);

    let counted = r#"passport_gateway_requests_total{method="GET",operation="get_payment",outcome="client_closed",status="499",tenant="acme"}"#;
    world.until_metric(counted, 1.0).await;
    world.until_metric("passport_gateway_requests_in_flight", 0.0).await;
    world.until_metric(r#"passport_gateway_upstream_connections{state="active",upstream="paas"}"#, 0.0).await;
}
