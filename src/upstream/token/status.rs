//! How a source is doing, for `/status` and readiness: nothing secret.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::failure::Failure;
use super::life::Life;
use crate::scope::Scope;
use crate::tenant::CredentialName;

/// Whether callers get a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The first attempt has not ended.
    Pending,
    /// There is a token, and the last attempt brought it.
    Ready,
    /// There is a token, but renewing it fails.
    Failing,
    /// There is no token that may be used.
    Unavailable,
    /// There is no token that may be used, and the credential is rejected.
    Rejected,
}

/// One source at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whose tokens they are.
    pub credential: CredentialName,
    /// Where they come from, without a query.
    pub token_url: Arc<str>,
    /// Whether callers get one.
    pub state: State,
    /// Whether the first attempt has ended, either way.
    pub attempted: bool,
    /// How many tokens there have been.
    pub generation: u64,
    /// How long ago the newest token was asked for.
    pub age: Option<Duration>,
    /// How long the newest token still lives.
    pub expires_in: Option<Duration>,
    /// How long until the next attempt; zero while one is under way.
    pub next_attempt: Duration,
    /// How the last attempt failed, if it did.
    pub failure: Option<Failure>,
    /// Scopes that tenants are promised and that the newest token is known to lack.
    pub lacking: Box<[Scope]>,
    /// Operations on which fresh tokens were refused.
    pub scope_missing: Box<[Arc<str>]>,
}

impl State {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Failing => "failing",
            Self::Unavailable => "unavailable",
            Self::Rejected => "rejected",
        }
    }

    /// Whether callers get a token.
    #[must_use]
    pub const fn has_token(self) -> bool {
        matches!(self, Self::Ready | Self::Failing)
    }

    pub(super) fn of(life: &Life, now: Instant) -> Self {
        let usable = life.token().is_some_and(|token| token.is_usable(now));
        match (usable, life.failure()) {
            (true, None) => Self::Ready,
            (true, Some(_)) => Self::Failing,
            (false, _) if !life.is_attempted() => Self::Pending,
            (false, Some(failure)) if failure.is_rejection() => Self::Rejected,
            (false, _) => Self::Unavailable,
        }
    }
}
