//! Sample records, all made up: an entity looks as if it had been in business for a while.

use std::time::Duration;

use serde_json::json;

use super::World;
use super::accounts::Account;
use super::customers::Customer;
use super::keys::{Key, KeyName};
use super::payments::{Payment, Status};
use super::recipients::Recipient;
use crate::sandbox::error::ApiError;
use crate::sandbox::moment::{Moment, Timestamp};
use crate::sandbox::money::Amount;
use crate::sandbox::party::{OTHER_BANK, Party};
use crate::sandbox::random::Stream;

/// How many customers an entity has at first.
pub(crate) const CUSTOMERS: u32 = 12;

/// Bre-B keys at other participants that anyone may pay.
const OUTSIDE_KEYS: [(&str, &str); 3] = [("ALPHA", "@almacen01"), ("PHONE", "+573000000001"), ("EMAIL", "pagos@example.net")];

const DAY: Duration = Duration::from_hours(24);
const ADJECTIVES: [&str; 8] = ["Andina", "Caribe", "Central", "del Norte", "del Sur", "Nacional", "Pacífica", "Sabana"];
const TRADES: [&str; 8] =
    ["Comercial", "Distribuidora", "Ferretería", "Logística", "Panadería", "Papelería", "Servicios", "Textiles"];
const CITIES: [(&str, &str); 4] =
    [("Bogotá", "Bogotá D.C."), ("Medellín", "Antioquia"), ("Cali", "Valle del Cauca"), ("Cartagena", "Bolívar")];

impl World {
    /// Fills the directory of keys at other participants.
    pub(crate) fn fill_directory(&mut self) {
        for (key_type, key_value) in OUTSIDE_KEYS {
            let mut random = self.next("outside key");
            let key = KeyName { key_type: key_type.to_owned(), key_value: key_value.to_owned() };
            self.directory.push((key, outsider(&mut random)));
        }
    }

    /// Gives an entity customers, each with an account, a key, a recipient and two settled payments.
    pub(crate) fn add_sample(&mut self, entity: &str, customers: u32, moment: Moment) -> Result<(), ApiError> {
        for number in 0..customers {
            // Oldest first, the youngest a day old, none older than ten years.
            let age = DAY * (customers - number).min(3_650);
            let at = self.stamps.record(moment.wall.before(age));
            self.add_customer(entity, at)?;
        }
        Ok(())
    }

    fn add_customer(&mut self, entity: &str, at: Timestamp) -> Result<(), ApiError> {
        let customer = customer(&mut self.next("customer"), at);
        let first = self.entity(entity).accounts.iter().next().is_none();
        let account = account(&mut self.next("account"), &customer, first, at);
        let key = key(&mut self.next("key"), &account, at);
        let recipient = recipient(&mut self.next("recipient"), &customer, at);
        let records = self.entity(entity);
        records.customers.insert(customer)?;
        let own = records.party(&account)?;
        let other = recipient.party.clone();
        records.accounts.insert(account.clone())?;
        records.keys.insert(key)?;
        records.recipients.insert(recipient)?;
        let outbound = payment(&mut self.next("payment"), &account, "OUTBOUND", (own.clone(), other.clone()), at);
        let inbound = payment(&mut self.next("payment"), &account, "INBOUND", (other, own), at);
        let payments = &mut self.entity(entity).payments;
        payments.insert(outbound)?;
        payments.insert(inbound)?;
        Ok(())
    }
}

fn customer(random: &mut Stream, at: Timestamp) -> Customer {
    let (city, state) = random.pick(&CITIES);
    let number = random.digits(4);
    Customer {
        id: random.uuid(),
        business_name: format!("{} {} {number} SAS", random.pick(&TRADES), random.pick(&ADJECTIVES)),
        kind: "BUSINESS".to_owned(),
        created_at: at,
        updated_at: at,
        email: format!("contacto{number}@example.com"),
        status: "ACTIVE",
        identification_number: format!("9{}", random.digits(8)),
        merchant_category_code: Some(format!("5{}", random.digits(3))),
        mobile_phone_number: format!("57300{}", random.digits(7)),
        address: Some(json!({
            "line_1": format!("Calle {} {}-{}", random.digits(2), random.digits(2), random.digits(2)),
            "line_2": "", "line_3": "", "city": city, "state": state, "country": "CO", "post_code": random.digits(6),
        })),
        identification_type: "NIT".to_owned(),
    }
}

/// The first account of an entity holds more than 2^53 can count, as in seed S2.
fn account(random: &mut Stream, customer: &Customer, first: bool, at: Timestamp) -> Account {
    let balance = if first { 90_000_000_000_000_000 } else { 1_000_000 + random.below(9_000_000) };
    Account {
        id: random.uuid(),
        customer_id: customer.id.clone(),
        account_type: random.pick(&["ORDINARY", "SAVINGS"]).to_owned(),
        account_number: random.digits(11),
        status: "ACTIVE",
        available_balance: Amount::pesos(balance),
        pending_balance: Amount::default(),
        created_at: at,
        updated_at: at,
    }
}

fn key(random: &mut Stream, account: &Account, at: Timestamp) -> Key {
    Key {
        id: random.uuid(),
        customer_id: account.customer_id.clone(),
        account_id: account.id.clone(),
        // Long enough that no two entities' samples collide: a key is unique in the country.
        key: KeyName { key_type: "ALPHA".to_owned(), key_value: format!("@tienda{}", random.digits(12)) },
        display_name: None,
        status: "ACTIVE",
        created_at: at,
        updated_at: at,
    }
}

fn recipient(random: &mut Stream, customer: &Customer, at: Timestamp) -> Recipient {
    Recipient {
        id: random.uuid(),
        customer_id: customer.id.clone(),
        party: outsider(random),
        key: None,
        status: "ACTIVE",
        created_at: at,
        updated_at: at,
    }
}

fn payment(random: &mut Stream, account: &Account, direction: &'static str, sides: (Party, Party), at: Timestamp) -> Payment {
    Payment {
        id: random.uuid(),
        customer_id: account.customer_id.clone(),
        account_id: account.id.clone(),
        kind: "BREB",
        direction,
        status: Status::Settled,
        amount: Amount::pesos(1_000 + random.below(99_000)),
        key: None,
        qr_code_reference: None,
        description: None,
        reference: random.digits(12),
        end_to_end_identification: random.digits(35),
        sender: sides.0,
        receiver: sides.1,
        error: None,
        created_at: at,
        updated_at: at,
    }
}

/// Someone with an account at another participant.
pub(crate) fn outsider(random: &mut Stream) -> Party {
    Party {
        kind: "INDIVIDUAL".to_owned(),
        name: format!("Persona de Prueba {}", random.digits(4)),
        identification_type: "CC".to_owned(),
        identification_number: random.digits(10),
        account_type: "SAVINGS".to_owned(),
        account_number: random.digits(11),
        participant_name: OTHER_BANK.0.to_owned(),
        participant_identification_number: OTHER_BANK.1.to_owned(),
    }
}
