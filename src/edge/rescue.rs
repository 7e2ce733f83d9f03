//! Layer 3: the one place where an error, or a caught panic, becomes a response, and where every response gets its last fields.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use http_body::Body as _;
use tower_layer::Layer;
use tracing::Level;

use crate::body::Body;
use crate::exchange::Exchange;
use crate::problem;
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::stage::Request;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Turns refusals and panics into problems (RFC 9457).
#[derive(Clone, Copy, Debug, Default)]
pub struct RescueLayer;

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Rescue<S> {
        Rescue(inner)
    }
}

/// The service of [`RescueLayer`].
#[derive(Debug)]
pub struct Rescue<S>(S);

impl<S: Service<Request, Error = Refusal>> Service<Request> for Rescue<S> {
    type Error = Infallible;

    async fn call(&self, request: Request) -> Result<Response, Infallible> {
        let exchange = request.exchange().clone();
        let (head_only, version) = (request.head().method == Method::HEAD, request.head().version);
        let answer = AssertUnwindSafe(self.0.call(request)).catch_unwind().await;
        let mut response = match answer.unwrap_or(Err(Refusal::Internal)) {
            Ok(response) => response,
            Err(refusal) => refused(&refusal, version, &exchange),
        };
        write_facts(response.headers_mut(), &exchange);
        Ok(if head_only { without_body(response) } else { response })
    }
}

fn refused(refusal: &Refusal, version: Version, exchange: &Exchange) -> Response {
    let kind = refusal.kind();
    exchange.set_refused(kind.name);
    let request_id = exchange.id().to_str().unwrap_or_default();
    let operation = exchange.operation().map_or("", |(_, name)| name);
    let tenant = exchange.tenant().map_or("", |tenant| tenant.as_str());
    match refusal.level() {
        Level::ERROR => tracing::error!(request_id, operation, tenant, problem = kind.name, "request failed"),
        Level::WARN => tracing::warn!(request_id, operation, tenant, problem = kind.name, "request refused"),
        _ => tracing::debug!(request_id, operation, tenant, problem = kind.name, "request refused"),
    }
    let mut response = problem::response(refusal, exchange.id());
    // HTTP/2 frames its messages and knows no such field (RFC 9113 §8.2.2).
    if refusal.ends_connection() && version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Writes the facts that answers tell, and takes off what never crosses the gateway.
fn write_facts(fields: &mut HeaderMap, exchange: &Exchange) {
    fields.remove(header::SET_COOKIE);
    if let Some(cache) = exchange.cache() {
        fields.insert(CACHE_STATUS, cache.field());
    }
    // Passport's limits are on a credential that tenants may share; on our answers the fields speak of the caller's own.
    if let Some(limit) = exchange.limit() {
        fields.insert(RATELIMIT_POLICY, limit.policy_field.clone());
        fields.insert(RATELIMIT, limit.field());
    } else {
        fields.remove(RATELIMIT_POLICY);
        fields.remove(RATELIMIT);
    }
}

/// The answer to HEAD: the fields of GET, without its body.
fn without_body(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::LimitState;

    #[test]
    fn the_limit_that_is_told_is_the_gateways_own() {
        let exchange = Exchange::new(HeaderValue::from_static("1"), tokio::time::Instant::now());
        let answered = || {
            let mut fields = HeaderMap::new();
            fields.insert(RATELIMIT, HeaderValue::from_static(r#""passport";r=3"#));
            fields.append(RATELIMIT_POLICY, HeaderValue::from_static(r#""passport";q=9"#));
            fields.append(RATELIMIT_POLICY, HeaderValue::from_static(r#""partner";q=9"#));
            fields
        };
        let (mut unlimited, mut limited) = (answered(), answered());

        write_facts(&mut unlimited, &exchange);
        let policy_field = HeaderValue::from_static(r#""tenant";q=200;w=2"#);
        exchange.set_limit(LimitState { policy: "tenant", policy_field, remaining: 17, reset: 1 });
        write_facts(&mut limited, &exchange);

        assert!(unlimited.is_empty(), "{unlimited:?}");
        let told: Vec<_> = limited.get_all(RATELIMIT).iter().chain(limited.get_all(RATELIMIT_POLICY)).collect();
        assert_eq!(told, [r#""tenant";r=17;t=1"#, r#""tenant";q=200;w=2"#]);
    }
}
