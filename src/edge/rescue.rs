//! Layer 3: the one place where an error, or a caught panic, becomes a response, and where every response gets its last fields.

use std::convert::Infallible;
use std::fmt::{self, Write};
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method, Version, header};
use http_body::Body as _;
use tower_layer::Layer;
use tracing::Level;

use crate::body::Body;
use crate::exchange::{Exchange, LimitState};
use crate::problem;
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::stage::Request;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// More bytes than a value has that is written here.
const LONGEST_VALUE: usize = 256;

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
        write_facts(&mut response, &exchange);
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
fn write_facts(response: &mut Response, exchange: &Exchange) {
    let fields = response.headers_mut();
    fields.remove(header::SET_COOKIE);
    // Passport's limits are on a credential that tenants may share; on our answers the fields speak of the caller's own.
    fields.remove(RATELIMIT_POLICY);
    fields.remove(RATELIMIT);
    if let Some(cache) = exchange.cache() {
        fields.insert(CACHE_STATUS, value(format_args!("{cache}")));
    }
    if let Some(limit) = exchange.limit() {
        let (policy, state) = limit_fields(limit);
        fields.insert(RATELIMIT_POLICY, policy);
        fields.insert(RATELIMIT, state);
    }
}

/// `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10.
fn limit_fields(limit: &LimitState) -> (HeaderValue, HeaderValue) {
    let LimitState { policy, quota, window, remaining, reset } = limit;
    (value(format_args!(r#""{policy}";q={quota};w={window}"#)), value(format_args!(r#""{policy}";r={remaining};t={reset}"#)))
}

/// A field value of our own words and numbers, written with one allocation.
fn value(text: fmt::Arguments<'_>) -> HeaderValue {
    let mut written = Written { bytes: [0; LONGEST_VALUE], length: 0 };
    written.write_fmt(text).expect("our own words and numbers are not that long");
    HeaderValue::from_bytes(&written.bytes[..written.length]).expect("our own words and numbers are visible ASCII")
}

/// Text that is being written, in place.
struct Written {
    bytes: [u8; LONGEST_VALUE],
    length: usize,
}

impl Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes[self.length..].get_mut(..text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
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

    #[test]
    fn the_limit_that_is_told_is_the_gateways_own() {
        let exchange = Exchange::new(HeaderValue::from_static("1"), tokio::time::Instant::now());
        let answer = || {
            let mut answer = Response::new(Body::empty());
            answer.headers_mut().insert(RATELIMIT, HeaderValue::from_static(r#""passport";r=3"#));
            answer.headers_mut().insert(RATELIMIT_POLICY, HeaderValue::from_static(r#""passport";q=9"#));
            answer
        };
        let (mut unlimited, mut limited) = (answer(), answer());

        write_facts(&mut unlimited, &exchange);
        exchange.set_limit(LimitState { policy: "tenant", quota: 200, window: 2, remaining: 17, reset: 1 });
        write_facts(&mut limited, &exchange);

        assert!(unlimited.headers().is_empty(), "{unlimited:?}");
        let told: Vec<_> = limited.headers().get_all(RATELIMIT).iter().collect();
        assert_eq!(told, [r#""tenant";r=17;t=1"#]);
        assert_eq!(limited.headers().get_all(RATELIMIT_POLICY).iter().count(), 1);
    }

    #[test]
    fn a_limit_is_told_as_structured_fields() {
        let limit = LimitState { policy: "tenant", quota: 200, window: 2, remaining: 17, reset: 1 };

        let (policy, state) = limit_fields(&limit);

        assert_eq!(policy, r#""tenant";q=200;w=2"#);
        assert_eq!(state, r#""tenant";r=17;t=1"#);
    }
}
