//! Every operation is reached by its own method and path, and by nothing else.

use serde_json::{Value, json};

mod hosts;
mod operations;
mod paths;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn customer() -> Value {
    json!({
        "type": "BUSINESS", "business_name": "Panadería Andina SAS", "email": "hola@example.com",
        "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": "901234567",
    })
}

fn other_customer(number: &str) -> Value {
    let mut other = customer();
    other["identification_number"] = json!(number);
    other["email"] = json!(format!("{number}@example.com"));
    other
}
