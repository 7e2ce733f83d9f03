//! Layer 17: the tenant's bearer takes the place of the caller's credential, and Passport's ambiguous 401 is dealt with.
//!
//! Passport's 401 never reaches a caller, whose own credential was fine.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tower_layer::Layer;

use super::life::{Ended, Verdict, Withheld};
use super::{Source, Token, Tokens};
use crate::catalogue::Effect;
use crate::clock::turn;
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::stage::{Outbound, Validated};
use crate::trace::Stage;

/// What a write is told to wait whose token was refused: a newer one is about to be there.
const SOON: Duration = Duration::from_secs(1);

/// Puts bearers onto requests.
#[derive(Clone, Debug)]
pub struct TokenLayer(Arc<Tokens>);

impl TokenLayer {
    /// Takes bearers from these sources.
    #[must_use]
    pub fn new(tokens: Arc<Tokens>) -> Self {
        Self(tokens)
    }
}

impl<S> Layer<S> for TokenLayer {
    type Service = Bearing<S>;

    fn layer(&self, inner: S) -> Bearing<S> {
        Bearing { tokens: Arc::clone(&self.0), inner }
    }
}

/// The service of [`TokenLayer`].
#[derive(Debug)]
pub struct Bearing<S> {
    tokens: Arc<Tokens>,
    inner: S,
}

impl<S: Service<Outbound, Error = Refusal>> Service<Validated> for Bearing<S> {
    type Error = Refusal;

    async fn call(&self, request: Validated) -> Result<Response, Refusal> {
        let (_, credential) = request.credential();
        let source =
            self.tokens.source(credential.identity, request.operation().upstream).ok_or(Refusal::OperationUnavailable)?;
        let token = match source.ready() {
            Some(token) => token,
            None => Box::pin(waited(&request, source.token(request.deadline()))).await?,
        };
        match self.attempt(&source, &token, request.clone()).await? {
            Some(response) => Ok(response),
            // In an allocation of its own: hardly a request needs it.
            None => Box::pin(self.attempt_again(&source, &token, request)).await,
        }
    }
}

impl<S: Service<Outbound, Error = Refusal>> Bearing<S> {
    /// Sends a request whose token was refused with another, where that may help.
    async fn attempt_again(&self, source: &Source, refused: &Token, request: Validated) -> Result<Response, Refusal> {
        let token = replacement(source, refused, &request).await?;
        let answer = self.attempt(source, &token, request.clone()).await?;
        answer.ok_or_else(|| refused_again(source, &token, &request))
    }

    /// Sends the request with `token`; none if the token is refused.
    async fn attempt(&self, source: &Source, token: &Token, request: Validated) -> Result<Option<Response>, Refusal> {
        if token.lacks(&request.operation().scope) {
            source.lacking(token);
            return Err(Refusal::UpstreamScopeMissing(request.operation().scope.clone()));
        }
        let operation = Arc::clone(&request.operation().name);
        let response = self.inner.call(request.outbound(token.bearer())).await?;
        match response.status() {
            StatusCode::UNAUTHORIZED => return Ok(None),
            // On a list a 404 means that there are none: it was read with this token.
            status if status.is_success() || status == StatusCode::NOT_FOUND => source.accepted(&operation, token),
            _ => {}
        }
        Ok(Some(response))
    }
}

/// The token to replay a refused request with, where that may help and does no harm.
async fn replacement(source: &Source, refused: &Token, request: &Validated) -> Result<Arc<Token>, Refusal> {
    let operation = request.operation();
    match source.refused(&operation.name, refused) {
        Verdict::ScopeMissing => Err(Refusal::UpstreamScopeMissing(operation.scope.clone())),
        Verdict::Withheld(withheld) => Err(withheld.into()),
        Verdict::Replaced(ended) if operation.effect == Effect::Read => successor(source, refused, ended, request).await,
        // A write is never sent twice for its caller: whoever sends it again decides to.
        Verdict::Replaced(_) => Err(Refusal::UpstreamTokenUnavailable(SOON)),
    }
}

async fn successor(source: &Source, refused: &Token, ended: Ended, request: &Validated) -> Result<Arc<Token>, Refusal> {
    waited(request, source.successor(refused, ended, request.deadline())).await
}

/// Waits for a token and accounts for the wait.
async fn waited(
    request: &Validated,
    token: impl Future<Output = Result<Arc<Token>, Withheld>> + Send,
) -> Result<Arc<Token>, Refusal> {
    let mut span = request.exchange().span(Stage::Token);
    let began = turn::now();
    let token = token.await;
    request.exchange().add_waited(turn::now().saturating_duration_since(began));
    if let (Err(_), Some(span)) = (&token, &mut span) {
        span.failed("withheld");
    }
    Ok(token?)
}

/// What the caller is told when the replacement was refused as well.
fn refused_again(source: &Source, token: &Token, request: &Validated) -> Refusal {
    let operation = request.operation();
    match source.refused(&operation.name, token) {
        Verdict::ScopeMissing => Refusal::UpstreamScopeMissing(operation.scope.clone()),
        Verdict::Withheld(withheld) => withheld.into(),
        Verdict::Replaced(_) => Refusal::UpstreamTokenUnavailable(SOON),
    }
}

impl From<Withheld> for Refusal {
    fn from(withheld: Withheld) -> Self {
        match withheld {
            Withheld::Rejected => Self::UpstreamCredentialRejected,
            Withheld::For(wait) => Self::UpstreamTokenUnavailable(wait),
        }
    }
}

#[cfg(test)]
mod tests;
