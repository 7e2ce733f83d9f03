//! `POST /idempotency/resolve`: what became of a write whose outcome nobody knew.

use std::future::Future;
use std::pin::Pin;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::fault::Fault;
use super::{Controls, Done};
use crate::policy::idempotency::bare_key;
use crate::store::records::Resolution;

/// An operator's word. The key may be personal and does not print.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// Whose key it is.
    pub tenant: String,
    /// The key, as its caller sent it.
    pub key: String,
    /// Who sent it; needed where the callers of a tenant do not share keys.
    pub caller: Option<String>,
    r#as: Found,
}

/// What the operator found.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Found {
    Done,
    Free,
}

/// Why an operator's word changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotResolved {
    /// There is no such tenant, or no record of this key.
    Unknown(&'static str),
    /// The outcome is known, or the request is under way.
    Conflict(&'static str),
    /// What was sent is no key.
    Invalid(&'static str),
    /// No record can be changed at the moment.
    Unavailable(&'static str),
}

/// Where an operator's word is taken.
pub trait Resolve: Send + Sync {
    /// Writes it down.
    fn resolve<'a>(&'a self, resolved: &'a Resolved) -> Pin<Box<dyn Future<Output = Result<(), NotResolved>> + Send + 'a>>;
}

impl Resolved {
    /// What the record becomes.
    #[must_use]
    pub fn resolution(&self) -> Resolution {
        match self.r#as {
            Found::Done => Resolution::Done,
            Found::Free => Resolution::Free,
        }
    }
}

pub(super) async fn set(controls: &Controls, resolved: &Resolved) -> Result<Done, Fault> {
    let Some(records) = &controls.records else {
        return Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, "idempotency-unavailable", "No idempotency records are kept."));
    };
    records.resolve(resolved).await.map_err(|why| match why {
        NotResolved::Unknown(why) => Fault::new(StatusCode::NOT_FOUND, "unknown-record", why),
        NotResolved::Conflict(why) => Fault::new(StatusCode::CONFLICT, "outcome-known", why),
        NotResolved::Invalid(why) => Fault::invalid(why),
        NotResolved::Unavailable(why) => Fault::new(StatusCode::SERVICE_UNAVAILABLE, "idempotency-unavailable", why),
    })?;
    let word = match resolved.r#as {
        Found::Done => "done",
        Found::Free => "free",
    };
    Ok(Done {
        answer: json!({ "state": word }),
        change: format!("a key of tenant {} resolved as {word}", resolved.tenant),
        key: bare_key(&resolved.key),
    })
}
