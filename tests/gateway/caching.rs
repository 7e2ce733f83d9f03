//! What is answered from memory, to whom, and until when.

use std::time::Duration;

use http::StatusCode;
use passport_gateway::identity::new_key;

use crate::support::scripted::{Scripted, answer, ok};
use crate::support::{Answer, Client, LOCAL, World};

mod coalescing;
mod conformance;
mod freshness;
mod invalidation;
mod sharing;

const ACCOUNTS: &str = "GET /v1/accounts";
const CUSTOMERS: &str = "GET /v1/customers";

const CUSTOMER: &str = r#"{
    "type": "BUSINESS", "business_name": "Panadería Andina SAS", "email": "hola@example.com",
    "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": "901234567"
}"#;

/// What the cache did, by `Cache-Status`.
fn told(answer: &Answer) -> &str {
    answer.field("cache-status").trim_start_matches("passport-gateway; ")
}

fn used(operation: &str, result: &str) -> String {
    format!(r#"passport_gateway_cache_requests_total{{operation="{operation}",result="{result}"}}"#)
}
