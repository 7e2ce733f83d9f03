//! The query rules by example, the canonical form as properties.

use proptest::prelude::*;

use super::*;
use crate::catalogue::rule::ValueRule;
use crate::catalogue::violation::{Mode, Modes};

mod oracle;

fn pairs(raw: &str) -> Result<Vec<(String, String)>, Vec<Violation>> {
    let mut report = Report::new(Modes::default());
    let pairs = Pairs::parse(raw, &Names::default(), &mut report);
    assert_eq!(!pairs.is_unambiguous(), report.refuses(), "an unreadable query is refused, and only such");
    let read = pairs.iter().map(|pair| (pair.name.to_string(), pair.value.to_string())).collect();
    if pairs.is_unambiguous() { Ok(read) } else { Err(report.refused) }
}

fn canonical(raw: &str) -> Option<String> {
    QueryRules::default().check(Some(raw), &mut Report::new(Modes::default())).map(|query| query.to_text())
}

fn rules() -> QueryRules {
    let mut parameters: BTreeMap<Box<str>, ValueRules> = BTreeMap::new();
    let mut add = |name: &str, strictness, rule| parameters.entry(name.into()).or_default().push(strictness, rule);
    let mut relations = Vec::new();
    add("status", Strictness::Inferred, ValueRule::Text { max: 10 });
    for stem in ["after", "before"] {
        let (name, other) = (format!("{stem}.nanos"), format!("{stem}.seconds"));
        add(&other, Strictness::Documented, ValueRule::Integer { min: i64::MIN, max: 1000 });
        add(&name, Strictness::Documented, ValueRule::Integer { min: 0, max: 999_999_999 });
        relations.push((Strictness::Inferred, Relation::Requires { name: name.into(), other: other.into() }));
    }
    relations.push((Strictness::Inferred, Relation::NotAfter { name: "after".into(), other: "before".into() }));
    QueryRules::new(parameters, relations)
}

fn names(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.name.as_str()).collect()
}

#[test]
fn order_and_equivalent_encodings_fold() {
    let folded = canonical("b=x%20y&a=%41").unwrap();

    for same in ["a=A&b=x+y", "%61=A&b=x%20y", "&a=A&&b=x%20y&", "b=%78+y&a=A"] {
        assert_eq!(canonical(same).unwrap(), folded, "{same}");
    }
    assert_eq!(folded, "a=A&b=x%20y");
}

#[test]
fn an_equals_sign_in_a_value_is_written_so_that_all_read_it_alike() {
    for raw in ["a=b=c&d=e", "a=b%3Dc&d=e", "d=e&a=b%3dc"] {
        assert_eq!(canonical(raw).unwrap(), "a=b%3Dc&d=e", "{raw}");
    }
    assert_eq!(canonical("a==&b").unwrap(), "a=%3D&b=");
}

#[test]
fn different_values_stay_apart() {
    let different =
        ["a=1", "a=01", "a=1%20", "a=%2B1", "a=+1", "a=", "A=1", "a=1&b=", "a=1%26b%3D", "a%3D1=", "a=%C3%A9", "a=e%CC%81"];
    for (at, one) in different.iter().enumerate() {
        for other in &different[at + 1..] {
            assert_ne!(canonical(one).unwrap(), canonical(other).unwrap(), "{one} {other}");
        }
    }
}

#[test]
fn what_servers_read_differently_is_refused() {
    for (raw, name, detail) in [
        ("a=1&a=1", "a", "stands more than once"),
        ("a=1&%61=2", "a", "stands more than once"),
        ("=1", "", "a parameter has no name"),
        ("a=%", "a", "has a broken percent-encoding"),
        ("a=%4", "a", "has a broken percent-encoding"),
        ("a=%+1", "a", "has a broken percent-encoding"),
        ("a=%zz", "a", "has a broken percent-encoding"),
        ("a=%ff", "a", "is not UTF-8"),
        ("a=%c0%af", "a", "is not UTF-8"),
        ("a=%ED%A0%80", "a", "is not UTF-8"),
        ("a=%F4%90%80%80", "a", "is not UTF-8"),
        ("%ff=1", "", "a parameter's name is not UTF-8"),
        ("a=1&a", "a", "stands more than once"),
        ("a+b=1&a%20b=2", "a b", "stands more than once"),
        ("a%5B%5D=1&a[]=2", "a[]", "stands more than once"),
        ("a=%00", "a", "has a control character"),
        ("a=%0d%0a", "a", "has a control character"),
        ("a=%C2%85", "a", "has a control character"),
        ("%0a=1", "", "a parameter's name has a control character"),
    ] {
        let refused = pairs(raw).unwrap_err();
        assert_eq!(refused, [Violation::safety(Location::Query, name, detail)], "{raw}");
    }
}

