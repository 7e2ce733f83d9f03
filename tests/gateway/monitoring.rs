//! What ships for watching the gateway works on a real Prometheus: it scrapes, evaluates the rules and answers the dashboard's queries.
//!
//! `make test` gets Prometheus as Debian ships it.

use serde_json::Value;

use crate::support::prometheus::{Prometheus, check_metrics};
use crate::support::until::until;
use crate::support::{LOCAL, World};

/// A gateway with some of everything, so that as many families as possible have samples.
async fn busy() -> World {
    let lines = LOCAL.replace("[tenants.acme]", "[tenants.acme]\nrate_limit = { requests = 5, per = \"1s\", burst = 9 }");
    let world = World::with(&format!("retry.attempts = 1\n{lines}")).await;
    world.until_minted(1).await;
    for target in ["/v1/accounts", "/v1/accounts", "/v1/customers", "/v1/nothing"] {
        world.get(target).await;
    }
    world
}

/// Asks while Prometheus scrapes, until it has an answer to this.
async fn until_answered(world: &World, prometheus: &Prometheus, expression: &str) -> Vec<f64> {
    let mut values = Vec::new();
    until(expression, async || {
        world.get("/v1/accounts").await;
        values = prometheus.query(expression).await;
        values.iter().any(|value| *value > 0.0)
    })
    .await;
    values
}

#[tokio::test]
async fn a_scrape_is_clean() {
    let world = busy().await;

    let scrape = world.admin("/metrics").await;

    assert!(scrape.text().contains("passport_gateway_requests_total{"));
    assert_eq!(check_metrics(&scrape.text()), "");
}

#[tokio::test]
async fn prometheus_scrapes_the_gateway_and_evaluates_the_rules() {
    let world = busy().await;
    let prometheus = Prometheus::scraping(world.admin).await;

    until_answered(&world, &prometheus, "job:passport_gateway_requests:rate5m{job=\"passport-gateway\"}").await;

    let targets = prometheus.api("targets").await;
    assert_eq!((&targets["activeTargets"][0]["health"], &targets["activeTargets"][1]), (&"up".into(), &Value::Null), "{targets}");
    until("every rule was evaluated", async || {
        let rules = rules(&prometheus).await;
        !rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok")
    })
    .await;
    let rules = rules(&prometheus).await;
    assert!(rules.iter().all(|rule| rule["lastError"].is_null()), "{rules:?}");
    let firing: Vec<_> = rules.iter().filter(|rule| rule["state"] == "firing").map(|rule| rule["name"].clone()).collect();
    assert!(firing.is_empty(), "a gateway that works alarms nobody: {firing:?}");
}

#[tokio::test]
async fn the_dashboards_queries_have_answers() {
    let world = busy().await;
    let prometheus = Prometheus::scraping(world.admin).await;
    let dashboard: Value = serde_json::from_str(include_str!("../../deploy/grafana/dashboards/passport-gateway.json")).unwrap();

    until_answered(&world, &prometheus, "rate(passport_gateway_requests_total[5m])").await;

    let mut silent = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let filled = [("$__rate_interval", "1m"), ("$job", ".*"), ("$tenant", ".*")];
            let asked = filled.iter().fold(expression.to_owned(), |text, (variable, value)| text.replace(variable, value));
            if prometheus.query(&asked).await.is_empty() {
                silent.push(panel["title"].as_str().unwrap());
            }
        }
    }

    // What has not happened has no series.
    let rare = ["Retries by reason", "Evictions by cause", "Would be denied (shadow)", "Issuers' keys fetched"];
    // Nor has what this gateway does not keep: records, a trail, anything in Redis.
    let absent = [
        "Idempotency keys by what they led to",
        "Records kept",
        "Age of the oldest unknown outcome",
        "Times Redis was needed and did nothing",
        "Invalidations by source",
        "99 % of invalidations by replicas within",
        "Audit records by what became of them",
        "Audit trail",
        "Log lines dropped",
    ];
    silent.retain(|title| {
        !rare.contains(title) && !absent.contains(title) && *title != "Callers' connections that ended in an error"
    });
    assert!(silent.is_empty(), "{silent:?}");
}

async fn rules(prometheus: &Prometheus) -> Vec<Value> {
    let data = prometheus.api("rules").await;
    let groups = data["groups"].as_array().cloned().unwrap_or_default();
    groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect()
}
