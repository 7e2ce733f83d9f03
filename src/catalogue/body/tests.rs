//! Bodies that can be read in more than one way, and what callers are told.

use jsonschema::json::{Node, conformance};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalogue::violation::{Mode, Modes};

fn rules(documented: Value) -> BodyRules {
    BodyRules::compile(true, [(Strictness::Documented, documented)], &BTreeMap::new()).unwrap()
}

/// The names and details of what is refused.
fn refused(rules: &BodyRules, body: impl AsRef<[u8]>) -> Vec<(String, String)> {
    let mut report = Report::new(Modes::default());
    rules.check(body.as_ref(), &mut report);
    report.refused.into_iter().map(|violation| (violation.name, violation.detail.into_owned())).collect()
}

fn one(name: &str, detail: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), detail.to_owned())]
}

#[test]
fn what_is_not_unambiguous_json_is_refused_whatever_the_modes() {
    let rules = rules(json!({}));
    let off = Modes { documented: Mode::Off, inferred: Mode::Off, unknown: Mode::Off };
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"{} {}",
        b"{'a':1}",
        b"{\"a\":1,}",
        b"[01]",
        b"NaN",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"\n\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":1,\"a\":1}",
        b"// {}\n{}",
    ];
    for body in bodies {
        let mut report = Report::new(off);
        rules.check(body, &mut report);
        assert!(report.refuses(), "{:?}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_member_given_twice_is_named_wherever_it_stands() {
    let rules = rules(json!({}));
    for (body, name) in [
        (r#"{"a":1,"a":2}"#, "a"),
        (r#"{"a":1,"\u0061":2}"#, "a"),
        (r#"{"amount":{"value":"1","currency":"COP","value":"9"}}"#, "amount.value"),
        (r#"{"items":[{"id":1},{"id":1,"id":2}]}"#, "items[1].id"),
        (r#"[[{"":1,"":2}]]"#, "[0][0]."),
    ] {
        assert_eq!(refused(&rules, body), one(name, "stands more than once"), "{body}");
    }
    assert_eq!(refused(&rules, r#"{"a":{"id":1},"b":{"id":1}}"#), []);
}

#[test]
fn a_number_is_what_the_grammar_says_however_great_it_is() {
    let rules = rules(json!({"properties": {"most": {"type": "number", "maximum": 5}, "text": {"type": "string"}}}));
    let digits = "9".repeat(400);
    for number in ["-0", "0.10", "1e-400", "1E400", "-1e+999", "1e99999999999999999999", &digits, &format!("{digits}.5")] {
        assert_eq!(refused(&rules, format!(r#"{{"other":[{number}]}}"#)), [], "{number}");
    }
    for number in ["1E400", &digits] {
        assert_eq!(refused(&rules, format!(r#"{{"most":{number}}}"#)), one("most", "must be at most 5"), "{number}");
        assert_eq!(refused(&rules, format!(r#"{{"text":{number}}}"#)), one("text", "must be a string"), "{number}");
    }
    for number in ["01", "-01", "01E400", "1.E400", "+1", ".5", "5.", "1e", "0x10", "1_000", "Infinity", "-NaN", "1E400 1"] {
        let told = refused(&rules, format!(r#"{{"other":{number}}}"#));
        assert!(told.len() == 1 && told[0].1.starts_with("is not well-formed JSON"), "{number}: {told:?}");
    }
}

#[test]
fn a_text_may_hold_any_character_but_nul_and_half_of_one() {
    let rules = rules(json!({}));

    assert_eq!(refused(&rules, r#"{"a":"\n\t\u0001\u007f\uFEFF\ud83c\udf5e\/","\u0062":""}"#), []);
    assert_eq!(refused(&rules, r#"{"a":["x\u0000y"]}"#), one("a[0]", "has a NUL character"));
    assert_eq!(refused(&rules, r#"{"a\u0000":1}"#), one("a\u{fffd}", "has a NUL character"));
    for half in [r"\ud800", r"\udf5e", r"\ud83cx", r"\ud83c\u0041", r"\u12", r"\x41"] {
        let told = refused(&rules, format!(r#"{{"a":"{half}"}}"#));
        assert!(told.len() == 1 && told[0].1.starts_with("is not well-formed JSON"), "{half}: {told:?}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);

    assert_eq!(refused(&rules(json!({})), nested(32)), []);
    assert_eq!(refused(&rules(json!({})), nested(33)), one("", "is nested too deeply"));
    assert_eq!(refused(&rules(json!({})), nested(100_000)), one("", "is nested too deeply"));
}

#[test]
fn a_violation_says_what_was_expected() {
    let schema = json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 3},
            "kind": {"enum": ["A", "B"]},
            "fixed": {"const": "X"},
            "code": {"pattern": "^[0-9]+$", "description": "digits"},
            "plain": {"pattern": "^[0-9]+$"},
            "count": {"type": ["integer", "null"], "minimum": 1},
            "list": {"items": {"type": "string"}, "maxItems": 2},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    });
    let rules = rules(schema);
    for (body, name, detail) in [
        (json!({}), "name", "is required"),
        (json!({"name": ""}), "name", "must not be empty"),
        (json!({"name": "abcd"}), "name", "must have at most 3 characters"),
        (json!({"name": 1}), "name", "must be a string"),
        (json!({"name": "a", "kind": "C"}), "kind", "must be one of \"A\", \"B\""),
        (json!({"name": "a", "fixed": "Y"}), "fixed", "must be \"X\""),
        (json!({"name": "a", "code": "x"}), "code", "must be digits"),
        (json!({"name": "a", "plain": "x"}), "plain", "does not satisfy `pattern`"),
        (json!({"name": "a", "count": 0}), "count", "must be at least 1"),
        (json!({"name": "a", "list": ["a", 1]}), "list[1]", "must be a string"),
        (json!({"name": "a", "list": ["a", "b", "c"]}), "list", "must have at most 2 items"),
        (json!({"name": "a", "either": 1}), "either", "does not satisfy `anyOf`"),
        (json!({"name": "a", "other": 1}), "other", "is not allowed here"),
    ] {
        assert_eq!(refused(&rules, body.to_string()), one(name, detail), "{body}");
    }
    let (name, detail) = &refused(&rules, r#"{"name":"a","count":"x"}"#)[0];
    assert_eq!((name.as_str(), detail.starts_with("must be ")), ("count", true), "{detail}");
}

#[test]
fn a_description_is_found_behind_a_reference() {
    let definitions = [("digits".to_owned(), json!({"pattern": "^[0-9]+$", "description": "digits"}))].into();
    let schema = json!({"properties": {"code": {"$ref": "#/$defs/digits"}}});
    let rules = BodyRules::compile(true, [(Strictness::Documented, schema)], &definitions).unwrap();

    assert_eq!(refused(&rules, r#"{"code":"x"}"#), one("code", "must be digits"));
}

#[test]
fn no_violation_shows_a_value() {
    let schema = json!({
        "required": ["id"],
        "properties": {
            "a": {"const": 1}, "b": {"enum": [1]}, "c": {"type": "integer"}, "d": {"pattern": "^x$"}, "e": {"maxLength": 1},
            "f": {"not": {"type": "string"}}, "g": {"oneOf": [{"type": "null"}]}, "h": {"format": "uuid"}, "i": false,
            "j": {"propertyNames": {"maxLength": 2}}, "k": {"uniqueItems": true}, "l": {"contains": {"const": 1}},
            "m": {"multipleOf": 7}, "n": {"maximum": 5}, "o": {"dependentRequired": {"x": ["y"]}},
        },
    });
    let rules = rules(schema);
    let secret = "900123456";
    let mut body = json!({"j": {"toolong": secret}, "k": [secret, secret], "l": [secret], "m": 900_123_456, "n": 900_123_456, "o": {"x": secret}});
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
        body[name] = json!(secret);
    }
    let mut report = Report::new(Modes::default());

    rules.check(body.to_string().as_bytes(), &mut report);

    assert!(report.refused.len() >= 15, "{:?}", report.refused);
    assert!(!format!("{report:?}").contains(secret), "{report:?}");
}

#[test]
fn a_schema_may_not_reach_for_the_network_nor_look_around() {
    for schema in [
        json!({"$ref": "https://example.com/schema.json"}),
        json!({"pattern": "(?=x)"}),
        json!({"type": "strin"}),
        json!({"$ref": "#/$defs/missing"}),
        json!([]),
    ] {
        let compiled = BodyRules::compile(true, [(Strictness::Inferred, schema.clone())], &BTreeMap::new());
        assert!(matches!(&compiled, Err(faults) if faults[0].0 == Strictness::Inferred), "{schema}");
    }
}

#[test]
fn a_body_that_need_not_be_may_be_empty() {
    let optional = BodyRules::compile(false, [], &BTreeMap::new()).unwrap();

    assert_eq!(refused(&optional, ""), []);
    assert_eq!(refused(&optional, "{}"), []);
    assert_eq!(refused(&optional, "{"), one("", "is not well-formed JSON at line 1, column 1"));
}

#[test]
fn members_of_nested_objects_are_known_through_references() {
    let definitions = [("tree".to_owned(), json!({"properties": {"leaf": {}, "left": {"$ref": "#/$defs/tree"}}}))].into();
    let schema = json!({"properties": {"trees": {"items": {"$ref": "#/$defs/tree"}}}, "then": {"properties": {"tag": {}}}});
    let rules = BodyRules::compile(true, [(Strictness::Documented, schema)], &definitions).unwrap();
    let mut report = Report::new(Modes::default());

    rules.check(br#"{"tag":{"any":1},"trees":[{"leaf":1,"left":{"right":2}},{"root":3}],"extra":4}"#, &mut report);

    let mut names: Vec<_> = report.reported.into_iter().map(|violation| violation.name).collect();
    names.sort();
    assert_eq!(names, ["extra", "trees[0].left.right", "trees[1].root"]);
}

#[test]
fn documents_are_to_the_validator_what_it_expects() {
    let text = conformance::document().to_string();
    let mut report = Report::new(Modes::default());

    let looked = json::read(text.as_bytes(), &mut report, |document, _| conformance::assert_conformance::<Elements>(&document));

    assert_eq!(looked, Some(()));
}

#[test]
fn an_error_holds_nothing_of_the_body() {
    let rules = rules(json!({"required": ["a", "b"], "anyOf": [{"type": "string"}, {"maxProperties": 0}]}));
    let mut report = Report::new(Modes::default());

    let held = json::read(br#"{"c":[{"":0},{"":1}]}"#, &mut report, |document, _| {
        rules.schemas[0].validator.iter_errors(document).map(|error| error.instance().clone().into_owned()).collect::<Vec<_>>()
    });

    assert_eq!(held, Some(vec![Value::Null; 3]));
}

#[test]
fn values_are_compared_as_json_schema_compares_them() {
    let rules = rules(json!({"enum": [{"a": [1, null, true, "x"], "b": {}}, [2.0], "x", 3]}));
    for same in [r#"{"b":{},"a":[1.0,null,true,"\u0078"]}"#, "[2]", "\"x\"", "3e0"] {
        assert_eq!(refused(&rules, same), [], "{same}");
    }
    let others = [
        r#"{"a":[1,null,true,"x"]}"#,
        r#"{"a":[1,null,true],"b":{}}"#,
        r#"{"a":[1,null,false,"x"],"b":{}}"#,
        "[2,2]",
        "[]",
        "true",
    ];
    for other in others {
        assert_eq!(refused(&rules, other).len(), 1, "{other}");
    }
}

#[test]
fn of_many_members_too_each_is_found_and_one_given_twice_is_named() {
    let rules = rules(json!({"required": ["m0", "m39", "m40"], "properties": {"m39": {"const": "39"}}}));
    let members = (0..40).map(|number| format!(r#""m{number}":"{number}""#)).collect::<Vec<_>>().join(",");

    assert_eq!(refused(&rules, format!(r#"{{{members},"m40":0}}"#)), []);
    for name in ["m0", "m15", "m16", "m17", "m39"] {
        let body = format!(r#"{{{members},"m40":0,"{name}":"39"}}"#);
        assert_eq!(refused(&rules, body), one(name, "stands more than once"));
    }
}

/// Documents that no two parsers read differently: NUL ends a text for some.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[^\0]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[^\0]{0,4}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_strict_reader_reads_what_any_reader_reads(document in documents()) {
        let mut report = Report::new(Modes::default());
        let read = json::read(document.to_string().as_bytes(), &mut report, |read, _| read.to_value().into_owned());

        prop_assert_eq!(read, Some(document));
        prop_assert!(!report.refuses());
    }

    #[test]
    fn whatever_the_bytes_it_reads_or_refuses(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut report = Report::new(Modes::default());
        let read = json::read(&bytes, &mut report, |_, _| ());

        prop_assert_eq!(read.is_none(), report.refuses());
        prop_assert!(read.is_none() || serde_json::from_slice::<&serde_json::value::RawValue>(&bytes).is_ok());
    }
}
