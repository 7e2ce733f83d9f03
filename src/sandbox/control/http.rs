//! The controls over HTTP, under `/_sandbox/`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Control, ControlError};
use crate::sandbox::error::ApiError;
use crate::sandbox::fault::{FAULTS, Fault};
use crate::sandbox::reply::Reply;
use crate::sandbox::scenarios::SCENARIOS;
use crate::secret::Secret;

/// Where the controls live; nothing below it is Passport's.
pub(crate) const PREFIX: &str = "/_sandbox/";

/// Every control with one line about it.
pub const CONTROLS: &[(&str, &str)] = &[
    ("GET /_sandbox/", "this page: controls, faults, scenarios"),
    ("GET /_sandbox/faults", "the faults in force"),
    ("POST /_sandbox/faults", "injects {on, fault, times?, every?, performed?, …}"),
    ("DELETE /_sandbox/faults", "clears all faults"),
    ("DELETE /_sandbox/faults/{id}", "clears one fault"),
    ("POST /_sandbox/scenarios/{name}", "injects the faults of a scenario"),
    ("POST /_sandbox/tokens/revoke", "revokes all tokens, or those of {client_id}"),
    ("PATCH /_sandbox/clients/{client_id}", "changes {scopes?, client_secret?}"),
    ("POST /_sandbox/settle", "ends every payment on its way"),
    ("POST /_sandbox/advance", "moves time ahead by {seconds}"),
    ("POST /_sandbox/receive", "lets {amount} arrive at {account_id}"),
    ("POST /_sandbox/seed", "adds {customers} with their records to the entity {account_id}"),
    ("POST /_sandbox/clear", "empties the entity {account_id}"),
    ("GET /_sandbox/counters", "counters per operation"),
    ("GET /_sandbox/connections", "connections accepted, and open now"),
    ("GET /_sandbox/requests", "the requests that arrived"),
    ("DELETE /_sandbox/requests", "forgets requests and counters"),
    ("POST /_sandbox/reset", "restores the seeded state; {keep_tokens?}"),
];

/// Answers a control request; only from this machine.
pub(crate) fn answer(control: &Control, peer: SocketAddr, parts: &Parts, body: Result<Bytes, ApiError>) -> Reply {
    if !peer.ip().to_canonical().is_loopback() {
        return problem(StatusCode::FORBIDDEN, "the controls answer on loopback only");
    }
    let body = match body {
        Ok(body) => body,
        Err(error) => return problem(error.status, &error.message),
    };
    match dispatch(control, parts, &body) {
        Ok(json) => Reply::json(StatusCode::OK, &json),
        Err(Failure::Unknown) => problem(StatusCode::NOT_FOUND, "there is no such control; see GET /_sandbox/"),
        Err(Failure::Body(error)) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        Err(Failure::Control(error)) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

enum Failure {
    Unknown,
    Body(serde_json::Error),
    Control(ControlError),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeClient {
    scopes: Option<Vec<String>>,
    client_secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Receive {
    account_id: String,
    amount: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    account_id: String,
    customers: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clear {
    account_id: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Reset {
    keep_tokens: bool,
}

fn dispatch(control: &Control, parts: &Parts, body: &Bytes) -> Result<Value, Failure> {
    let path: Vec<_> = parts.uri.path().trim_start_matches(PREFIX).split('/').collect();
    match (parts.method.as_str(), path.as_slice()) {
        ("GET", [""]) => Ok(overview()),
        ("GET" | "POST" | "DELETE", ["faults"]) | ("DELETE", ["faults", _]) | ("POST", ["scenarios", _]) => {
            faults(control, parts.method.as_str(), &path, body)
        }
        ("POST", ["tokens", "revoke"]) => {
            let revoke: Revoke = read_or_default(body)?;
            Ok(json!({"revoked": control.revoke_tokens(revoke.client_id.as_deref())}))
        }
        ("PATCH", ["clients", client_id]) => change_client(control, client_id, read(body)?),
        ("GET", ["counters"]) => Ok(json!(control.counters())),
        ("GET", ["connections"]) => Ok(json!(control.connections())),
        ("GET", ["requests"]) => Ok(json!({"requests": control.requests()})),
        ("DELETE", ["requests"]) => {
            control.clear_requests();
            Ok(json!({}))
        }
        ("POST", ["reset"]) => {
            let reset: Reset = read_or_default(body)?;
            control.reset(reset.keep_tokens)?;
            Ok(json!({}))
        }
        ("POST", [verb]) => records(control, verb, body),
        _ => Err(Failure::Unknown),
    }
}

fn faults(control: &Control, method: &str, path: &[&str], body: &Bytes) -> Result<Value, Failure> {
    match (method, path) {
        ("POST", ["faults"]) => {
            let fault = Fault::from_json(read(body)?).map_err(ControlError::from)?;
            Ok(json!({"id": control.inject(fault)?}))
        }
        ("DELETE", ["faults"]) => {
            control.clear_faults();
            Ok(json!({}))
        }
        ("DELETE", ["faults", id]) => {
            let cleared = id.parse().is_ok_and(|id| control.clear_fault(id));
            if cleared { Ok(json!({})) } else { Err(Failure::Unknown) }
        }
        ("POST", ["scenarios", name]) => {
            control.play(name)?;
            Ok(json!({}))
        }
        _ => {
            let numbered = |(id, fault): (u64, Fault)| {
                let mut json = fault.to_json();
                json["id"] = id.into();
                json
            };
            Ok(json!({"faults": control.faults().into_iter().map(numbered).collect::<Vec<_>>()}))
        }
    }
}

fn records(control: &Control, verb: &str, body: &Bytes) -> Result<Value, Failure> {
    match verb {
        "settle" => Ok(json!({"settled": control.settle()})),
        "advance" => {
            let advance: Advance = read(body)?;
            control.advance(Duration::from_secs(advance.seconds));
            Ok(json!({}))
        }
        "receive" => {
            let receive: Receive = read(body)?;
            Ok(json!({"payment_id": control.receive(&receive.account_id, &receive.amount)?}))
        }
        "seed" => {
            let seed: Seed = read(body)?;
            control.seed(&seed.account_id, seed.customers)?;
            Ok(json!({}))
        }
        "clear" => {
            let clear: Clear = read(body)?;
            control.clear(&clear.account_id);
            Ok(json!({}))
        }
        _ => Err(Failure::Unknown),
    }
}

fn change_client(control: &Control, client_id: &str, change: ChangeClient) -> Result<Value, Failure> {
    if let Some(scopes) = &change.scopes {
        control.set_scopes(client_id, &scopes.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    if let Some(secret) = change.client_secret {
        control.set_secret(client_id, Secret::new(secret))?;
    }
    Ok(json!({}))
}

fn overview() -> Value {
    json!({
        "controls": table(CONTROLS.iter().copied()),
        "faults": table(FAULTS.iter().copied()),
        "scenarios": table(SCENARIOS.iter().map(|scenario| (scenario.name, scenario.description))),
    })
}

fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    rows.map(|(name, about)| (name.to_owned(), Value::from(about))).collect::<Map<_, _>>().into()
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(Failure::Body)
}

fn read_or_default<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T, Failure> {
    if body.is_empty() { Ok(T::default()) } else { read(body) }
}

fn problem(status: StatusCode, message: &str) -> Reply {
    Reply::json(status, &json!({"error": message}))
}

impl<E: Into<ControlError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Control(error.into())
    }
}
