//! The control listener: it changes the running gateway, for whoever may. Every call is logged, refused ones included.
//!
//! A Unix socket is guarded by its file's mode, a loopback port by a token. A browser has no business here at all.

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode};

use self::fault::Fault;
use self::route::Route;
use crate::audit::{Audit, Change};
use crate::fields::X_REQUEST_ID;
use crate::policy::cache::ResponseCache;
use crate::service::{Response, Service};
use crate::snapshot::Snapshots;
use crate::stage::Arrival;
use crate::telemetry::Levels;

use super::guard;
use super::pages::response;

pub use self::reload::{Asked, Reloads};
pub use self::resolve::{NotResolved, Resolve, Resolved};
pub use self::token::ControlToken;

mod fault;
mod log_level;
mod order;
mod purge;
mod reload;
mod resolve;
mod route;
mod token;

/// What the routes change.
pub struct Controls {
    /// What is logged; none if the process's logs are not the gateway's.
    pub levels: Option<Levels>,
    /// What is stored.
    pub cache: Arc<ResponseCache>,
    /// The names that a purge may use.
    pub snapshots: Arc<Snapshots>,
    /// Reads the configuration anew; none if it came from no file.
    pub reloads: Option<Reloads>,
    /// Where an operator's word about a write goes; none if no records are kept.
    pub records: Option<Arc<dyn Resolve>>,
    /// Where every call is recorded, if anywhere.
    pub audit: Option<Arc<Audit>>,
}

/// The service behind the control listener.
pub struct Control {
    controls: Controls,
    token: Arc<ControlToken>,
}

/// What a call did.
struct Done {
    /// For the caller, in JSON.
    answer: serde_json::Value,
    /// For the log: what is other than before. No secret and nothing personal.
    change: String,
    /// The idempotency key it was about, bare, for its digest: the same as in the record of the write.
    key: Option<String>,
}

impl Control {
    /// Lets whoever shows `token` change what `controls` hold.
    #[must_use]
    pub fn new(controls: Controls, token: Arc<ControlToken>) -> Self {
        Self { controls, token }
    }

    async fn done(&self, arrival: Arrival) -> Result<Done, Fault> {
        let Arrival { head, body, peer, flaw } = arrival;
        if let Some(flaw) = flaw {
            return Err(Fault::new(StatusCode::BAD_REQUEST, "malformed-request", flaw));
        }
        guard::check(&head, &peer).map_err(|guard::Turned(status, why)| Fault::new(status, "malformed-request", why))?;
        if head.headers.contains_key("sec-fetch-site") {
            return Err(Fault::new(StatusCode::FORBIDDEN, "malformed-request", "browsers are not answered"));
        }
        self.token.check(&head.headers)?;
        let route = Route::find(head.uri.path())?;
        if head.method != Method::POST {
            return Err(Fault::method_not_allowed());
        }
        let order = order::read(&head.headers, body).await?;
        route.call(&self.controls, &order).await
    }
}

impl Service<Arrival> for Control {
    type Error = Infallible;

    async fn call(&self, arrival: Arrival) -> Result<Response, Infallible> {
        let id = arrival.head.headers.get(X_REQUEST_ID).cloned().unwrap_or(HeaderValue::from_static(""));
        let (address, path) = (arrival.peer.address, Route::label(arrival.head.uri.path()));
        let done = self.done(arrival).await;
        let peer = address.map_or_else(|| "unix socket".to_owned(), |address| address.to_string());
        log(&peer, path, &id, &done);
        if let Some(audit) = &self.controls.audit {
            record(audit, &peer, path, &id, &done);
        }
        Ok(match done {
            Ok(done) => response(StatusCode::OK, "application/json", done.answer.to_string()),
            Err(fault) => fault.response(&id),
        })
    }
}

fn log(peer: &str, route: &str, id: &HeaderValue, done: &Result<Done, Fault>) {
    let request_id = id.to_str().unwrap_or_default();
    match done {
        Ok(done) => tracing::info!(target: "control", peer, route, request_id, change = done.change, "changed"),
        Err(fault) => tracing::warn!(target: "control", peer, route, request_id, problem = fault.name(), "refused"),
    }
}

fn record(audit: &Audit, peer: &str, route: &str, id: &HeaderValue, done: &Result<Done, Fault>) {
    let request_id = id.to_str().unwrap_or_default();
    let (status, outcome, done) = match done {
        Ok(done) => (StatusCode::OK, "ok", Some(done)),
        Err(fault) => (fault.status(), fault.name(), None),
    };
    audit.change(&Change {
        request_id,
        peer,
        route,
        status: status.as_u16(),
        outcome,
        change: done.map(|done| &*done.change),
        idempotency_key_hmac: done.and_then(|done| audit.digest(done.key.as_ref()?.as_bytes())),
    });
}

#[cfg(test)]
mod tests;
