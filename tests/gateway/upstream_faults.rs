//! Everything that can go wrong between the gateway and Passport, and what a caller is told.

use std::time::Duration;

use http::StatusCode;
use passport_gateway::sandbox::{Fault, Kind};

use crate::support::scripted::{Scripted, ok};
use crate::support::until::until;
use crate::support::{Answer, Client, LOCAL, World};

mod breaking;
mod broken;
mod connecting;
mod desync;
mod names;
mod waiting;

const ACCOUNTS: &str = "GET /v1/accounts";
const CONFIRM: &str = "POST /v1/payments/breb/confirm";
const PAYMENT: &str = r#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#;
/// A read that is never stored, so that its body streams.
const STREAMED: &str = "/v1/payments/5a0d8c1e-0000-4000-8000-000000000001";

/// A caller whose answers come from Passport, not from memory.
async fn fresh(world: &World) -> Client {
    world.client().await.with("Cache-Control: no-store")
}

fn assert_problem(answer: &Answer, status: u16, problem: &str) {
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (status, problem), "{}", answer.text());
}

/// An address at which nobody listens.
async fn nobody() -> std::net::SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
