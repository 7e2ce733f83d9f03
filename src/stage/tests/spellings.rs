//! However a request is spelled, what was validated is what goes up: nothing is validated as A and forwarded as B.
//!
//! What goes up is read by readers that are not ours: the URL standard's for queries, plain percent-decoding for paths.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderValue, Method, Uri};
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use tokio::time::Instant;

use crate::exchange::Exchange;
use crate::refusal::Refusal;
use crate::snapshot::Snapshots;
use crate::stage::{Request, Validated};
use crate::testing::{Unbounded, arrival, clock, config, snapshots, wall};

const DIRECTION: &str = "order_params.order_direction";
const DIRECTIONS: [&str; 3] = ["ORDER_DIRECTION_ENUM_UNSPECIFIED", "ASC", "DESC"];

static SNAPSHOTS: LazyLock<Arc<Snapshots>> = LazyLock::new(|| snapshots(config(), clock()));

/// What becomes of a GET of this target.
fn judged(target: &str) -> Result<Validated, Refusal> {
    let request =
        Request::observed(arrival(Method::GET, target, ""), Exchange::new(HeaderValue::from_static("1"), Instant::now()));
    let authenticated = request.route(SNAPSHOTS.load())?.authenticate(wall(), &Unbounded).expect("the local app");
    authenticated.authorize()?.validate(Bytes::new(), Instant::now())
}

/// A byte as it is, or in either case of its percent-encoding; some as what only forms know.
fn spelled(byte: u8, choice: u8) -> String {
    match choice % 4 {
        0 if byte == b' ' => "+".to_owned(),
        0 | 1 if byte.is_ascii_alphanumeric() || b"-._~!*'():;/?@,$[]".contains(&byte) => char::from(byte).to_string(),
        2 => format!("%{byte:02x}"),
        _ => format!("%{byte:02X}"),
    }
}

fn spelling(text: &str, choices: &[u8]) -> String {
    text.bytes().zip(choices.iter().cycle()).map(|(byte, choice)| spelled(byte, *choice)).collect()
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(DIRECTION.to_owned()),
        Just("status".to_owned()),
        Just("sender_name".to_owned()),
        Just("created_at_after.seconds".to_owned()),
        "[a-c&=+%;. ñ]{1,4}",
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("ASC".to_owned()),
        Just("asc".to_owned()),
        Just("7".to_owned()),
        "[A-C0-9&=+%;#?/ \u{e9}\u{1f35e}]{0,6}",
        "\\PC{0,4}"
    ]
}

/// A name and a value, each with the choices by which it is spelled.
type Piece = ((String, Vec<u8>), (String, Vec<u8>));

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let choices = || prop::collection::vec(any::<u8>(), 1..8);
    prop::collection::vec(((name(), choices()), (value(), choices())), 0..5)
}

fn read(query: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.sort();
    pairs
}

proptest! {
    #[test]
    fn a_query_goes_up_as_it_was_meant_and_as_it_was_judged(pieces in pieces(), separator in "&{1,2}") {
        let given: Vec<(String, String)> = pieces.iter().map(|((name, _), (value, _))| (name.clone(), value.clone())).collect();
        let texts = pieces.iter().map(|((name, n), (value, v))| format!("{}={}", spelling(name, n), spelling(value, v)));
        let query = texts.collect::<Vec<_>>().join(&separator);
        let names: BTreeSet<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
        let direction = given.iter().find(|(name, _)| name == DIRECTION);

        match judged(&format!("/v1/payments?{query}")) {
            Ok(validated) => {
                let mut expected = given.clone();
                expected.sort();
                prop_assert_eq!(read(validated.target().query().unwrap_or_default()), expected, "{}", query);
                prop_assert_eq!(names.len(), given.len(), "a repeated parameter went through: {}", query);
                prop_assert!(direction.is_none_or(|(_, value)| DIRECTIONS.contains(&value.as_str())), "{}", query);
            }
            Err(Refusal::InvalidRequest(violations)) => {
                let told: BTreeSet<String> = violations.into_iter().map(|violation| violation.name).collect();
                let wrong = direction.is_some_and(|(_, value)| !DIRECTIONS.contains(&value.as_str()));
                prop_assert!(!wrong || told.contains(DIRECTION), "a fault of {DIRECTION} was hidden: {}", query);
            }
            Err(refusal) => prop_assert!(false, "{refusal:?}: {query}"),
        }
    }

    #[test]
    fn whatever_the_bytes_of_a_query_they_are_refused_or_mean_the_same_upstream(query in "[a-c%0-9A-Fa-f=&+;.~\\[\\]/?@!$'()*,:_-]{0,40}") {
        let target = format!("/v1/payments?{query}");
        prop_assume!(target.parse::<Uri>().is_ok());

        if let Ok(validated) = judged(&target) {
            prop_assert_eq!(read(validated.target().query().unwrap_or_default()), read(&query));
        }
    }

    #[test]
    fn a_path_goes_up_as_it_was_meant(id in "[A-Za-z0-9._~-]{1,12}", choices in prop::collection::vec(any::<u8>(), 1..12)) {
        let spelled = spelling(&id, &choices);

        if let Ok(validated) = judged(&format!("/v1/accounts/{spelled}")) {
            prop_assert_eq!(validated.target().path(), format!("/v1/accounts/{id}"), "{}", spelled);
            prop_assert_eq!(&*validated.operation().name, "get_account");
        }
    }

    #[test]
    fn whatever_the_bytes_of_a_path_it_is_refused_or_is_the_catalogues(path in "/(v1|V1|%761)/[a-z%0-9A-F./;_~-]{0,24}") {
        prop_assume!(path.parse::<Uri>().is_ok());
        if let Ok(validated) = judged(&path) {
            let sent = validated.target().path();
            let meant = percent_decode_str(&path).decode_utf8().expect("what was taken is text").into_owned();
            let shape = validated.operation().upstream_path.as_str();

            prop_assert_eq!(sent, meant);
            prop_assert_eq!(sent.split('/').count(), shape.split('/').count());
            let kept = sent.split('/').zip(shape.split('/')).all(|(sent, shape)| sent == shape || shape.starts_with('{'));
            prop_assert!(kept && !sent.to_ascii_lowercase().contains("/iam"), "{}", sent);
        }
    }
}

#[test]
fn an_encoded_path_reaches_its_operation_and_the_test_above_is_not_idle() {
    let validated = judged("/v1/accounts/6c23f053%2d0e1a-46b4-b902-97ba47e351b%63").unwrap();

    assert_eq!(validated.target(), "/v1/accounts/6c23f053-0e1a-46b4-b902-97ba47e351bc");
    assert!(judged("/v1/accounts/%2e%2e").is_err());
}
