//! The token endpoint: Passport's JSON request, and the two forms of RFC 6749 §2.3.1 for clients of other servers.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::body::{self, Check, Rule, required};
use super::call::Answer;
use super::error::ApiError;
use super::moment::Moment;
use super::options::Client;
use super::query::Query;
use super::tokens::Tokens;

/// Who asks, how.
struct TokenRequest {
    client_id: String,
    client_secret: String,
    grant_type: String,
}

const RULES: [Rule; 3] = [
    required("/client_id", Check::Characters(1, 1024)),
    required("/client_secret", Check::Characters(1, 1024)),
    required("/grant_type", Check::Characters(1, 1024)),
];

/// `POST /v1/iam/oauth/tokens`
pub(crate) fn grant(
    tokens: &mut Tokens,
    clients: &[Client],
    request: (&HeaderMap, &[u8]),
    moment: Moment,
) -> Result<Answer, ApiError> {
    let request = TokenRequest::parse(request.0, request.1)?;
    if request.grant_type != "client_credentials" {
        return Err(malformed("Missing or invalid: grant_type"));
    }
    let known = clients
        .iter()
        .find(|client| client.client_id == request.client_id && client.client_secret.expose() == request.client_secret);
    let client = known.ok_or_else(|| ApiError::new(StatusCode::UNAUTHORIZED, "token", "Invalid client credentials"))?;
    Ok(Answer::ok(tokens.issue(client, moment)))
}

impl TokenRequest {
    fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, ApiError> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if let Some(encoded) = text(header::AUTHORIZATION).strip_prefix("Basic ") {
            return Self::basic(encoded, &form(bytes)?);
        }
        if text(header::CONTENT_TYPE).starts_with("application/x-www-form-urlencoded") {
            return Self::form(&form(bytes)?);
        }
        Ok(Self::json(&body::parse(bytes, "token", &RULES)?))
    }

    fn json(body: &Value) -> Self {
        Self {
            client_id: body::owned(body, "/client_id"),
            client_secret: body::owned(body, "/client_secret"),
            grant_type: body::owned(body, "/grant_type"),
        }
    }

    fn form(form: &Query) -> Result<Self, ApiError> {
        let member =
            |name: &str| form.text(name).map(str::to_owned).ok_or_else(|| malformed(&format!("Missing or invalid: {name}")));
        Ok(Self { client_id: member("client_id")?, client_secret: member("client_secret")?, grant_type: member("grant_type")? })
    }

    /// Id and secret are form-encoded before they are joined by a colon.
    fn basic(encoded: &str, form: &Query) -> Result<Self, ApiError> {
        let decoded = BASE64_STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let (id, secret) =
            decoded.as_deref().and_then(|pair| pair.split_once(':')).ok_or_else(|| malformed("Malformed credentials"))?;
        let pair = Query::parse(&format!("id={id}&secret={secret}"))?;
        let part = |name| pair.text(name).unwrap_or_default().to_owned();
        let grant_type = form.text("grant_type").unwrap_or_default().to_owned();
        Ok(Self { client_id: part("id"), client_secret: part("secret"), grant_type })
    }
}

fn form(bytes: &[u8]) -> Result<Query, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("The body is not a form"))?;
    Query::parse(text)
}

fn malformed(message: &str) -> ApiError {
    ApiError::bad_request("token", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_type: &str, authorization: Option<&str>, body: &str) -> Result<(String, String, String), ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        TokenRequest::parse(&headers, body.as_bytes()).map(|r| (r.client_id, r.client_secret, r.grant_type))
    }

    #[test]
    fn json_form_and_basic_say_the_same() {
        let said = ("a b".to_owned(), "s:é".to_owned(), "client_credentials".to_owned());
        let json = r#"{"client_id":"a b","client_secret":"s:é","grant_type":"client_credentials"}"#;
        let form = "client_id=a+b&client_secret=s%3A%C3%A9&grant_type=client_credentials";
        let basic = format!("Basic {}", BASE64_STANDARD.encode("a+b:s%3A%C3%A9"));
        let urlencoded = "application/x-www-form-urlencoded";

        assert_eq!(request("application/json", None, json).unwrap(), said);
        assert_eq!(request(urlencoded, None, form).unwrap(), said);
        assert_eq!(request(urlencoded, Some(&basic), "grant_type=client_credentials").unwrap(), said);
    }

    #[test]
    fn what_is_missing_is_a_bad_request() {
        assert_eq!(request("application/json", None, r#"{"client_id":"a"}"#).unwrap_err().status, 400);
        assert_eq!(request("application/x-www-form-urlencoded", None, "client_id=a").unwrap_err().status, 400);
        assert_eq!(request("text/plain", Some("Basic ???"), "").unwrap_err().status, 400);
    }
}