#[test]
fn a_name_alone_has_the_empty_value_and_case_is_kept() {
    assert_eq!(canonical("b&a").unwrap(), canonical("a=&b=").unwrap());
    assert_eq!(canonical("a=%2e%2E%2f").unwrap(), "a=..%2F");
    assert_eq!(canonical("a=%ef%bb%bfx").unwrap(), "a=%EF%BB%BFx");
    assert_ne!(canonical("Status=a").unwrap(), canonical("status=a").unwrap());
    assert_eq!(canonical("a=b=c").unwrap(), "a=b%3Dc");
    assert!(canonical("&&&").unwrap().is_empty());
}

#[test]
fn a_semicolon_separates_nothing_and_is_forwarded_encoded() {
    assert_eq!(canonical("a=1;b=2").unwrap(), "a=1%3Bb%3D2");
}

#[test]
fn a_query_is_bounded() {
    let many = (0..101).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");

    assert!(pairs(&many).is_err());
    assert!(pairs(&format!("a={}", "x".repeat(8192))).is_err());
}

#[test]
fn all_violations_are_listed_each_by_its_own_kind() {
    let mut report = Report::new(Modes::default());

    let query = rules().check(Some("after.seconds=1001&before.nanos=-1&status=&colour=red"), &mut report);

    assert!(query.is_some());
    assert_eq!(names(&report.refused), ["after.seconds", "before.nanos"]);
    assert_eq!(names(&report.reported), ["colour", "status", "before.nanos"]);
}

#[test]
fn of_two_timestamps_the_earlier_is_not_later() {
    for (raw, broken) in [
        ("after.seconds=5&before.seconds=5", false),
        ("after.seconds=5&after.nanos=1&before.seconds=5", true),
        ("after.seconds=5&before.seconds=5&before.nanos=1", false),
        ("after.seconds=6&before.seconds=5", true),
        ("after.seconds=6", false),
        ("after.seconds=x&before.seconds=5", false),
    ] {
        let mut report = Report::new(Modes { documented: Mode::Off, ..Modes::default() });
        rules().check(Some(raw), &mut report).unwrap();
        assert_eq!(names(&report.reported).contains(&"after"), broken, "{raw}");
    }
}

#[test]
fn no_violation_and_no_debug_output_shows_a_value() {
    let mut report = Report::new(Modes::default());

    let query = rules().check(Some("status=900123456789&after.seconds=s3cr3t&who=me%40home"), &mut report).unwrap();

    let shown = format!("{report:?} {query:?}");
    for value in ["900123456789", "s3cr3t", "home"] {
        assert!(!shown.contains(value), "{shown}");
    }
}

/// Pairs with distinct names, without control characters.
fn decoded_pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::btree_map("[^\\p{Cc}]{1,6}", "[^\\p{Cc}]{0,8}", 0..6).prop_map(|pairs| pairs.into_iter().collect())
}

/// One of many spellings of the text, chosen by `seed`.
fn spelling(text: &str, mut seed: u64) -> String {
    let mut spelled = String::new();
    for byte in text.bytes() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let plain = byte.is_ascii_alphanumeric() || b"-._~!*'():/?@,;$[]".contains(&byte);
        match (byte, seed >> 62) {
            (b' ', 0 | 1) => spelled.push('+'),
            (_, 0 | 1) if plain => spelled.push(char::from(byte)),
            (_, 2) => spelled.extend(format!("%{byte:02x}").chars()),
            _ => spelled.extend(format!("%{byte:02X}").chars()),
        }
    }
    spelled
}

