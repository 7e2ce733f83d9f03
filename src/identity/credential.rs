//! Finds the one explicit identity that a request presents, without judging it.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use memchr::memchr_iter;
use percent_encoding::percent_decode_str;

use super::{api_key, invalid};
use crate::fields::X_API_KEY;
use crate::refusal::Refusal;

/// The longest credential that is looked at, in bytes: several times what identity providers issue.
const LONGEST: usize = 16 * 1024;

/// An identity that a request claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// A bearer token that should be a JWT (RFC 6750 §2.1).
    Token(&'a str),
    /// An API key, prefix included.
    ApiKey(&'a str),
}

impl<'a> Credential<'a> {
    /// The identity that the head presents; none if it presents none.
    ///
    /// # Errors
    ///
    /// More than one identity, or one that has no form we know.
    pub(super) fn presented(head: &'a Parts) -> Result<Option<Self>, Refusal> {
        match (only(head, &AUTHORIZATION)?, only(head, &X_API_KEY)?, is_in_query(head)) {
            (None, None, false) => Ok(None),
            // Nor is such a request the local app's: it claims to be somebody.
            (None, None, true) => Err(Refusal::MissingCredential),
            (Some(authorization), None, false) => bearer(text(authorization)?).map(Some),
            (None, Some(key), false) => match text(key)? {
                key if api_key::has_form(key) => Ok(Some(Self::ApiKey(key))),
                _ => Err(invalid("X-Api-Key holds no API key of this gateway.")),
            },
            _ => Err(Refusal::AmbiguousCredential),
        }
    }
}

/// The value of a field that may come once. Two identities are refused even where they are the same.
fn only<'a>(head: &'a Parts, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Refusal> {
    let mut values = head.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Refusal::AmbiguousCredential),
    }
}

/// Whether the query has a token (RFC 6750 §2.3, §5.3): logs along the way would hold it, and as a parameter that no operation
/// knows it would go up to Passport.
fn is_in_query(head: &Parts) -> bool {
    let query = head.uri.query().unwrap_or_default();
    let starts = std::iter::once(0).chain(memchr_iter(b'&', query.as_bytes()).map(|separator| separator + 1));
    // What is no encoding of it by its first byte is most names, and need not be decoded.
    let pairs = starts.map(|start| &query[start..]).filter(|pair| pair.starts_with(['a', '%']));
    let mut names = pairs.filter_map(|pair| pair.split(['=', '&']).next());
    names.any(|name| percent_decode_str(name).eq(b"access_token".iter().copied()))
}

fn text(value: &HeaderValue) -> Result<&str, Refusal> {
    if value.len() > LONGEST {
        return Err(invalid("The credential is too long."));
    }
    // Both look at many bytes at once, as `HeaderValue::to_str` does not.
    let text = std::str::from_utf8(value.as_bytes()).ok().filter(|text| text.is_ascii());
    text.ok_or_else(|| invalid("The credential has characters that none can have."))
}

/// Reads `Bearer <token>`; the scheme's case does not matter (RFC 9110 §11.1).
///
/// Another scheme, or none, is no token that was found bad: whoever asks so learns which scheme is meant, by a challenge
/// without an error code (RFC 6750 §3.1).
fn bearer(authorization: &str) -> Result<Credential<'_>, Refusal> {
    let (scheme, token) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::MissingCredential);
    }
    match token.trim_start_matches(' ') {
        "" => Err(Refusal::MissingCredential),
        key if api_key::has_form(key) => Ok(Credential::ApiKey(key)),
        token => Ok(Credential::Token(token)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(fields: &[(&str, &str)]) -> Result<Option<(bool, String)>, Refusal> {
        presented_at("/", fields)
    }

    fn presented_at(target: &str, fields: &[(&str, &str)]) -> Result<Option<(bool, String)>, Refusal> {
        let builder = http::Request::builder().uri(target);
        let builder = fields.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        let (head, ()) = builder.body(()).unwrap().into_parts();
        let credential = Credential::presented(&head)?;
        Ok(credential.map(|credential| match credential {
            Credential::Token(token) => (false, token.to_owned()),
            Credential::ApiKey(key) => (true, key.to_owned()),
        }))
    }

    #[test]
    fn a_bearer_token_or_key_is_found_whatever_the_case_of_the_scheme() {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(presented(&[("authorization", &format!("{scheme} a.b.c"))]), Ok(Some((false, "a.b.c".to_owned()))));
            assert_eq!(presented(&[("authorization", &format!("{scheme}  pgk_x"))]), Ok(Some((true, "pgk_x".to_owned()))));
        }
        assert_eq!(presented(&[("x-api-key", "pgk_x")]), Ok(Some((true, "pgk_x".to_owned()))));
        assert_eq!(presented(&[("accept", "*/*")]), Ok(None));
    }

    #[test]
    fn two_identities_are_ambiguous_even_if_they_are_the_same() {
        let token = ("authorization", "Bearer a.b.c");
        let key = ("x-api-key", "pgk_x");

        for fields in [[token, token], [token, key], [key, key], [("authorization", "Bearer pgk_x"), key]] {
            assert_eq!(presented(&fields), Err(Refusal::AmbiguousCredential), "{fields:?}");
        }
    }

    #[test]
    fn a_token_in_the_query_is_none_alone_and_one_too_many_beside_a_field() {
        for target in ["/?access_token=a.b.c", "/?page=1&access%5Ftoken=a.b.c", "/?access_token"] {
            assert_eq!(presented_at(target, &[]), Err(Refusal::MissingCredential), "{target}");
            let beside = [("authorization", "Bearer a.b.c")];
            assert_eq!(presented_at(target, &beside), Err(Refusal::AmbiguousCredential), "{target}");
        }
        assert_eq!(presented_at("/?q=access_token&token=1&access_tokens=2", &[]), Ok(None));
    }

    #[test]
    fn another_scheme_or_no_token_is_no_credential_and_not_nothing_either() {
        for authorization in ["Basic dXNlcjpwYXNz", "Digest a=b", "Bearer", "Bearer ", "bearer   ", "", "a.b.c", "Bearera.b.c"] {
            assert_eq!(presented(&[("authorization", authorization)]), Err(Refusal::MissingCredential), "{authorization}");
            let both = [("authorization", authorization), ("x-api-key", "pgk_x")];
            assert_eq!(presented(&both), Err(Refusal::AmbiguousCredential), "{authorization}");
        }
    }

    #[test]
    fn what_has_no_form_of_a_credential_is_invalid() {
        let long = format!("Bearer {}", "a".repeat(LONGEST));
        for field in [("authorization", &*long), ("authorization", "Bearer \u{e9}"), ("x-api-key", "secret"), ("x-api-key", "")] {
            assert!(matches!(presented(&[field]), Err(Refusal::InvalidCredential(_))), "{field:?}");
        }
    }
}
