//! An authorised request as operations see it, and what they answer.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::body::{self, Rule};
use super::error::ApiError;
use super::listing::to_json;
use super::moment::Moment;
use super::query::Query;
use super::state::table::Resource;

/// A request whose token was accepted.
pub(crate) struct Call {
    /// The entity whose records the token shows: its `account_id`.
    pub(crate) entity: String,
    /// The path's one parameter, if it has one.
    pub(crate) id: Option<String>,
    pub(crate) query: Query,
    pub(crate) body: Bytes,
    /// When it arrived.
    pub(crate) moment: Moment,
    /// The code with which a payment is to be rejected, if a fault says so.
    pub(crate) rejection: Option<String>,
}

impl Call {
    /// The path's parameter; empty, and so the id of nothing, on a path without one.
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    /// The body as JSON that keeps `rules`.
    pub(crate) fn json(&self, resource: &'static str, rules: &[Rule]) -> Result<Value, ApiError> {
        body::parse(&self.body, resource, rules)
    }
}

/// A successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
}

impl Answer {
    /// 200 with a body.
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body) }
    }

    /// 200 with one record.
    pub(crate) fn record(record: &impl Resource) -> Self {
        Self::ok(to_json(record))
    }

    /// 201 with the record just made; only some of Passport's pages say so.
    pub(crate) fn created(record: &impl Resource) -> Self {
        Self { status: StatusCode::CREATED, ..Self::record(record) }
    }

    /// No body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, body: None }
    }
}
