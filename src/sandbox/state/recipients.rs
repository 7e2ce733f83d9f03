//! Recipients: saved receivers, for payments by ACH.

use serde::Serialize;

use super::World;
use super::keys::{KEY_TYPES, KeyName};
use super::table::resource;
use crate::sandbox::body::{self, Check, Rule, optional, required};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::error::ApiError;
use crate::sandbox::listing::Listing;
use crate::sandbox::moment::Timestamp;
use crate::sandbox::party::{OTHER_BANK, Party};

/// Someone a customer pays.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Recipient {
    pub(crate) id: String,
    pub(crate) customer_id: String,
    #[serde(flatten)]
    pub(crate) party: Party,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyName>,
    pub(crate) status: &'static str,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}
resource!(Recipient, "recipient");

/// How the list is asked for.
pub(crate) const LIST: Listing = Listing {
    plural: "recipients",
    filters: &[
        ("customer_id", "/customer_id"),
        ("type", "/type"),
        ("recipient_id", "/id"),
        ("identification_number", "/identification_number"),
        ("account_number", "/account_number"),
        ("account_type", "/account_type"),
    ],
    by_time: false,
    empty_is_not_found: false,
};

const BY_KEY: [Rule; 3] = [
    required("/customer_id", Check::Characters(1, 140)),
    required("/key/key_type", Check::OneOf(KEY_TYPES)),
    required("/key/key_value", Check::Characters(1, 140)),
];

const BY_ACCOUNT: [Rule; 9] = [
    required("/customer_id", Check::Characters(1, 140)),
    required("/type", Check::OneOf(&["INDIVIDUAL", "BUSINESS"])),
    required("/name", Check::Characters(1, 140)),
    required("/identification_type", Check::Characters(1, 140)),
    required("/identification_number", Check::Characters(1, 140)),
    required("/account_type", Check::Characters(1, 140)),
    required("/account_number", Check::Characters(1, 34)),
    optional("/participant_name", Check::Characters(1, 140)),
    optional("/participant_identification_number", Check::Characters(1, 140)),
];

/// `GET /v1/recipients`
pub(crate) fn list(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let snapshot = world.snapshot(call.moment);
    LIST.answer(world.entity(&call.entity).recipients.iter(), &call.query, snapshot)
}

/// `GET /v1/recipients/breb/{recipient_id}`
pub(crate) fn retrieve(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    world.entity(&call.entity).recipients.find(call.id()).map(Answer::record)
}

/// `POST /v1/recipients/breb`, by a Bre-B key or by all particulars; the members of its body are inferred.
pub(crate) fn create(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let by_key = body::parse(&call.body, "recipient", &[])?.get("key").is_some();
    let body = call.json("recipient", if by_key { &BY_KEY } else { &BY_ACCOUNT })?;
    let key = by_key.then(|| KeyName::parse(&body)).transpose()?;
    let party = match &key {
        Some(key) => world.lookup(key)?,
        None => described(&body),
    };
    let created_at = world.stamp(call.moment);
    let id = world.next("recipient").uuid();
    let entity = world.entity(&call.entity);
    let customer_id = entity.customers.find(&body::owned(&body, "/customer_id"))?.id.clone();
    let recipient = Recipient { id, customer_id, party, key, status: "ACTIVE", created_at, updated_at: created_at };
    entity.recipients.insert(recipient).map(Answer::created)
}

fn described(body: &serde_json::Value) -> Party {
    let or = |pointer, default: &str| body::text(body, pointer).unwrap_or(default).to_owned();
    Party {
        kind: body::owned(body, "/type"),
        name: body::owned(body, "/name"),
        identification_type: body::owned(body, "/identification_type"),
        identification_number: body::owned(body, "/identification_number"),
        account_type: body::owned(body, "/account_type"),
        account_number: body::owned(body, "/account_number"),
        participant_name: or("/participant_name", OTHER_BANK.0),
        participant_identification_number: or("/participant_identification_number", OTHER_BANK.1),
    }
}
