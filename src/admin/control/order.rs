//! The body of a call: one JSON object of bounded length, read strictly.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;

use super::fault::Fault;
use crate::body::Body;

/// The longest order, in bytes.
const LONGEST: usize = 16 * 1024;
/// From the head to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a caller wants changed.
#[derive(Debug)]
pub(super) struct Order(Bytes);

impl Order {
    /// What the route takes: a type that refuses unknown members. Members given twice are refused by any.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        // A struct could be read from a list, too.
        if self.0.trim_ascii_start().first() != Some(&b'{') {
            return Err(Fault::invalid("The body is to be a JSON object."));
        }
        serde_json::from_slice(&self.0).map_err(|error| Fault::invalid(format!("The body is not what this takes: {error}.")))
    }
}

/// Reads the body. None at all is an empty object, so that what takes no members needs no body.
pub(super) async fn read(fields: &HeaderMap, body: Body) -> Result<Order, Fault> {
    if body.is_end_stream() {
        return Ok(Order(Bytes::from_static(b"{}")));
    }
    if !is_json(fields) {
        let detail = "The body is to be of type `application/json`, without content coding.";
        return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail));
    }
    let collected = tokio::time::timeout(TIMEOUT, Limited::new(body, LONGEST).collect()).await;
    let late = |_| Fault::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", "The body has to arrive within five seconds.");
    let unread = |error: Box<dyn std::error::Error + Send + Sync>| {
        if error.is::<http_body_util::LengthLimitError>() {
            return Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", format!("A body has at most {LONGEST} bytes."));
        }
        Fault::invalid("The body ended early.")
    };
    Ok(Order(collected.map_err(late)?.map_err(unread)?.to_bytes()))
}

/// Whether the body is said to be JSON, once and plainly; no form that a browser sends without asking is (Fetch, §2.2.2).
fn is_json(fields: &HeaderMap) -> bool {
    let mut types = fields.get_all(header::CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    let essence = one.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") && !fields.contains_key(header::CONTENT_ENCODING)
}
