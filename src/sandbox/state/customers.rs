//! Customers (S0, S1, S4) and linked merchants.

use serde::Serialize;
use serde_json::Value;

use super::World;
use super::table::resource;
use crate::sandbox::body::{self, Check, Rule, optional, required};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::error::ApiError;
use crate::sandbox::listing::Listing;
use crate::sandbox::moment::Timestamp;

/// A business that an entity serves.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Customer {
    pub(crate) business_name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) email: String,
    pub(crate) status: &'static str,
    pub(crate) identification_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) merchant_category_code: Option<String>,
    pub(crate) mobile_phone_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<Value>,
    pub(crate) identification_type: String,
    pub(crate) id: String,
}
resource!(Customer, "customer");

/// How the list is asked for.
pub(crate) const LIST: Listing = Listing {
    plural: "customers",
    filters: &[
        ("identification_number", "/identification_number"),
        ("customer_id", "/id"),
        ("identification_type", "/identification_type"),
    ],
    by_time: false,
    empty_is_not_found: true,
};

/// S4: all six required.
const CREATE: [Rule; 6] = [
    required("/type", Check::OneOf(&["BUSINESS"])),
    required("/business_name", Check::Characters(1, 140)),
    required("/email", Check::Characters(1, 35)),
    required("/mobile_phone_number", Check::Phone),
    required("/identification_type", Check::OneOf(&["NIT"])),
    required("/identification_number", Check::Characters(9, 9)),
];

const LINK: [Rule; 8] = [
    required("/address/line_1", Check::Characters(1, 140)),
    required("/address/city", Check::Characters(1, 140)),
    required("/address/state", Check::Characters(1, 140)),
    required("/address/post_code", Check::Characters(1, 140)),
    required("/address/country", Check::OneOf(&["CO"])),
    optional("/address/line_2", Check::Characters(0, 140)),
    optional("/address/line_3", Check::Characters(0, 140)),
    required("/merchant_category_code", Check::Digits(4)),
];

/// `GET /v1/customers`
pub(crate) fn list(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let snapshot = world.snapshot(call.moment);
    LIST.answer(world.entity(&call.entity).customers.iter(), &call.query, snapshot)
}

/// `GET /v1/customers/{customer_id}`
pub(crate) fn retrieve(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    world.entity(&call.entity).customers.find(call.id()).map(Answer::record)
}

/// `POST /v1/customers` and, on Passport's older host, `POST /v1/paas/entities/customers`
pub(crate) fn create(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let body = call.json("customer", &CREATE)?;
    insert(world, call, &body)
}

/// `POST /v1/customers/business/link`
pub(crate) fn link_merchant(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let rules: Vec<Rule> = CREATE.into_iter().chain(LINK).collect();
    let body = call.json("customer", &rules)?;
    insert(world, call, &body)
}

fn insert(world: &mut World, call: &Call, body: &Value) -> Result<Answer, ApiError> {
    let created_at = world.stamp(call.moment);
    let customer = Customer {
        id: world.next("customer").uuid(),
        business_name: body::owned(body, "/business_name"),
        kind: body::owned(body, "/type"),
        created_at,
        updated_at: created_at,
        email: body::owned(body, "/email"),
        status: "ACTIVE",
        identification_number: body::owned(body, "/identification_number"),
        merchant_category_code: body::text(body, "/merchant_category_code").map(str::to_owned),
        // S0 answers without the plus.
        mobile_phone_number: body::owned(body, "/mobile_phone_number").trim_start_matches('+').to_owned(),
        address: body.get("address").cloned(),
        identification_type: body::owned(body, "/identification_type"),
    };
    world.entity(&call.entity).customers.insert(customer).map(Answer::record)
}
