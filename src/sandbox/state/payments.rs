//! Payments (S3): created, confirmed, listed. What happens to them with time is in [`settlement`](super::settlement).

use serde::Serialize;
use serde_json::Value;

use super::World;
use super::keys::KeyName;
use super::table::resource;
use crate::sandbox::body::{self, Check, Rule, optional, required};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::error::ApiError;
use crate::sandbox::listing::Listing;
use crate::sandbox::moment::{Moment, Timestamp};
use crate::sandbox::money::Amount;
use crate::sandbox::party::Party;

/// A payment as one of its two sides sees it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) customer_id: String,
    pub(crate) account_id: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) direction: &'static str,
    pub(crate) status: Status,
    pub(crate) amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) qr_code_reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) reference: String,
    pub(crate) end_to_end_identification: String,
    pub(crate) sender: Party,
    pub(crate) receiver: Party,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Rejection>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}
resource!(Payment, "payment");

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Pending,
    Processing,
    Settled,
    Rejected,
}

/// Why a payment was rejected; answered with HTTP 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rejection {
    pub(crate) error_code: String,
    pub(crate) error_description: &'static str,
}

/// How the list is asked for.
pub(crate) const LIST: Listing = Listing {
    plural: "payments",
    filters: &[
        ("payment_id", "/id"),
        ("customer_id", "/customer_id"),
        ("account_id", "/account_id"),
        ("direction", "/direction"),
        ("key_value", "/key/key_value"),
        ("status", "/status"),
        ("qr_code_reference", "/qr_code_reference"),
        ("type", "/type"),
        ("end_to_end_identification", "/end_to_end_identification"),
        ("sender_type", "/sender/type"),
        ("sender_name", "/sender/name"),
        ("sender_identification_type", "/sender/identification_type"),
        ("sender_identification_number", "/sender/identification_number"),
        ("sender_account_type", "/sender/account_type"),
        ("sender_account_number", "/sender/account_number"),
        ("sender_participant_name", "/sender/participant_name"),
        ("sender_participant_identification_number", "/sender/participant_identification_number"),
        ("receiver_type", "/receiver/type"),
        ("receiver_name", "/receiver/name"),
        ("receiver_identification_type", "/receiver/identification_type"),
        ("receiver_identification_number", "/receiver/identification_number"),
        ("receiver_account_type", "/receiver/account_type"),
        ("receiver_account_number", "/receiver/account_number"),
        ("receiver_participant_name", "/receiver/participant_name"),
        ("receiver_participant_identification_number", "/receiver/participant_identification_number"),
    ],
    by_time: true,
    empty_is_not_found: true,
};

const CREATE_BREB: [Rule; 5] = [
    required("/account_id", Check::Characters(1, 140)),
    required("/resolution_id", Check::Characters(1, 140)),
    required("/amount/value", Check::Positive),
    required("/amount/currency", Check::OneOf(&["COP"])),
    optional("/qr_code_reference", Check::Characters(1, 140)),
];

const CREATE_ACH: [Rule; 5] = [
    required("/account_id", Check::Characters(1, 140)),
    required("/recipient_id", Check::Characters(1, 140)),
    required("/amount/value", Check::Positive),
    required("/amount/currency", Check::OneOf(&["COP"])),
    optional("/description", Check::Characters(0, 140)),
];

const CONFIRM: [Rule; 1] = [required("/id", Check::Characters(1, 140))];

impl Rejection {
    /// The payer has less than the payment needs.
    pub(crate) fn insufficient_funds() -> Self {
        Self { error_code: "INSUFFICIENT_FUNDS".to_owned(), error_description: "The account's available balance is too low" }
    }

    /// The receiver can no longer be reached.
    pub(crate) fn receiver_unavailable() -> Self {
        Self { error_code: "RECEIVER_UNAVAILABLE".to_owned(), error_description: "The receiver's key or account is not active" }
    }

    fn by_fault(code: &str) -> Self {
        Self { error_code: code.to_owned(), error_description: "Rejected because a fault of the sandbox says so" }
    }
}

impl Payment {
    /// Ends the payment without effect.
    pub(crate) fn reject(&mut self, rejection: Rejection, at: Timestamp) {
        (self.status, self.error, self.updated_at) = (Status::Rejected, Some(rejection), at);
    }
}

/// `GET /v1/payments`
pub(crate) fn list(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let snapshot = world.snapshot(call.moment);
    LIST.answer(world.entity(&call.entity).payments.iter(), &call.query, snapshot)
}

/// `GET /v1/payments/{payment_id}`
pub(crate) fn retrieve(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    world.entity(&call.entity).payments.find(call.id()).map(Answer::record)
}

