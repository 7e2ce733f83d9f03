//! The request that goes up: target, `Host`, a closed list of the caller's fields, and our own.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;

use crate::fields::{IDEMPOTENCY_KEY, TRACEPARENT, X_REQUEST_ID, may_go_up};
use crate::stage::{Outbound, Validated, Validators};
use crate::trace::{Context, OpenSpan};
use crate::transport::USER_AGENT;
use crate::upstream::destination::Destination;

/// The configured fields that may go up.
pub(super) fn permitted(configured: &[HeaderName]) -> Arc<[HeaderName]> {
    configured.iter().filter(|name| may_go_up(name)).cloned().collect()
}

/// Builds the request for one upstream.
pub(super) fn build(
    destination: &Destination,
    outbound: &Outbound,
    extra: &[HeaderName],
    span: Option<&OpenSpan<'_>>,
) -> Request<Full<Bytes>> {
    let validated = outbound.validated();
    let mut request = Request::new(Full::new(validated.body().clone()));
    *request.method_mut() = validated.operation().method.clone();
    *request.uri_mut() = target(destination, validated.target());
    let fields = request.headers_mut();
    fields.reserve(14 + extra.len());
    fields.insert(header::HOST, destination.host.clone());
    fields.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    fields.insert(header::AUTHORIZATION, outbound.bearer().clone());
    fields.insert(X_REQUEST_ID, validated.exchange().id().clone());
    let caller = &validated.head().headers;
    write_content_fields(fields, caller, &validated.operation().method, validated.body());
    for name in [header::ACCEPT, header::ACCEPT_LANGUAGE].iter().chain(extra) {
        for value in caller.get_all(name) {
            fields.append(name, value.clone());
        }
    }
    write_conditions(fields, validated.held());
    match validated.exchange().trace() {
        Some(trace) => trace.write(span, fields),
        // Nobody here takes part in the caller's trace: it is handed on as it is.
        None => {
            if let Some(value) = caller.get(TRACEPARENT).filter(|value| Context::parse(value).is_some()) {
                fields.insert(TRACEPARENT, value.clone());
            }
        }
    }
    request
}

/// The conditions are the gateway's own, for what it holds (RFC 9111 §4.3.1); those of callers are answered here.
fn write_conditions(fields: &mut HeaderMap, held: Option<&Validators>) {
    let Some(held) = held else { return };
    if let Some(tag) = &held.entity_tag {
        fields.insert(header::IF_NONE_MATCH, tag.clone());
    }
    if let Some(date) = &held.last_modified {
        fields.insert(header::IF_MODIFIED_SINCE, date.clone());
    }
}

/// The key of a write, as its caller sent it: the gateway has read it, so there is at most one.
pub(super) fn write_key(request: &mut Request<Full<Bytes>>, validated: &Validated, field: &HeaderName) {
    if validated.operation().is_write()
        && let Some(key) = validated.head().headers.get(IDEMPOTENCY_KEY)
    {
        request.headers_mut().insert(field, key.clone());
    }
}

/// No body is no body, whatever the caller's fields say; a method that could have one says so (RFC 9110 §8.6).
fn write_content_fields(fields: &mut HeaderMap, caller: &HeaderMap, method: &Method, body: &Bytes) {
    if body.is_empty() {
        if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        return;
    }
    fields.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    if let Some(value) = caller.get(header::CONTENT_TYPE) {
        fields.insert(header::CONTENT_TYPE, value.clone());
    }
}

fn target(destination: &Destination, target: &http::uri::PathAndQuery) -> Uri {
    if destination.prefix.is_empty() {
        return Uri::from(target.clone());
    }
    let target = format!("{}{target}", destination.prefix);
    Uri::try_from(target).expect("the path of a valid URL before a valid target is a valid target")
}

#[cfg(test)]
mod tests;
