//! The sandbox's own controls: faults, tokens, clients, time, records, and what arrived.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::connections::Connections;
use super::error::ApiError;
use super::fault::{Fault, FaultError};
use super::log::{Counters, Log, Received};
use super::money::{Amount, AmountError};
use super::options::Client;
use super::passport::Passport;
use super::scenarios::SCENARIOS;
use super::service::{Shared, lock};
use crate::scope::{Grant, ScopeError};
use crate::secret::Secret;

pub(crate) mod http;

/// A handle on a sandbox, for tests in the same process; all clones work on the same sandbox.
#[derive(Clone)]
pub struct Control(Arc<Shared>);

/// Why a control did nothing.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The fault is not accepted.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// No scenario has this name.
    #[error("there is no scenario `{0}`")]
    UnknownScenario(String),
    /// No client has this id.
    #[error("there is no client `{0}`")]
    UnknownClient(String),
    /// No account has this id.
    #[error("there is no such account")]
    UnknownAccount,
    /// A text is no scope.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A text is no amount.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// The sandbox cannot hold more.
    #[error("{0}")]
    Full(String),
}

impl Control {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Puts a fault in force and gives back its number.
    ///
    /// # Errors
    ///
    /// If the fault could never happen, or there are too many.
    pub fn inject(&self, fault: Fault) -> Result<u64, ControlError> {
        Ok(lock(&self.0.faults).inject(fault)?)
    }

    /// Puts all faults of a [scenario](SCENARIOS) in force.
    ///
    /// # Errors
    ///
    /// If there is no scenario of this name, or too many faults.
    pub fn play(&self, scenario: &str) -> Result<(), ControlError> {
        let known = SCENARIOS.iter().find(|known| known.name == scenario);
        let scenario = known.ok_or_else(|| ControlError::UnknownScenario(scenario.to_owned()))?;
        (scenario.faults)().into_iter().try_for_each(|fault| self.inject(fault).map(drop))
    }

    /// The faults in force with their numbers.
    #[must_use]
    pub fn faults(&self) -> Vec<(u64, Fault)> {
        lock(&self.0.faults).all().map(|(id, fault)| (id, fault.clone())).collect()
    }

    /// Takes one fault back; says whether it was in force.
    #[expect(clippy::must_use_candidate, reason = "it is called for its effect")]
    pub fn clear_fault(&self, id: u64) -> bool {
        lock(&self.0.faults).clear(Some(id)) > 0
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        lock(&self.0.faults).clear(None);
    }

    /// Revokes every good token, or those of one client; says how many there were.
    #[expect(clippy::must_use_candidate, reason = "it is called for its effect")]
    pub fn revoke_tokens(&self, client_id: Option<&str>) -> usize {
        lock(&self.0.passport).tokens.revoke(client_id, self.0.time.moment())
    }

    /// Gives a client other scopes. Its next token has them; tokens already issued keep what they had, as with Passport.
    ///
    /// # Errors
    ///
    /// If there is no such client, or a text is no scope.
    pub fn set_scopes(&self, client_id: &str, scopes: &[&str]) -> Result<(), ControlError> {
        for scope in scopes {
            scope.parse::<Grant>()?;
        }
        self.change_client(client_id, |client| client.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    /// Gives a client another secret; its tokens stay good.
    ///
    /// # Errors
    ///
    /// If there is no such client.
    pub fn set_secret(&self, client_id: &str, secret: Secret) -> Result<(), ControlError> {
        self.change_client(client_id, |client| client.client_secret = secret)
    }

    /// Ends every payment on its way now; says how many there were.
    #[expect(clippy::must_use_candidate, reason = "it is called for its effect")]
    pub fn settle(&self) -> usize {
        lock(&self.0.passport).world.settle_all(self.0.time.moment())
    }

    /// Moves the sandbox's time ahead: tokens and resolutions expire, payments settle.
    pub fn advance(&self, by: Duration) {
        self.0.time.advance(by);
    }

    /// Lets a payment from another participant arrive at an account; gives back the payment's id.
    ///
    /// # Errors
    ///
    /// If there is no such account, or `amount` is no amount.
    pub fn receive(&self, account_id: &str, amount: &str) -> Result<String, ControlError> {
        let amount: Amount = amount.parse()?;
        lock(&self.0.passport).world.receive(account_id, amount, self.0.time.moment()).map_err(ControlError::from)
    }

    /// Adds customers to an entity, each with an account, a key, a recipient and two payments.
    ///
    /// # Errors
    ///
    /// If the sandbox cannot hold so many.
    pub fn seed(&self, account_id: &str, customers: u32) -> Result<(), ControlError> {
        lock(&self.0.passport).world.add_sample(account_id, customers, self.0.time.moment()).map_err(ControlError::from)
    }

    /// Empties an entity: its lists are 404 or empty then.
    pub fn clear(&self, account_id: &str) {
        lock(&self.0.passport).world.clear(account_id);
    }

    /// The counters by operation label.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<String, Counters> {
        lock(&self.0.log).counters()
    }

    /// The requests that arrived and are still remembered, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.0.log).entries()
    }

    /// How many connections there are, and have been.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.0.connections.read()
    }

    /// Forgets the requests that arrived, and their counters.
    pub fn clear_requests(&self) {
        *lock(&self.0.log) = Log::default();
    }

    /// Restores the state the sandbox started in. With `keep_tokens`, tokens already issued stay good, so that whoever is
    /// tested does not notice.
    ///
    /// # Errors
    ///
    /// If the sample data does not fit, which is known at start.
    pub fn reset(&self, keep_tokens: bool) -> Result<(), ControlError> {
        self.0.time.reset();
        let fresh = Passport::seeded(&self.0.options, self.0.time.moment())?;
        let mut passport = lock(&self.0.passport);
        let former = std::mem::replace(&mut *passport, fresh);
        if keep_tokens {
            passport.tokens = former.tokens;
        }
        drop(passport);
        self.clear_faults();
        self.clear_requests();
        Ok(())
    }

    fn change_client(&self, client_id: &str, change: impl FnOnce(&mut Client)) -> Result<(), ControlError> {
        let mut passport = lock(&self.0.passport);
        let client = passport.clients.iter_mut().find(|client| client.client_id == client_id);
        client.map(change).ok_or_else(|| ControlError::UnknownClient(client_id.to_owned()))
    }
}

impl From<ApiError> for ControlError {
    fn from(error: ApiError) -> Self {
        if error.status == ::http::StatusCode::NOT_FOUND { Self::UnknownAccount } else { Self::Full(error.message) }
    }
}
