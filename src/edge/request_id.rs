//! Layer 1: every request has an id, and every answer says it.

use std::convert::Infallible;

use futures_util::TryFutureExt;
use http::{HeaderMap, HeaderValue};
use tower_layer::Layer;
use uuid::Builder;

use crate::clock::SharedClock;
use crate::fields::X_REQUEST_ID;
use crate::service::{Response, Service};
use crate::stage::Arrival;

const LONGEST: usize = 128;

/// Keeps a caller's valid id and makes one otherwise.
#[derive(Clone)]
pub struct RequestIdLayer(SharedClock);

impl RequestIdLayer {
    /// Ids are made of `clock`'s wall time and random bits (UUID version 7), so they sort by time.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self(clock)
    }
}

impl<S> Layer<S> for RequestIdLayer {
    type Service = RequestId<S>;

    fn layer(&self, inner: S) -> RequestId<S> {
        RequestId { clock: self.0.clone(), inner }
    }
}

/// The service of [`RequestIdLayer`].
pub struct RequestId<S> {
    clock: SharedClock,
    inner: S,
}

impl<S: Service<Arrival, Error = Infallible>> Service<Arrival> for RequestId<S> {
    type Error = Infallible;

    // No async block: hyper keeps room for this future on each connection, idle ones too, and a block would hold the arrival twice.
    fn call(&self, mut arrival: Arrival) -> impl Future<Output = Result<Response, Infallible>> + Send {
        let id = valid(&arrival.head.headers).unwrap_or_else(|| self.assign(&mut arrival.head.headers));
        self.inner.call(arrival).map_ok(|mut response| {
            response.headers_mut().insert(X_REQUEST_ID, id);
            response
        })
    }
}

impl<S> RequestId<S> {
    /// Puts an id of our own in place of what the caller sent.
    fn assign(&self, fields: &mut HeaderMap) -> HeaderValue {
        let id = self.make();
        fields.insert(X_REQUEST_ID, id.clone());
        id
    }

    fn make(&self) -> HeaderValue {
        let since_epoch = self.clock.wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        let mut random = [0; 10];
        fastrand::fill(&mut random);
        let id = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        HeaderValue::from_str(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer())).expect("a UUID is a header value")
    }
}

/// The caller's id, if it sent exactly one that is short and harmless in logs.
fn valid(fields: &HeaderMap) -> Option<HeaderValue> {
    let mut ids = fields.get_all(X_REQUEST_ID).iter();
    let id = ids.next().filter(|_| ids.next().is_none())?;
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    ((1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(harmless)).then(|| id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(ids: &[&str]) -> HeaderMap {
        ids.iter().map(|id| (X_REQUEST_ID, HeaderValue::from_str(id).unwrap())).collect()
    }

    #[test]
    fn a_short_harmless_id_is_kept() {
        assert_eq!(valid(&fields(&["order-17:a_b.c"])).unwrap(), "order-17:a_b.c");
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_or_is_ambiguous_is_not() {
        let long = "x".repeat(LONGEST + 1);
        for ids in [&[][..], &[""], &["a b"], &["a\"}"], &[long.as_str()], &["a", "b"]] {
            assert_eq!(valid(&fields(ids)), None, "{ids:?}");
        }
    }
}
