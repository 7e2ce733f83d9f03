//! Passport's tokens: there before anyone asks, renewed before they expire, and never a caller's concern.

use std::time::Duration;

use http::StatusCode;
use passport_gateway::sandbox::{Fault, Kind};
use passport_gateway::secret::Secret;
use serde_json::json;

use crate::support::until::until;
use crate::support::{Client, LOCAL, World};

mod failing;
mod refused;
mod renewed;

const ACCOUNTS: &str = "GET /v1/accounts";
const CONFIRM: &str = "POST /v1/payments/breb/confirm";
const PAYMENT: &str = r#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#;
/// The life of the sandbox's tokens.
const DAY: Duration = Duration::from_hours(24);

fn asked(result: &str) -> String {
    format!(r#"passport_gateway_upstream_token_requests_total{{credential="acme",result="{result}"}}"#)
}

/// A caller whose answers come from Passport, not from memory.
async fn fresh(world: &World) -> Client {
    world.client().await.with("Cache-Control: no-store")
}