/// `POST /v1/payments/breb`: a payment that moves nothing until it is confirmed.
pub(crate) fn create_breb(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let body = call.json("payment", &CREATE_BREB)?;
    let resolution = world.resolutions.find(&body::owned(&body, "/resolution_id"))?.clone();
    if resolution.entity != call.entity || resolution.expires <= call.moment.now {
        return Err(ApiError::not_found("resolution"));
    }
    let mut payment = draft(world, call, &body, resolution.party)?;
    payment.key = Some(resolution.key);
    payment.qr_code_reference = body::text(&body, "/qr_code_reference").map(str::to_owned);
    world.entity(&call.entity).payments.insert(payment).map(Answer::record)
}

/// `POST /v1/payments/breb/confirm`: holds the money and sends the payment on its way.
pub(crate) fn confirm(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let body = call.json("payment", &CONFIRM)?;
    let payment = world.entity(&call.entity).payments.find(&body::owned(&body, "/id"))?.clone();
    if payment.kind != "BREB" || payment.direction != "OUTBOUND" || payment.status != Status::Pending {
        return Err(ApiError::conflict("payment", "The payment is not waiting for a confirmation"));
    }
    if let Some(code) = &call.rejection {
        return world.reject(call, &payment.id, Rejection::by_fault(code));
    }
    if payment.key.as_ref().is_some_and(|key| world.lookup(key).is_err()) {
        return world.reject(call, &payment.id, Rejection::receiver_unavailable());
    }
    world.dispatch(call, &payment, Status::Processing)
}

/// `POST /v1/payments/ach`: needs no confirmation.
pub(crate) fn create_ach(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let body = call.json("payment", &CREATE_ACH)?;
    let receiver = world.entity(&call.entity).recipients.find(&body::owned(&body, "/recipient_id"))?.party.clone();
    let mut payment = draft(world, call, &body, receiver)?;
    payment.kind = "ACH";
    payment.description = body::text(&body, "/description").map(str::to_owned);
    let rejected = payment.status == Status::Rejected;
    let payment = world.entity(&call.entity).payments.insert(payment)?.clone();
    if rejected { Ok(Answer::record(&payment)) } else { world.dispatch(call, &payment, Status::Pending) }
}

/// A payment that is not yet known to anyone: pending, or rejected at once.
fn draft(world: &mut World, call: &Call, body: &Value, receiver: Party) -> Result<Payment, ApiError> {
    let created_at = world.stamp(call.moment);
    let mut random = world.next("payment");
    let entity = world.entity(&call.entity);
    let account = entity.accounts.find(&body::owned(body, "/account_id"))?;
    let invalid = |_| ApiError::bad_request("payment", "Missing or invalid: amount.value");
    let amount: Amount = body::owned(body, "/amount/value").parse().map_err(invalid)?;
    let mut payment = Payment {
        id: random.uuid(),
        customer_id: account.customer_id.clone(),
        account_id: account.id.clone(),
        kind: "BREB",
        direction: "OUTBOUND",
        status: Status::Pending,
        amount,
        key: None,
        qr_code_reference: None,
        description: None,
        reference: random.digits(12),
        end_to_end_identification: random.digits(35),
        sender: entity.party(account)?,
        receiver,
        error: None,
        created_at,
        updated_at: created_at,
    };
    if let Some(code) = &call.rejection {
        payment.reject(Rejection::by_fault(code), created_at);
    } else if account.available_balance < amount {
        payment.reject(Rejection::insufficient_funds(), created_at);
    }
    Ok(payment)
}

impl World {
    fn reject(&mut self, call: &Call, id: &str, rejection: Rejection) -> Result<Answer, ApiError> {
        let at = call.moment.wall;
        let payment = self.entity(&call.entity).payments.find_mut(id)?;
        payment.reject(rejection, at);
        Ok(Answer::record(payment))
    }

    /// Holds the payer's money and puts the payment on its way, or rejects it.
    fn dispatch(&mut self, call: &Call, payment: &Payment, status: Status) -> Result<Answer, ApiError> {
        let Moment { wall, .. } = call.moment;
        if !self.entity(&call.entity).accounts.find_mut(&payment.account_id)?.hold(payment.amount, wall) {
            return self.reject(call, &payment.id, Rejection::insufficient_funds());
        }
        self.send(&call.entity, payment, call.moment);
        let payment = self.entity(&call.entity).payments.find_mut(&payment.id)?;
        (payment.status, payment.updated_at) = (status, wall);
        Ok(Answer::record(payment))
    }
}
