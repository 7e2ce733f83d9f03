//! Bre-B keys: the names under which accounts can be paid, and their resolution.

use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::World;
use super::table::resource;
use crate::sandbox::body::{self, Check, Rule, optional, required};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::error::ApiError;
use crate::sandbox::listing::Listing;
use crate::sandbox::moment::Timestamp;
use crate::sandbox::party::Party;

/// A key's type and value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KeyName {
    pub(crate) key_type: String,
    pub(crate) key_value: String,
}

/// A key of an account in the sandbox.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the members are named as Passport names them")]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) customer_id: String,
    pub(crate) account_id: String,
    pub(crate) key: KeyName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}
resource!(Key, "key");

/// Where a key led when it was resolved; a payment needs one that has not expired.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Resolution {
    #[serde(rename = "resolution_id")]
    pub(crate) id: String,
    pub(crate) customer_id: String,
    pub(crate) key: KeyName,
    #[serde(rename = "receiver")]
    pub(crate) party: Party,
    pub(crate) created_at: Timestamp,
    #[serde(skip)]
    pub(crate) updated_at: Timestamp,
    #[serde(skip)]
    pub(crate) entity: String,
    #[serde(skip)]
    pub(crate) expires: Instant,
}
resource!(Resolution, "resolution");

/// How the list is asked for.
pub(crate) const LIST: Listing = Listing {
    plural: "keys",
    filters: &[
        ("customer_id", "/customer_id"),
        ("account_id", "/account_id"),
        ("key_type", "/key/key_type"),
        ("key_id", "/id"),
        ("key_value", "/key/key_value"),
        ("status", "/status"),
    ],
    by_time: false,
    empty_is_not_found: false,
};

/// The kinds of keys Bre-B knows.
pub(crate) const KEY_TYPES: &[&str] = &["ID", "PHONE", "EMAIL", "ALPHA", "BCODE"];

const CREATE: [Rule; 4] = [
    required("/account_id", Check::Characters(1, 140)),
    required("/key/key_type", Check::OneOf(KEY_TYPES)),
    required("/key/key_value", Check::Characters(1, 140)),
    optional("/display_name", Check::Characters(1, 140)),
];

const RESOLVE: [Rule; 3] = [
    required("/customer_id", Check::Characters(1, 140)),
    required("/key/key_type", Check::OneOf(KEY_TYPES)),
    required("/key/key_value", Check::Characters(1, 140)),
];

impl KeyName {
    /// The key in a body's `key` member; an ALPHA key is `@` and then letters and digits, 6 to 21 characters in all.
    pub(crate) fn parse(body: &Value) -> Result<Self, ApiError> {
        let name = Self { key_type: body::owned(body, "/key/key_type"), key_value: body::owned(body, "/key/key_value") };
        if name.key_type == "ALPHA" && !is_alpha(&name.key_value) {
            return Err(ApiError::bad_request("key", "Missing or invalid: key.key_value"));
        }
        Ok(name)
    }
}

fn is_alpha(value: &str) -> bool {
    let letters = value.strip_prefix('@');
    (6..=21).contains(&value.len()) && letters.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

impl World {
    /// The account an active key leads to within the sandbox: its entity's name and its id.
    pub(crate) fn account_of(&self, name: &KeyName) -> Option<(String, String)> {
        self.entities().find_map(|(entity, records)| {
            let key = records.keys.iter().find(|key| key.key == *name && key.status == "ACTIVE")?;
            Some((entity.to_owned(), key.account_id.clone()))
        })
    }

    /// Whom an active key pays, here or at another participant.
    pub(crate) fn lookup(&mut self, name: &KeyName) -> Result<Party, ApiError> {
        if let Some((entity, account)) = self.account_of(name) {
            let entity = self.entity(&entity);
            return entity.party(entity.accounts.find(&account)?);
        }
        let outside = self.directory.iter().find(|(key, _)| key == name);
        outside.map(|(_, party)| party.clone()).ok_or_else(|| ApiError::not_found("key"))
    }
}

/// `GET /v1/keys`
pub(crate) fn list(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let snapshot = world.snapshot(call.moment);
    LIST.answer(world.entity(&call.entity).keys.iter(), &call.query, snapshot)
}

/// `GET /v1/keys/{key_id}`
pub(crate) fn retrieve(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    world.entity(&call.entity).keys.find(call.id()).map(Answer::record)
}

/// `POST /v1/keys`; a key names one account in the whole country.
pub(crate) fn create(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let body = call.json("key", &CREATE)?;
    let name = KeyName::parse(&body)?;
    let inside = world.entities().any(|(_, records)| records.keys.iter().any(|key| key.key == name));
    if inside || world.directory.iter().any(|(key, _)| *key == name) {
        return Err(ApiError::conflict("key", "The key is already registered"));
    }
    let created_at = world.stamp(call.moment);
    let id = world.next("key").uuid();
    let entity = world.entity(&call.entity);
    let account = entity.accounts.find(&body::owned(&body, "/account_id"))?;
    let key = Key {
        id,
        customer_id: account.customer_id.clone(),
        account_id: account.id.clone(),
        key: name,
        display_name: body::text(&body, "/display_name").map(str::to_owned),
        status: "ACTIVE",
        created_at,
        updated_at: created_at,
    };
    entity.keys.insert(key).map(Answer::record)
}

/// `PATCH /v1/keys/{key_id}/suspend`
pub(crate) fn suspend(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    set_status(world, call, "SUSPENDED")
}

/// `PATCH /v1/keys/{key_id}/activate`
pub(crate) fn activate(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    set_status(world, call, "ACTIVE")
}

fn set_status(world: &mut World, call: &Call, status: &'static str) -> Result<Answer, ApiError> {
    let updated_at = world.stamp(call.moment);
    let key = world.entity(&call.entity).keys.find_mut(call.id())?;
    (key.status, key.updated_at) = (status, updated_at);
    Ok(Answer::record(key))
}

/// `DELETE /v1/keys/{key_id}`
pub(crate) fn delete(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    world.entity(&call.entity).keys.remove(call.id())?;
    Ok(Answer::empty(http::StatusCode::OK))
}

/// `POST /v1/key-resolution`
pub(crate) fn resolve(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let body = call.json("key", &RESOLVE)?;
    let key = KeyName::parse(&body)?;
    let customer_id = world.entity(&call.entity).customers.find(&body::owned(&body, "/customer_id"))?.id.clone();
    let party = world.lookup(&key)?;
    let created_at = world.stamp(call.moment);
    let expires = call.moment.now + world.resolution_ttl;
    let id = world.next("resolution").uuid();
    world.resolutions.remove_while(|resolution| resolution.expires <= call.moment.now);
    let entity = call.entity.clone();
    let resolution = Resolution { id, customer_id, key, party, created_at, updated_at: created_at, entity, expires };
    world.resolutions.insert(resolution).map(Answer::record)
}
