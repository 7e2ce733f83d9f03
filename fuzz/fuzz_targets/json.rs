//! A body that passes is JSON to another reader, and no member stands in it twice.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use passport_gateway::catalogue::{Modes, Report};
use passport_gateway_fuzz::operation;
use serde_json::value::RawValue;

fuzz_target!(|body: &[u8]| {
    let names = ["create_customer", "create_breb_payment", "create_key", "decode_qr_code", "suspend_key"];
    for rules in names.map(operation).into_iter().filter_map(|operation| operation.body.as_ref()) {
        let mut report = Report::new(Modes::default());
        rules.check(body, &mut report);
        if !report.refuses() && !body.is_empty() {
            distinct(body);
        }
        assert!(report.refused.len() <= Report::LIMIT && report.reported.len() <= Report::LIMIT);
    }
});

/// Checks each object of a text by reading its members one by one, without making numbers of its numbers.
fn distinct(text: &[u8]) {
    let raw: &RawValue = serde_json::from_slice(text).expect("what passes is JSON");
    match raw.get().as_bytes()[0] {
        b'{' => {
            let Members(members) = serde_json::from_str(raw.get()).expect("an object");
            let names: BTreeSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names.len(), members.len(), "a member that stands twice went through");
            members.iter().for_each(|(_, value)| distinct(value.get().as_bytes()));
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).expect("an array");
            items.iter().for_each(|item| distinct(item.get().as_bytes()));
        }
        _ => {}
    }
}

/// An object's members in order, repeated ones too.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
