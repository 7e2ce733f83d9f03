//! One call of the tour, and its answer.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde_json::Value;

use crate::cli::demo::callers::Caller;
use crate::problem::TYPE_PREFIX;

/// A call to the gateway, not yet made.
#[derive(Clone)]
pub(super) struct Call<'a> {
    method: Method,
    target: String,
    caller: Option<&'a Caller>,
    fields: Vec<(&'static str, &'static str)>,
    body: Option<Value>,
}

/// What came back.
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    fields: HeaderMap,
    /// The body; null if it is no JSON.
    pub(super) body: Value,
}

impl<'a> Call<'a> {
    /// A GET of this path and query.
    pub(super) fn get(target: impl Into<String>) -> Self {
        Self { method: Method::GET, target: target.into(), caller: None, fields: Vec::new(), body: None }
    }

    /// A POST of this body.
    pub(super) fn post(target: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(target) }
    }

    /// With this caller's credential.
    pub(super) fn by(self, caller: &'a Caller) -> Self {
        Self { caller: Some(caller), ..self }
    }

    /// With this header field.
    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The request to the gateway at this URL.
    pub(super) fn request(&self, gateway: &str) -> Result<Request<Bytes>, http::Error> {
        let mut request = Request::builder().method(&self.method).uri(format!("{gateway}{}", self.target));
        if let Some(caller) = self.caller {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", caller.credential.expose()));
        }
        for (name, value) in &self.fields {
            request = request.header(*name, *value);
        }
        let Some(body) = &self.body else { return request.body(Bytes::new()) };
        request.header(header::CONTENT_TYPE, "application/json").body(Bytes::from(body.to_string()))
    }

    /// Its lines, without the credential itself.
    pub(super) fn lines(&self) -> Vec<String> {
        let caller = self.caller.map(|caller| format!("authorization: Bearer <the token of {}>", caller.name));
        let fields = self.fields.iter().map(|(name, value)| format!("{name}: {value}"));
        let body = self.body.as_ref().map(|body| format!("{body:#}"));
        let first = format!("{} {}", self.method, self.target);
        std::iter::once(first).chain(caller).chain(fields).chain(body).collect()
    }
}

impl Answer {
    /// The value of a header field, if it is there and text.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.to_str().ok()
    }

    /// The text at a JSON pointer into the body.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer)?.as_str()
    }

    /// The name of the problem it is, if it is one of the gateway's.
    pub(super) fn problem(&self) -> Option<&str> {
        self.text("/type")?.strip_prefix(TYPE_PREFIX)
    }

    /// What is wrong with the request, one entry for each fault.
    pub(super) fn errors(&self) -> Vec<String> {
        let text = |error: &Value, member: &str| error[member].as_str().unwrap_or_default().to_owned();
        let errors = self.body["errors"].as_array().into_iter().flatten();
        errors.map(|error| format!("{} {}: {}", text(error, "in"), text(error, "name"), text(error, "detail"))).collect()
    }
}

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, fields: head.headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_shows_whose_token_it_carries_but_not_the_token() {
        let caller =
            Caller { name: "acme", credential: crate::secret::Secret::new("s3cr3t".to_owned()), file: std::path::PathBuf::new() };
        let call = Call::post("/v1/keys", json!({"a": 1})).by(&caller).with("idempotency-key", "k-1");

        let request = call.request("http://127.0.0.1:1").unwrap();

        assert_eq!(request.headers()["authorization"], "Bearer s3cr3t");
        assert_eq!(
            call.lines(),
            ["POST /v1/keys", "authorization: Bearer <the token of acme>", "idempotency-key: k-1", "{\n  \"a\": 1\n}"]
        );
    }
}
