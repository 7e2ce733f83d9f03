//! Layer 11: path, query and body keep the operation's rules; the only reader of the request body.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body::Body as _;
use tokio::time::Instant;
use tower_layer::Layer;

use self::collect::collect;
use crate::body::Body;
use crate::clock::turn;
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::stage::{Authorized, Validated};
use crate::trace::Stage;

mod collect;

/// Reads the body, within its bounds, and validates the request.
#[derive(Clone, Copy, Debug)]
pub struct ValidateLayer;

impl<S> Layer<S> for ValidateLayer {
    type Service = Validate<S>;

    fn layer(&self, inner: S) -> Validate<S> {
        Validate(inner)
    }
}

/// The service of [`ValidateLayer`].
#[derive(Debug)]
pub struct Validate<S>(S);

impl<S: Service<Validated, Error = Refusal>> Service<Authorized> for Validate<S> {
    type Error = Refusal;

    async fn call(&self, mut request: Authorized) -> Result<Response, Refusal> {
        let body = match request.take_body() {
            none if none.is_end_stream() => Bytes::new(),
            // In an allocation of its own: requests without a body need not carry it.
            body => Box::pin(read(&request, body)).await?,
        };
        let now = turn::now();
        request.exchange().set_validated(now);
        self.0.call(request.validate(body, now)?).await
    }
}

/// The whole of a body that has bytes; the media type of one without does not matter.
async fn read(request: &Authorized, body: Body) -> Result<Bytes, Refusal> {
    let fields = &request.head().headers;
    let bounds = request.snapshot().bounds;
    if announced(fields).is_some_and(|length| length > bounds.max_body_bytes as u64) {
        return Err(Refusal::BodyTooLarge);
    }
    if request.operation().body.is_some() && !is_plain_json(fields) {
        return Err(Refusal::UnsupportedMediaType);
    }
    let _span = request.exchange().span(Stage::Body);
    let began = Instant::now();
    let read = collect(body, bounds).await;
    request.exchange().add_body_wait(began.elapsed());
    read
}

fn announced(fields: &HeaderMap) -> Option<u64> {
    fields.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// One `Content-Type` of `application/json`, and no content coding.
fn is_plain_json(fields: &HeaderMap) -> bool {
    let mut types = fields.get_all(CONTENT_TYPE).iter();
    types.next().is_some_and(is_json) && types.next().is_none() && !fields.contains_key(CONTENT_ENCODING)
}

/// `application/json` has no parameters (RFC 8259 §11); many send `charset=utf-8` all the same, which changes nothing. Any other
/// could make a reader read other bytes than the ones that were checked.
fn is_json(value: &HeaderValue) -> bool {
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let mut parameters = parts.filter(|parameter| !parameter.is_empty());
    let utf8 = |parameter: &str| {
        let charset = parameter.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("charset"));
        charset.is_some_and(|(_, charset)| ["utf-8", "\"utf-8\""].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8)))
    };
    essence.eq_ignore_ascii_case("application/json") && parameters.next().is_none_or(utf8) && parameters.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(values: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        values.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn json_is_json_in_any_case_also_where_it_says_that_it_is_utf_8() {
        for value in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json ; Charset=\"utf-8\"",
            "application/json;",
            "application/json; ;charset=utf-8;",
        ] {
            assert!(is_plain_json(&fields(&[(CONTENT_TYPE, value)])), "{value}");
        }
    }

    #[test]
    fn json_with_any_other_parameter_is_not() {
        for value in [
            "application/json; charset=utf-16",
            "application/json; charset=iso-8859-1",
            "application/json; charset=\"utf-8",
            "application/json; charset",
            "application/json; charset=",
            "application/json; charset = utf-8",
            "application/json; foo",
            "application/json; version=2",
            "application/json; charset=utf-8; charset=utf-8",
            "application/json; charset=utf-8; foo=bar",
            "application/json, application/json",
        ] {
            assert!(!is_plain_json(&fields(&[(CONTENT_TYPE, value)])), "{value}");
        }
    }

    #[test]
    fn another_type_two_types_or_a_content_coding_is_not() {
        assert!(!is_plain_json(&fields(&[])));
        assert!(!is_plain_json(&fields(&[(CONTENT_TYPE, "application/x-www-form-urlencoded")])));
        assert!(!is_plain_json(&fields(&[(CONTENT_TYPE, "application/jsonp")])));
        assert!(!is_plain_json(&fields(&[(CONTENT_TYPE, "application/json"), (CONTENT_TYPE, "text/plain")])));
        assert!(!is_plain_json(&fields(&[(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, "gzip")])));
    }
}