fn query(pairs: &[(String, String)], seed: u64) -> String {
    pairs.iter().map(|(name, value)| format!("{}={}", spelling(name, seed), spelling(value, !seed))).collect::<Vec<_>>().join("&")
}

/// A name or a value, often one that the rules know, spelled in any way, some of them wrong.
fn spelled() -> impl Strategy<Value = String> {
    let known =
        prop::sample::select(vec!["after.seconds", "after.nanos", "before.seconds", "before.nanos", "status", "7", "1001"]);
    prop_oneof![known.prop_map(str::to_owned), "[a-c.~]{0,3}", "([a-c;\\[ é]|%[0-9A-Fa-f]{2}|%|\\+|%C3%A9){0,4}"]
        .prop_flat_map(|text| (Just(text), any::<u64>()))
        .prop_map(|(text, seed)| if seed % 4 == 0 && !text.contains(['%', '+']) { spelling(&text, seed) } else { text })
}

fn any_query() -> impl Strategy<Value = String> {
    let pair = (spelled(), "={0,2}", spelled()).prop_map(|(name, equals, value)| name + &equals + &value);
    (prop::collection::vec(pair, 0..7), "&{1,2}").prop_map(|(pairs, separator)| pairs.join(&separator))
}

proptest! {
    #[test]
    fn a_query_is_read_and_judged_as_in_the_slow_and_obvious_form(raw in any_query()) {
        for rules in [rules(), QueryRules::default()] {
            let (mut report, mut expected) = (Report::new(Modes::default()), Report::new(Modes::default()));

            let query = rules.check(Some(&raw), &mut report).map(|query| query.to_text());

            prop_assert_eq!(query, oracle::check(&rules, &raw, &mut expected), "{}", raw);
            prop_assert_eq!((report.refused, report.reported), (expected.refused, expected.reported), "{}", raw);
        }
    }

    #[test]
    fn a_name_has_its_place_in_the_order_of_all(mut known in prop::collection::vec("[a-c]{0,3}", 0..9), names in prop::collection::vec("[a-c]{0,3}", 2)) {
        known.sort();
        known.dedup();
        let order = Names::ordered(known.iter().map(String::as_str));
        let places: Vec<_> = names.iter().map(|name| order.place(name)).collect();

        prop_assert_eq!(places[0].compare(&names[0], places[1], &names[1]), names[0].cmp(&names[1]));
        prop_assert_eq!(places[0].known().map(|at| &known[at]), known.iter().find(|name| **name == names[0]));
    }

    #[test]
    fn the_canonical_form_is_its_own(given in decoded_pairs(), seed: u64) {
        let once = canonical(&query(&given, seed)).unwrap();
        prop_assert_eq!(canonical(&once).unwrap(), once);
    }

    #[test]
    fn it_holds_the_pairs_that_were_given(given in decoded_pairs(), seed: u64) {
        let canonical = canonical(&query(&given, seed)).unwrap();
        prop_assert_eq!(pairs(&canonical).unwrap(), given);
    }

    #[test]
    fn permutations_and_spellings_fold((given, shuffled) in decoded_pairs().prop_flat_map(|given| (Just(given.clone()), Just(given).prop_shuffle())), one: u64, other: u64) {
        prop_assert_eq!(canonical(&query(&given, one)), canonical(&query(&shuffled, other)));
    }

    #[test]
    fn different_pairs_never_fold(one in decoded_pairs(), other in decoded_pairs(), seed: u64) {
        prop_assert_eq!(canonical(&query(&one, seed)) == canonical(&query(&other, !seed)), one == other);
    }

    #[test]
    fn whatever_is_read_is_canonical_after_one_step(raw in "[a-c%0-9A-F=&+; é]{0,24}") {
        if let Some(once) = canonical(&raw) {
            prop_assert!(once.bytes().all(|b| b.is_ascii_graphic()));
            prop_assert_eq!(pairs(&once), pairs(&raw));
        }
    }
}
