//! The request for a token: Passport's JSON, or one of the two forms of RFC 6749 §4.4.

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use http::{HeaderValue, Request, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::secrets::ClientSecrets;
use crate::config::TokenRequest;

const GRANT: &str = "client_credentials";

/// What a form leaves as it is (RFC 6749 appendix B); a space becomes `%20`, which every decoder of forms knows.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// Writes the request for a token. Body and credential are wiped when their last user is gone.
pub(super) fn build(style: TokenRequest, url: &Uri, secrets: &ClientSecrets) -> Result<Request<Bytes>, Failure> {
    let request = Request::post(url.clone()).header(header::ACCEPT, "application/json");
    let request = match style {
        TokenRequest::Json => request.header(header::CONTENT_TYPE, "application/json").body(json(secrets)?),
        TokenRequest::Form => request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(secrets)),
        TokenRequest::Basic => request
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::AUTHORIZATION, basic(secrets)?)
            .body(Bytes::from(format!("grant_type={GRANT}"))),
    };
    request.map_err(|_| Failure::Internal)
}

fn json(secrets: &ClientSecrets) -> Result<Bytes, Failure> {
    #[derive(Serialize)]
    struct Body<'a> {
        client_id: &'a str,
        client_secret: &'a str,
        grant_type: &'static str,
    }
    let (client_id, client_secret) = (secrets.id.expose(), secrets.secret.expose());
    // Large enough for every character escaped: a buffer that grows leaves copies behind.
    let mut body = Zeroizing::new(Vec::with_capacity(128 + 6 * (client_id.len() + client_secret.len())));
    serde_json::to_writer(&mut *body, &Body { client_id, client_secret, grant_type: GRANT }).map_err(|_| Failure::Internal)?;
    Ok(Bytes::from_owner(body))
}

fn form(secrets: &ClientSecrets) -> Bytes {
    let mut body = Zeroizing::new(String::with_capacity(128 + encoded_len(secrets)));
    body.push_str("grant_type=");
    body.push_str(GRANT);
    body.push_str("&client_id=");
    body.extend(utf8_percent_encode(secrets.id.expose(), FORM));
    body.push_str("&client_secret=");
    body.extend(utf8_percent_encode(secrets.secret.expose(), FORM));
    Bytes::from_owner(body)
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined.
fn basic(secrets: &ClientSecrets) -> Result<HeaderValue, Failure> {
    let mut pair = Zeroizing::new(String::with_capacity(1 + encoded_len(secrets)));
    pair.extend(utf8_percent_encode(secrets.id.expose(), FORM));
    pair.push(':');
    pair.extend(utf8_percent_encode(secrets.secret.expose(), FORM));
    let mut value = Zeroizing::new(String::with_capacity(8 + pair.len().div_ceil(3) * 4));
    value.push_str("Basic ");
    BASE64_STANDARD.encode_string(pair.as_bytes(), &mut value);
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(|_| Failure::Internal)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The longest that id and secret become in a form.
fn encoded_len(secrets: &ClientSecrets) -> usize {
    3 * (secrets.id.expose().len() + secrets.secret.expose().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn request(style: TokenRequest, id: &str, secret: &str) -> (http::request::Parts, String) {
        let secrets = ClientSecrets { id: Secret::new(id.to_owned()), secret: Secret::new(secret.to_owned()) };
        let url = Uri::from_static("https://api.example/v1/iam/oauth/tokens");
        let (head, body) = build(style, &url, &secrets).unwrap().into_parts();
        (head, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn passport_is_asked_in_json() {
        let (head, body) = request(TokenRequest::Json, "acme", "a\"b\u{1}");

        assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/v1/iam/oauth/tokens"));
        assert_eq!(head.headers[header::CONTENT_TYPE], "application/json");
        assert!(!head.headers.contains_key(header::AUTHORIZATION));
        let expected = r#"{"client_id":"acme","client_secret":"a\"b\u0001","grant_type":"client_credentials"}"#;
        assert_eq!(body, expected);
    }

    #[test]
    fn a_form_holds_id_and_secret_encoded() {
        let (head, body) = request(TokenRequest::Form, "a c:me", "s&=+%é*-._~");

        assert_eq!(head.headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
        assert!(!head.headers.contains_key(header::AUTHORIZATION));
        let expected = "grant_type=client_credentials&client_id=a%20c%3Ame&client_secret=s%26%3D%2B%25%C3%A9*-._%7E";
        assert_eq!(body, expected);
    }

    #[test]
    fn basic_authentication_holds_id_and_secret_encoded_and_sensitive() {
        let (head, body) = request(TokenRequest::Basic, "a:b", "c d");

        assert_eq!(body, "grant_type=client_credentials");
        let authorization = &head.headers[header::AUTHORIZATION];
        assert_eq!(authorization, &format!("Basic {}", BASE64_STANDARD.encode("a%3Ab:c%20d")));
        assert!(authorization.is_sensitive());
    }
}
