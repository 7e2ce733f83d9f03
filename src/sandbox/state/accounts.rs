//! Accounts (S2) and the two balances money moves between.

use serde::Serialize;

use super::table::resource;
use super::{Entity, World};
use crate::sandbox::body::{self, Check, Rule, optional, required};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::error::ApiError;
use crate::sandbox::listing::Listing;
use crate::sandbox::moment::Timestamp;
use crate::sandbox::money::Amount;
use crate::sandbox::party::{Party, SPONSOR_BANK};

/// An account at the sponsor bank.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the members are named as Passport names them")]
pub(crate) struct Account {
    pub(crate) updated_at: Timestamp,
    /// What has left `available_balance` but not yet arrived elsewhere.
    pub(crate) pending_balance: Amount,
    pub(crate) customer_id: String,
    pub(crate) account_type: String,
    pub(crate) status: &'static str,
    pub(crate) account_number: String,
    pub(crate) created_at: Timestamp,
    pub(crate) available_balance: Amount,
    pub(crate) id: String,
}
resource!(Account, "account");

/// How the list is asked for.
pub(crate) const LIST: Listing = Listing {
    plural: "accounts",
    filters: &[
        ("customer_id", "/customer_id"),
        ("account_id", "/id"),
        ("status", "/status"),
        ("account_type", "/account_type"),
        ("account_number", "/account_number"),
    ],
    by_time: false,
    empty_is_not_found: false,
};

const LINK: [Rule; 3] = [
    required("/customer_id", Check::Characters(1, 140)),
    optional("/account_type", Check::Characters(1, 140)),
    optional("/account_number", Check::Characters(1, 34)),
];

impl Account {
    /// Moves money from available to pending, if there is enough.
    pub(crate) fn hold(&mut self, amount: Amount, at: Timestamp) -> bool {
        match (self.available_balance.minus(amount), self.pending_balance.plus(amount)) {
            (Some(available), Some(pending)) => {
                (self.available_balance, self.pending_balance, self.updated_at) = (available, pending, at);
                true
            }
            _ => false,
        }
    }

    /// Lets held money go to its receiver.
    pub(crate) fn release(&mut self, amount: Amount, at: Timestamp) {
        self.pending_balance = self.pending_balance.minus(amount).expect("only held money is released");
        self.updated_at = at;
    }

    /// Takes held money back: it found no receiver.
    pub(crate) fn take_back(&mut self, amount: Amount, at: Timestamp) {
        self.release(amount, at);
        self.available_balance =
            self.available_balance.plus(amount).expect("`credit` keeps the sum of both balances representable");
    }

    /// Receives money.
    pub(crate) fn credit(&mut self, amount: Amount, at: Timestamp) -> Result<(), ApiError> {
        // Both balances together must be representable, so that what is held can always be taken back.
        let available = self.available_balance.plus(amount).filter(|sum| sum.plus(self.pending_balance).is_some());
        let too_much = || ApiError::bad_request("account", "The balance would exceed what the sandbox can hold");
        (self.available_balance, self.updated_at) = (available.ok_or_else(too_much)?, at);
        Ok(())
    }
}

impl Entity {
    /// Who owns an account, as the other side of a payment sees it.
    pub(crate) fn party(&self, account: &Account) -> Result<Party, ApiError> {
        let customer = self.customers.find(&account.customer_id)?;
        Ok(Party {
            kind: customer.kind.clone(),
            name: customer.business_name.clone(),
            identification_type: customer.identification_type.clone(),
            identification_number: customer.identification_number.clone(),
            account_type: account.account_type.clone(),
            account_number: account.account_number.clone(),
            participant_name: SPONSOR_BANK.0.to_owned(),
            participant_identification_number: SPONSOR_BANK.1.to_owned(),
        })
    }
}

/// `GET /v1/accounts`
pub(crate) fn list(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let snapshot = world.snapshot(call.moment);
    LIST.answer(world.entity(&call.entity).accounts.iter(), &call.query, snapshot)
}

/// `GET /v1/accounts/{account_id}`
pub(crate) fn retrieve(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    world.entity(&call.entity).accounts.find(call.id()).map(Answer::record)
}

/// `POST /v1/accounts/link`; the members of its body are inferred. The account starts empty.
pub(crate) fn link(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let body = call.json("account", &LINK)?;
    let created_at = world.stamp(call.moment);
    let mut random = world.next("account");
    let entity = world.entity(&call.entity);
    let account = Account {
        id: random.uuid(),
        customer_id: entity.customers.find(&body::owned(&body, "/customer_id"))?.id.clone(),
        account_type: body::text(&body, "/account_type").unwrap_or("ORDINARY").to_owned(),
        account_number: body::text(&body, "/account_number").map_or_else(|| random.digits(11), str::to_owned),
        status: "ACTIVE",
        available_balance: Amount::default(),
        pending_balance: Amount::default(),
        created_at,
        updated_at: created_at,
    };
    entity.accounts.insert(account).map(Answer::record)
}
