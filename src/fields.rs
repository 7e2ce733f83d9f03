//! Header fields by what they mean to a gateway: which concern one connection, which could be forged, which never go up.

use http::HeaderName;
use http::header;
use memchr::memchr;

pub use self::line::Line;

mod line;

/// The request's id, in requests, upstream requests and answers.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A caller's API key.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The caller's trace (W3C Trace Context).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What tracing systems add to it (W3C Trace Context §3.3).
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The key of a write that may be sent again.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Fields of one connection (RFC 9110 §7.6.1), whether or not `Connection` names them.
pub static HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Fields that hold a caller's credential: they never print.
static CREDENTIALS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, X_API_KEY];

/// Fields by which a caller could pretend to be a proxy, another path or another method.
static FORGED: [HeaderName; 8] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
];

/// Fields of a caller that never go up as they are: credentials, framing, our own, and those that would make the answer depend on
/// what one caller has or wants (its cache, its ranges, its codings).
static OURS: [HeaderName; 14] = [
    header::ACCEPT_ENCODING,
    header::AUTHORIZATION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::RANGE,
    header::USER_AGENT,
    IDEMPOTENCY_KEY,
    TRACEPARENT,
    X_API_KEY,
    X_REQUEST_ID,
];

/// Whether a field is hop-by-hop by definition.
#[must_use]
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    begins_with_one_of(name, b"ckptu") && HOP_BY_HOP.contains(name)
}

/// Whether a field holds a caller's credential.
#[must_use]
pub fn is_credential(name: &HeaderName) -> bool {
    begins_with_one_of(name, b"acx") && CREDENTIALS.contains(name)
}

/// Whether a caller could pretend something by it: `X-Forwarded-*` and its like, and names with an underscore, which some
/// servers read as a hyphen.
#[must_use]
pub fn is_forged(name: &HeaderName) -> bool {
    let text = name.as_str();
    memchr(b'_', text.as_bytes()).is_some()
        || begins_with_one_of(name, b"fx") && (FORGED.contains(name) || text.starts_with("x-forwarded-"))
}

/// Most names begin otherwise than those that are looked for, and need no comparison.
fn begins_with_one_of(name: &HeaderName, letters: &[u8]) -> bool {
    name.as_str().bytes().next().is_some_and(|first| letters.contains(&first))
}

/// Whether the operator may let a caller's field go up as it is. What is spoken to proxies or of conditions never does.
#[must_use]
pub fn may_go_up(name: &HeaderName) -> bool {
    let ours = OURS.contains(name) || ["proxy-", "if-"].iter().any(|family| name.as_str().starts_with(family));
    !ours && !is_hop_by_hop(name) && !is_forged(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_recognised() {
        assert!(HOP_BY_HOP.iter().all(is_hop_by_hop));
        assert!(FORGED.iter().all(is_forged));
    }

    #[test]
    fn an_applications_own_field_may_go_up_and_what_we_answer_for_may_not() {
        let may = |name: &str| may_go_up(&name.parse().unwrap());

        assert!(may("x-correlation-id") && may("x-tenant"));
        for name in
            ["authorization", "te", "x-forwarded-for", "x-original-url", "x_api_key", "accept-encoding", "cookie", "if-match"]
        {
            assert!(!may(name), "{name}");
        }
    }
}
