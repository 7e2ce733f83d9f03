//! Waiting for what happens in the gateway's own time, on its own threads.

use std::time::Duration;

use super::World;

/// What is waited for at most, with room for a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked for.
const PACE: Duration = Duration::from_millis(5);

/// Looks until `holds`; fails if it never does.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !holds().await {
            tokio::time::sleep(PACE).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("it never happened: {what}"));
}

impl World {
    /// Waits until a sample of `/metrics` has this value.
    pub(crate) async fn until_metric(&self, sample: &str, value: f64) {
        until(&format!("{sample} {value}"), async || (self.metric(sample).await - value).abs() < 1e-9).await;
    }

    /// Waits until so many requests for tokens were answered at Passport.
    pub(crate) async fn until_minted(&self, count: u32) {
        until(&format!("{count} mints"), async || self.mints() == u64::from(count)).await;
        // The answer is on its way: the gateway has it when it has told so.
        until("the answer is read", async || {
            let text = self.admin("/metrics").await.text();
            let told = text.lines().filter(|line| line.starts_with("passport_gateway_upstream_token_requests_total{"));
            told.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() >= f64::from(count)
        })
        .await;
    }

    /// Requests for tokens that arrived at Passport.
    pub(crate) fn mints(&self) -> u64 {
        self.passport.counters().get("POST /v1/iam/oauth/tokens").map_or(0, |counters| counters.requests)
    }

    /// Requests that arrived at Passport for an operation, by the sandbox's label.
    pub(crate) fn arrivals(&self, label: &str) -> u64 {
        self.passport.counters().get(label).map_or(0, |counters| counters.requests)
    }
}
