//! QR codes: payloads that name a key, made, read and withdrawn.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::World;
use super::keys::KeyName;
use super::table::resource;
use crate::sandbox::body::{self, Check, Rule, optional, required};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::error::ApiError;
use crate::sandbox::listing::Listing;
use crate::sandbox::moment::Timestamp;

/// A QR code for a key. A dynamic one is paid once, a static one as often as people like.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the members are named as Passport names them")]
pub(crate) struct QrCode {
    pub(crate) id: String,
    pub(crate) customer_id: String,
    pub(crate) key_id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) channel: String,
    pub(crate) key: KeyName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Value>,
    pub(crate) additional_info: Value,
    pub(crate) qr_code_reference: String,
    pub(crate) qr_code_data: String,
    pub(crate) status: &'static str,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}
resource!(QrCode, "qr_code");

/// How the list is asked for.
pub(crate) const LIST: Listing = Listing {
    plural: "qr_codes",
    filters: &[
        ("qr_code_id", "/id"),
        ("customer_id", "/customer_id"),
        ("key_id", "/key_id"),
        ("type", "/type"),
        ("key_value", "/key/key_value"),
        ("key_type", "/key/key_type"),
    ],
    by_time: false,
    empty_is_not_found: false,
};

const CREATE: [Rule; 6] = [
    required("/key_id", Check::Characters(1, 140)),
    required("/customer_id", Check::Characters(1, 140)),
    required("/type", Check::OneOf(&["STATIC", "DYNAMIC"])),
    required("/channel", Check::Characters(1, 140)),
    required("/additional_info/transaction_purpose", Check::OneOf(&["00", "02", "03", "04", "05", "06", "07"])),
    optional("/amount/value", Check::Positive),
];

const DECODE: [Rule; 1] = [required("/qr_code_data", Check::Characters(1, 2048))];

/// `GET /v1/qrcodes`
pub(crate) fn list(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let snapshot = world.snapshot(call.moment);
    LIST.answer(world.entity(&call.entity).qr_codes.iter(), &call.query, snapshot)
}

/// `GET /v1/qrcodes/{qr_code_id}`
pub(crate) fn retrieve(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    world.entity(&call.entity).qr_codes.find(call.id()).map(Answer::record)
}

/// `POST /v1/qrcodes`
pub(crate) fn create(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let body = call.json("qr_code", &CREATE)?;
    let created_at = world.stamp(call.moment);
    let mut random = world.next("qr_code");
    let entity = world.entity(&call.entity);
    let customer_id = entity.customers.find(&body::owned(&body, "/customer_id"))?.id.clone();
    let key = entity.keys.find(&body::owned(&body, "/key_id"))?.clone();
    let kind = body::owned(&body, "/type");
    let reference = random.digits(20);
    let qr_code = QrCode {
        id: random.uuid(),
        customer_id,
        qr_code_data: payload(&kind, &key.key, body::text(&body, "/amount/value"), &reference),
        key_id: key.id,
        kind,
        channel: body::owned(&body, "/channel"),
        key: key.key,
        amount: body.get("amount").cloned(),
        additional_info: body.get("additional_info").cloned().unwrap_or(Value::Object(Map::new())),
        qr_code_reference: reference,
        status: "ACTIVE",
        created_at,
        updated_at: created_at,
    };
    entity.qr_codes.insert(qr_code).map(Answer::created)
}

/// `DELETE /v1/qrcodes/{qr_code_id}`
pub(crate) fn delete(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    world.entity(&call.entity).qr_codes.remove(call.id())?;
    Ok(Answer::empty(http::StatusCode::NO_CONTENT))
}

/// `POST /v1/qrcodes/decode`: what is written on a code, whoever made it; the members of its body are inferred.
pub(crate) fn decode(world: &mut World, call: &Call) -> Result<Answer, ApiError> {
    let body = call.json("qr_code", &DECODE)?;
    let data = body::text(&body, "/qr_code_data").unwrap_or_default();
    let known = world.entities().find_map(|(_, entity)| entity.qr_codes.iter().find(|code| code.qr_code_data == data));
    let code = known.ok_or_else(|| ApiError::bad_request("qr_code", "Missing or invalid: qr_code_data"))?;
    Ok(Answer::ok(json!({
        "type": code.kind,
        "channel": code.channel,
        "key": code.key,
        "amount": code.amount,
        "additional_info": code.additional_info,
        "qr_code_reference": code.qr_code_reference,
        "status": code.status,
    })))
}

impl World {
    /// A payment for this reference settled: a dynamic code is used up.
    pub(crate) fn mark_paid(&mut self, reference: &str, at: Timestamp) {
        let holder = self.entities().find_map(|(name, entity)| {
            let code = entity.qr_codes.iter().find(|code| code.qr_code_reference == reference && code.kind == "DYNAMIC")?;
            Some((name.to_owned(), code.id.clone()))
        });
        if let Some((entity, id)) = holder
            && let Ok(code) = self.entity(&entity).qr_codes.find_mut(&id)
        {
            (code.status, code.updated_at) = ("PAID", at);
        }
    }
}

/// A payload in EMV's merchant-presented form: tag, length and value, closed by a checksum.
fn payload(kind: &str, key: &KeyName, amount: Option<&str>, reference: &str) -> String {
    let field = |tag: &str, value: &str| format!("{tag}{:02}{value}", value.len());
    let account = field("00", "CO.COM.BREB")
        + &field("01", &key.key_type)
        + &field("02", &key.key_value.chars().take(60).collect::<String>());
    let mut data = field("00", "01") + &field("01", if kind == "DYNAMIC" { "12" } else { "11" });
    data += &(field("26", &account) + &field("53", "170"));
    data += &amount.map(|amount| field("54", amount)).unwrap_or_default();
    data += &(field("58", "CO") + &field("62", &field("05", reference)) + "6304");
    let checksum = checksum(data.as_bytes());
    format!("{data}{checksum:04X}")
}

/// CRC-16 as EMV wants it: polynomial 0x1021, initial value 0xFFFF.
fn checksum(data: &[u8]) -> u16 {
    data.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_has_its_known_check_value() {
        assert_eq!(checksum(b"123456789"), 0x29b1);
    }

    #[test]
    fn a_payload_names_key_amount_and_reference() {
        let key = KeyName { key_type: "ALPHA".to_owned(), key_value: "@tienda01".to_owned() };

        let data = payload("DYNAMIC", &key, Some("1500.50"), "00000000000000000007");

        assert!(data.starts_with("000201010212"), "{data}");
        for part in ["@tienda01", "54071500.50", "052000000000000000000007"] {
            assert!(data.contains(part), "{data} lacks {part}");
        }
    }
}
