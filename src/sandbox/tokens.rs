//! Opaque tokens: issued, presented, revoked.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::call::{Answer, Call};
use super::error::ApiError;
use super::listing::Listing;
use super::moment::{Moment, Timestamp};
use super::options::Client;
use super::random::Stream;
use super::state::table::Resource;
use crate::scope::{Grant, Scope};

/// A token as it was issued.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) account_id: String,
    scopes: Vec<String>,
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
    ttl: Duration,
    expires: Instant,
}

/// What a request presented itself with.
#[derive(Clone, Debug)]
pub(crate) enum Presented {
    Nothing,
    Unknown,
    Expired(Token),
    Revoked(Token),
    Valid(Token),
}

/// All tokens the sandbox still remembers.
pub(crate) struct Tokens {
    seed: u64,
    ttl: Duration,
    issued: u64,
    by_value: HashMap<String, Token>,
    /// The values, oldest first.
    values: VecDeque<String>,
}

/// Bounds memory; beyond it the oldest token is forgotten, and so refused.
const MOST_TOKENS: usize = 10_000;

const LIST: Listing =
    Listing { plural: "tokens", filters: &[("token_id", "/token_id")], by_time: false, empty_is_not_found: false };

impl Token {
    /// Whether its scopes cover `scope`.
    pub(crate) fn covers(&self, scope: &str) -> bool {
        let grants = self.scopes.iter().filter_map(|grant| grant.parse::<Grant>().ok());
        scope.parse::<Scope>().is_ok_and(|scope| grants.into_iter().any(|grant| grant.covers(&scope)))
    }

    fn metadata(&self) -> Value {
        json!({
            "token_type": "Bearer",
            "expires_in": self.ttl.as_secs(),
            "token_id": self.id,
            "account_id": self.account_id,
            "scopes": self.scopes,
            "roles": [],
            "created_at": self.created_at,
        })
    }
}

impl Presented {
    /// Its name in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Unknown => "unknown",
            Self::Expired(_) => "expired",
            Self::Revoked(_) => "revoked",
            Self::Valid(_) => "valid",
        }
    }

    /// The token, if the sandbox issued it.
    pub(crate) fn token(&self) -> Option<&Token> {
        match self {
            Self::Nothing | Self::Unknown => None,
            Self::Expired(token) | Self::Revoked(token) | Self::Valid(token) => Some(token),
        }
    }

    /// The token if it may do `scope`; otherwise Passport's one 401 for everything (S0, S3).
    pub(crate) fn authorize(self, scope: &str) -> Result<Token, ApiError> {
        match self {
            Self::Valid(token) if token.covers(scope) => Ok(token),
            _ => Err(ApiError::unauthorized()),
        }
    }
}

impl serde::Serialize for Token {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut metadata = self.metadata();
        metadata["revoked_at"] = json!(self.revoked_at);
        metadata.serialize(serializer)
    }
}

impl Resource for Token {
    const KIND: &'static str = "token";

    fn id(&self) -> &str {
        &self.id
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn updated_at(&self) -> Timestamp {
        self.revoked_at.unwrap_or(self.created_at)
    }
}

impl Tokens {
    /// No tokens yet; each will live for `ttl`.
    pub(crate) fn new(seed: u64, ttl: Duration) -> Self {
        Self { seed, ttl, issued: 0, by_value: HashMap::new(), values: VecDeque::new() }
    }

    /// Issues a token to `client` and gives back the endpoint's answer.
    pub(crate) fn issue(&mut self, client: &Client, moment: Moment) -> Value {
        self.issued += 1;
        let mut random = Stream::new(self.seed, "token", self.issued);
        let value = random.token();
        let token = Token {
            id: random.uuid(),
            client_id: client.client_id.clone(),
            account_id: client.account_id.clone(),
            scopes: client.scopes.clone(),
            created_at: moment.wall,
            revoked_at: None,
            ttl: self.ttl,
            expires: moment.now + self.ttl,
        };
        let mut answer = token.metadata();
        answer["access_token"] = json!(value);
        self.remember(value, token);
        answer
    }

    /// Judges the bearer token of a request.
    pub(crate) fn present(&self, bearer: Option<&str>, now: Instant) -> Presented {
        match bearer.map(|value| self.by_value.get(value)) {
            None => Presented::Nothing,
            Some(None) => Presented::Unknown,
            Some(Some(token)) if token.revoked_at.is_some() => Presented::Revoked(token.clone()),
            Some(Some(token)) if token.expires <= now => Presented::Expired(token.clone()),
            Some(Some(token)) => Presented::Valid(token.clone()),
        }
    }

    /// Revokes what is still good, of one client or of all, and says how many there were.
    pub(crate) fn revoke(&mut self, client_id: Option<&str>, moment: Moment) -> usize {
        let live = self.by_value.values_mut().filter(|token| token.revoked_at.is_none() && token.expires > moment.now);
        let mut revoked = 0;
        for token in live.filter(|token| client_id.is_none_or(|id| id == token.client_id)) {
            token.revoked_at = Some(moment.wall);
            revoked += 1;
        }
        revoked
    }

    fn remember(&mut self, value: String, token: Token) {
        if self.values.len() >= MOST_TOKENS
            && let Some(oldest) = self.values.pop_front()
        {
            self.by_value.remove(&oldest);
        }
        self.values.push_back(value.clone());
        self.by_value.insert(value, token);
    }

    fn of_entity<'a>(&'a self, entity: &'a str) -> impl Iterator<Item = &'a Token> {
        self.values.iter().filter_map(|value| self.by_value.get(value)).filter(move |token| token.account_id == entity)
    }
}

/// `GET /v1/iam/oauth/tokens`
pub(crate) fn list(tokens: &mut Tokens, call: &Call) -> Result<Answer, ApiError> {
    LIST.answer(tokens.of_entity(&call.entity), &call.query, call.moment.wall)
}

/// `GET /v1/iam/oauth/tokens/{token_id}`
pub(crate) fn retrieve(tokens: &mut Tokens, call: &Call) -> Result<Answer, ApiError> {
    let found = tokens.of_entity(&call.entity).find(|token| token.id == call.id());
    found.map(Answer::record).ok_or_else(|| ApiError::not_found("token"))
}

/// `DELETE /v1/iam/oauth/tokens/{token_id}`: 200 with an empty body, 409 if already revoked.
pub(crate) fn delete(tokens: &mut Tokens, call: &Call) -> Result<Answer, ApiError> {
    let own = tokens.by_value.values_mut().find(|token| token.id == call.id() && token.account_id == call.entity);
    let token = own.ok_or_else(|| ApiError::not_found("token"))?;
    if token.revoked_at.is_some() {
        return Err(ApiError::conflict("token", "The token is already revoked"));
    }
    token.revoked_at = Some(call.moment.wall);
    Ok(Answer::empty(StatusCode::OK))
}
