//! Tokens that end with the gateway: Passport is told to revoke them, once nobody needs them any more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, timeout};

use super::Token;
use super::endpoint::TokenEndpoint;

/// How long revoking may delay the end.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many tokens are remembered: one is renewed at half of its life, so that more than two are alive only after refusals.
const MOST: usize = 4;
/// What an id of a token may be in a path as it is (RFC 3986 §2.3); a dot might be taken for a segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// The tokens of one source that have not expired, newest first.
#[derive(Debug, Default)]
pub(super) struct Live(VecDeque<Arc<Token>>);

impl Live {
    /// Adds the newest token, and forgets those that have expired.
    pub(super) fn add(&mut self, token: &Arc<Token>, now: Instant) {
        self.0.retain(|token| token.expires() > now);
        self.0.push_front(Arc::clone(token));
        self.0.truncate(MOST);
    }
}

/// Revokes all tokens that live at `now`, for a bounded time; that it failed is told in the log, and delays nothing.
pub(super) async fn revoke<E: TokenEndpoint>(live: &Live, url: &Uri, endpoint: &E, now: Instant) {
    let Some(newest) = live.0.front() else { return };
    let revoking = async {
        // The newest one authorizes, and so goes last.
        for token in live.0.iter().rev().filter(|token| token.expires() > now) {
            one(token, newest, url, endpoint).await;
        }
    };
    if timeout(PATIENCE, revoking).await.is_err() {
        tracing::warn!("not every token was revoked in time: each ends when it expires");
    }
}

async fn one<E: TokenEndpoint>(token: &Token, bearer: &Token, url: &Uri, endpoint: &E) {
    let generation = token.generation();
    let Some(request) = request(token, bearer, url) else {
        tracing::warn!(generation, "a token cannot be revoked: its answer had no token_id");
        return;
    };
    match endpoint.ask(request).await.map(|answer| answer.status()) {
        // 409: it was revoked already.
        Ok(status) if status.is_success() || status == StatusCode::CONFLICT => tracing::info!(generation, "token revoked"),
        Ok(status) => tracing::warn!(generation, status = status.as_u16(), "a token was not revoked"),
        Err(error) => tracing::warn!(generation, cause = error.cause, "a token was not revoked: {}", error.failure),
    }
}

/// `DELETE /v1/iam/oauth/tokens/{token_id}`, below the URL at which tokens are asked for.
fn request(token: &Token, bearer: &Token, url: &Uri) -> Option<Request<Bytes>> {
    let id = utf8_percent_encode(token.id()?.expose(), SEGMENT);
    let path = format!("{}/{id}", url.path().trim_end_matches('/'));
    let url =
        Uri::builder().scheme(url.scheme()?.clone()).authority(url.authority()?.clone()).path_and_query(path).build().ok()?;
    Request::delete(url).header(header::AUTHORIZATION, bearer.bearer()).body(Bytes::new()).ok()
}
