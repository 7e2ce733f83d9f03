//! What a token endpoint answered: a token that can be used, or the reason why there is none (RFC 6749 §5).

use std::time::{Duration, SystemTime};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::{Zeroize, Zeroizing};

use super::failure::Failure;
use super::granted::Granted;
use crate::secret::Secret;
use crate::upstream::retry_after::retry_after;

/// The longest answer of a token endpoint, in bytes.
pub(super) const LONGEST_ANSWER: usize = 64 * 1024;
/// The longest token, in bytes: one that any server takes in a header field.
const LONGEST_TOKEN: usize = 8 * 1024;
/// The longest id of a token, in bytes.
const LONGEST_TOKEN_ID: usize = 256;
/// The life of a token whose answer does not tell it.
pub(super) const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);
/// The longest credible life of a token: ten years.
const LONGEST_LIFETIME: Duration = Duration::from_hours(10 * 365 * 24);

/// A token as it was answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Minted {
    /// The whole `Authorization` value, marked as sensitive.
    pub bearer: HeaderValue,
    /// How long it lives from when it was asked for.
    pub lifetime: Duration,
    /// What it may do, if that is known.
    pub granted: Option<Granted>,
    /// By which it could be revoked.
    pub token_id: Option<Secret>,
}

/// The members of a token answer, each unread: one that is mistyped is told apart from one that is missing.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    access_token: Option<&'a RawValue>,
    #[serde(borrow)]
    token_type: Option<&'a RawValue>,
    #[serde(borrow)]
    expires_in: Option<&'a RawValue>,
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
    #[serde(borrow)]
    scopes: Option<&'a RawValue>,
    #[serde(borrow)]
    token_id: Option<&'a RawValue>,
}

/// Reads an answer that came when the wall clock showed `wall`. The answer's bytes are wiped.
pub(super) fn read(answer: Response<Bytes>, wall: SystemTime) -> Result<Minted, Failure> {
    let (head, body) = answer.into_parts();
    if let Some(failure) = refused(head.status, &head.headers, wall) {
        return Err(failure);
    }
    let minted = minted(&body);
    wipe(body);
    minted
}

fn refused(status: StatusCode, fields: &HeaderMap, wall: SystemTime) -> Option<Failure> {
    match status {
        _ if status.is_success() => None,
        _ if status.is_redirection() => Some(Failure::Redirected),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(Failure::Rejected(status)),
        StatusCode::TOO_MANY_REQUESTS => Some(Failure::Throttled(retry_after(fields, wall))),
        StatusCode::SERVICE_UNAVAILABLE if fields.contains_key(header::RETRY_AFTER) => {
            Some(Failure::Throttled(retry_after(fields, wall)))
        }
        _ => Some(Failure::Status(status)),
    }
}

fn minted(body: &[u8]) -> Result<Minted, Failure> {
    if body.len() > LONGEST_ANSWER {
        return Err(Failure::TooLarge);
    }
    if body.trim_ascii().is_empty() {
        return Err(Failure::Empty);
    }
    let members = members(body).ok_or(Failure::NotJson)?;
    let token = members.access_token.and_then(text).filter(|token| !token.is_empty()).ok_or(Failure::NoToken)?;
    if members.token_type.is_some_and(|raw| !text(raw).is_some_and(|name| name.eq_ignore_ascii_case("bearer"))) {
        return Err(Failure::NotBearer);
    }
    Ok(Minted {
        bearer: bearer(&token).ok_or(Failure::IllegalToken)?,
        lifetime: members.expires_in.map_or(Some(DEFAULT_LIFETIME), lifetime).ok_or(Failure::IllegalLifetime)?,
        granted: Granted::read(members.scopes, members.scope),
        token_id: members.token_id.and_then(token_id),
    })
}

/// A JSON array would do for serde as well, its places taken for members.
fn members(body: &[u8]) -> Option<Members<'_>> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(body).ok()
}

fn text(raw: &RawValue) -> Option<Zeroizing<String>> {
    serde_json::from_str(raw.get()).ok().map(Zeroizing::new)
}

/// The `Authorization` value of a token of visible ASCII, which has neither a line's end nor a second word; wiped when its last user is gone.
fn bearer(token: &str) -> Option<HeaderValue> {
    const SCHEME: &[u8] = b"Bearer ";
    if token.len() > LONGEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut value = Zeroizing::new(Vec::with_capacity(SCHEME.len() + token.len()));
    value.put_slice(SCHEME);
    value.put_slice(token.as_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A number of seconds above zero; a fraction is none that RFC 6749 knows, but it does no harm.
fn lifetime(raw: &RawValue) -> Option<Duration> {
    let seconds: f64 = serde_json::from_str(raw.get()).ok()?;
    let lifetime = Duration::try_from_secs_f64(seconds).ok()?;
    (lifetime > Duration::ZERO && lifetime <= LONGEST_LIFETIME).then_some(lifetime)
}

fn token_id(raw: &RawValue) -> Option<Secret> {
    let id = serde_json::from_str::<String>(raw.get()).ok()?;
    (!id.is_empty() && id.len() <= LONGEST_TOKEN_ID).then(|| Secret::new(id))
}

/// Overwrites bytes that nobody else holds.
fn wipe(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        BytesMut::as_mut(&mut body).zeroize();
    }
}

#[cfg(test)]
mod tests;
