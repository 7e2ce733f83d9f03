//! An answer as it is shared and stored: whole, in memory of its own, without what was meant for one receiver or one hop.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use http::request::Parts as RequestHead;
use http::response::Parts as ResponseHead;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::conditional::{is_held_by_caller, repeated};
use super::freshness::age_field;
use super::key::{Selectors, Variant};
use super::list::members;
use super::renewal::{updated, validators};
use crate::body::Body;
use crate::service::Response;
use crate::stage::Validators;

/// Fields of one connection (RFC 9110 §7.6.1), of one exchange, or made anew for each receiver.
const LEFT_OUT: [&str; 22] = [
    "age",
    "alt-svc",
    "cache-status",
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "ratelimit",
    "ratelimit-policy",
    "server-timing",
    "set-cookie",
    "set-cookie2",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// A whole answer that any number of receivers may have.
pub(super) struct Answer {
    status: StatusCode,
    fields: HeaderMap,
    body: Bytes,
    selects: Option<(Selectors, Variant)>,
    validators: Option<Arc<Validators>>,
    /// The `Age` it came with.
    age: Option<HeaderValue>,
}

impl Answer {
    /// Takes up an answer to `request` whose body is whole. A 200 without an entity tag gets one: a digest of its bytes.
    pub(super) fn new(request: &RequestHead, head: &ResponseHead, body: Bytes, received: SystemTime) -> Self {
        let mut fields = kept(&head.headers);
        let validators = validators(head.status, &fields);
        if !fields.contains_key(header::DATE) {
            // RFC 9110 §6.6.1: a recipient with a clock adds the date at which the answer came.
            fields.insert(header::DATE, value(httpdate::fmt_http_date(received)));
        }
        if has_content(head.status) {
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        if head.status == StatusCode::OK && !fields.contains_key(header::ETAG) {
            fields.insert(header::ETAG, tag(&body));
        }
        let selects = Selectors::of(&head.headers).map(|selectors| {
            let variant = Variant::of(&selectors, &request.headers);
            (selectors, variant)
        });
        let age = age_field(&head.headers).map(|age| HeaderValue::from(age.as_secs()));
        Self { status: head.status, fields, body, selects, validators, age }
    }

    /// The head and the body it would have if it had come anew with the fields of this 304 (RFC 9111 §3.2).
    pub(super) fn updated(&self, by: &HeaderMap) -> (ResponseHead, Bytes) {
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.status = self.status;
        head.headers = updated(&self.fields, by, self.own_tag());
        (head, self.body.clone())
    }

    /// The same with another body, in fields of its own.
    #[cfg(test)]
    pub(super) fn with_body(&self, body: Bytes) -> Self {
        let fields = packed(&self.fields.iter().collect::<Vec<_>>());
        Self { fields, body, selects: self.selects.clone(), validators: None, age: None, ..*self }
    }

    /// What Passport is asked by whether it has changed; `None` if it gave nothing that is sure to change with it.
    pub(super) fn validators(&self) -> Option<&Arc<Validators>> {
        self.validators.as_ref()
    }

    /// Whether its entity tag was made here: Passport does not know it.
    fn own_tag(&self) -> bool {
        self.validators.as_ref().is_none_or(|validators| validators.entity_tag.is_none())
    }

    /// Its entity tag.
    pub(super) fn tag(&self) -> Option<&HeaderValue> {
        self.fields.get(header::ETAG)
    }

    /// Its body.
    pub(super) fn into_body(self) -> Body {
        self.body.into()
    }

    /// The request fields that select it among the answers to one target, and the values they had.
    pub(super) fn selects(&self) -> Option<&(Selectors, Variant)> {
        self.selects.as_ref()
    }

    /// Whether it is the answer to a request with these fields (RFC 9111 §4.1).
    pub(super) fn answers(&self, request: &HeaderMap) -> bool {
        self.selects
            .as_ref()
            .is_some_and(|(selectors, variant)| selectors.is_empty() || Variant::of(selectors, request) == *variant)
    }

    /// Answers one request with it: a 304 if the caller has it, no body to HEAD. `age` is told in place of the one it came with.
    pub(super) fn respond(&self, request: &RequestHead, age: Option<Duration>) -> Response {
        let mut response = Response::new(Body::empty());
        if self.status == StatusCode::OK && is_held_by_caller(&request.headers, &self.fields) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.headers_mut() = repeated(&self.fields);
        } else {
            *response.status_mut() = self.status;
            *response.headers_mut() = self.fields.clone();
            if request.method != Method::HEAD {
                *response.body_mut() = self.body.clone().into();
            }
        }
        if let Some(age) = age.map(|age| HeaderValue::from(age.as_secs())).or_else(|| self.age.clone()) {
            response.headers_mut().insert(header::AGE, age);
        }
        response
    }

    /// The bytes it takes: body, names and values of fields, and what a header map needs for them.
    pub(super) fn len(&self) -> usize {
        /// What hyperium's map takes for one field, its index included.
        const SLOT: usize = 128;
        let fields = self.fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
        self.body.len() + fields + self.fields.capacity() * SLOT
    }
}

/// The fields that any receiver may have. Their values are copied into one piece of memory, since those of an upstream's answer
/// are parts of a connection's read buffer and would keep it whole.
fn kept(fields: &HeaderMap) -> HeaderMap {
    packed(&fields.iter().filter(|(name, _)| is_kept(name, fields)).collect::<Vec<_>>())
}

/// These fields, with all values in one allocation of their own.
fn packed(kept: &[(&HeaderName, &HeaderValue)]) -> HeaderMap {
    let mut values = BytesMut::with_capacity(kept.iter().map(|(_, value)| value.len()).sum());
    for (_, value) in kept {
        values.extend_from_slice(value.as_bytes());
    }
    let mut values = values.freeze();
    // Room for date, entity tag and length, which may be missing, and for `Age`.
    let mut map = HeaderMap::with_capacity(kept.len() + 4);
    for (name, value) in kept {
        let bytes = values.split_to(value.len());
        map.append(*name, HeaderValue::from_maybe_shared(bytes).expect("the bytes of a field value are a field value"));
    }
    map
}

/// Whether any receiver may have a field of an answer with these fields.
pub(super) fn is_kept(name: &HeaderName, fields: &HeaderMap) -> bool {
    let text = name.as_str();
    let one_receivers = text.starts_with("x-ratelimit-") || text.starts_with("ratelimit-");
    let one_hops = members(fields, &header::CONNECTION).any(|option| option.eq_ignore_ascii_case(text.as_bytes()));
    LEFT_OUT.binary_search(&text).is_err() && !one_receivers && !one_hops
}

/// RFC 9110 §8.6: these have no length.
fn has_content(status: StatusCode) -> bool {
    !(status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED)
}

/// A strong entity tag: equal only for equal bytes.
fn tag(body: &[u8]) -> HeaderValue {
    let digest = digest(&SHA256, body);
    value(format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest.as_ref()[..18])))
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("dates and base64 are visible ASCII")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn request(lines: &[(&'static str, &'static str)]) -> RequestHead {
        let mut request = http::Request::new(());
        for (name, value) in lines {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request.into_parts().0
    }

    fn answer(lines: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let mut response = http::Response::new(());
        for (name, value) in lines {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        Answer::new(&request(&[]), &response.into_parts().0, Bytes::from_static(body.as_bytes()), UNIX_EPOCH)
    }

    #[test]
    fn the_fields_left_out_are_sorted_for_the_search() {
        assert!(LEFT_OUT.is_sorted());
    }

    #[test]
    fn what_was_meant_for_one_receiver_or_one_hop_is_left_out() {
        let answer = answer(
            &[
                ("content-type", "application/json"),
                ("set-cookie", "a=b"),
                ("x-request-id", "1"),
                ("ratelimit", "r=1"),
                ("x-ratelimit-remaining", "1"),
                ("connection", "close, X-Hop"),
                ("x-hop", "1"),
                ("transfer-encoding", "chunked"),
                ("age", "3"),
                ("cache-status", "other; hit"),
                ("x-trace-id", "kept"),
            ],
            "{}",
        );

        let mut names: Vec<_> = answer.fields.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "content-type", "date", "etag", "x-trace-id"]);
        assert_eq!(answer.fields["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn repeated_fields_and_opaque_bytes_survive() {
        let mut response = http::Response::new(());
        response.headers_mut().append("link", HeaderValue::from_static("<a>"));
        response.headers_mut().append("link", HeaderValue::from_bytes(b"<\xff>").unwrap());

        let answer = Answer::new(&request(&[]), &response.into_parts().0, Bytes::new(), UNIX_EPOCH);

        let links: Vec<_> = answer.fields.get_all("link").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(links, [&b"<a>"[..], b"<\xff>"]);
    }

    #[test]
    fn an_upstreams_entity_tag_is_kept_and_a_missing_one_follows_the_bytes() {
        assert_eq!(answer(&[("etag", "W/\"1\"")], "a").fields["etag"], "W/\"1\"");
        assert_eq!(answer(&[], "a").fields["etag"], answer(&[], "a").fields["etag"]);
        assert_ne!(answer(&[], "a").fields["etag"], answer(&[], "b").fields["etag"]);
    }

    #[test]
    fn head_gets_the_length_without_the_bytes() {
        let mut head = request(&[]);
        head.method = Method::HEAD;

        let response = answer(&[], "12345").respond(&head, None);

        assert_eq!(response.headers()["content-length"], "5");
        assert!(response.body().held().is_none());
    }

    #[test]
    fn a_304_repeats_only_what_it_should() {
        let answer = answer(&[("content-type", "application/json"), ("etag", "\"1\""), ("cache-control", "max-age=1")], "12345");

        let response = answer.respond(&request(&[("if-none-match", "\"1\"")]), Some(Duration::from_secs(3)));

        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        let mut names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["age", "cache-control", "date", "etag"]);
    }
}
