//! Records as bytes: a head that says state, owner and times in the clear, and the rest as JSON, sealed where there is a key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::record::{Answer, Digest, Millis, Outcome, Record, State, Trace};
use super::seal::Seal;

/// The length of a record's head.
const HEAD: usize = 25;

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// Their head is none.
    #[error("a record is damaged")]
    Damaged,
    /// They were sealed with another key or for another place.
    #[error("a record does not open with this encryption key, or was changed")]
    Sealed,
}

#[derive(Serialize, Deserialize)]
struct Rest {
    fingerprint: String,
    operation: String,
    request_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Kept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    fields: Vec<(String, String)>,
    body: String,
}

/// What a record's head says without any key: the number of its state, and when it reached it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    /// [`IN_FLIGHT`], [`DONE`] or [`UNKNOWN`].
    pub(super) state: u8,
    /// When it reached its state.
    pub(super) changed: Millis,
}

/// The state of a record in flight.
pub(super) const IN_FLIGHT: u8 = 0;
/// The state of a record that is done.
pub(super) const DONE: u8 = 1;
/// The state of a record whose outcome is unknown.
pub(super) const UNKNOWN: u8 = 2;

/// Looks at a record's head; none if it is no record.
#[must_use]
pub(super) fn glance(bytes: &[u8]) -> Option<Glance> {
    let (head, _) = bytes.split_first_chunk::<HEAD>()?;
    (head[0] <= UNKNOWN).then_some(Glance { state: head[0], changed: number(head, 17)? })
}

/// Writes a record that stands at `place`.
#[must_use]
pub(super) fn encode(record: &Record, place: &Digest, seal: &Seal) -> Vec<u8> {
    let head = head(record);
    let Record { trace, fingerprint, state, .. } = record;
    let (answer, status) = match state {
        State::Done(Outcome::Answer(answer)) => (Some(kept(answer)), None),
        State::Done(Outcome::Status(status)) => (None, Some(*status)),
        State::Done(Outcome::Resolved) | State::InFlight | State::Unknown => (None, None),
    };
    let Trace { operation, request_id } = trace.clone();
    let rest = Rest { fingerprint: STANDARD_NO_PAD.encode(fingerprint), operation, request_id, answer, status };
    let rest = serde_json::to_vec(&rest).expect("a struct of strings and numbers is always JSON");
    [head.as_slice(), &seal.close(&[place.as_slice(), &head].concat(), rest)].concat()
}

/// Reads a record that stands at `place`.
///
/// # Errors
///
/// The bytes are none, or do not open.
pub(super) fn decode(bytes: &[u8], place: &Digest, seal: &Seal) -> Result<Record, Unreadable> {
    let (head, sealed) = bytes.split_first_chunk::<HEAD>().ok_or(Unreadable::Damaged)?;
    let rest = seal.open(&[place.as_slice(), head].concat(), sealed).ok_or(Unreadable::Sealed)?;
    let rest: Rest = serde_json::from_slice(&rest).map_err(|_| Unreadable::Damaged)?;
    let number = |at| number(head, at).ok_or(Unreadable::Damaged);
    Ok(Record {
        fence: number(1)?,
        begun: number(9)?,
        changed: number(17)?,
        fingerprint: unpacked(&rest.fingerprint)?.try_into().map_err(|_| Unreadable::Damaged)?,
        state: match (head[0], rest.answer, rest.status) {
            (IN_FLIGHT, None, None) => State::InFlight,
            (DONE, Some(answer), None) => State::Done(Outcome::Answer(unkept(answer)?)),
            (DONE, None, Some(status)) => State::Done(Outcome::Status(status)),
            (DONE, None, None) => State::Done(Outcome::Resolved),
            (UNKNOWN, None, None) => State::Unknown,
            _ => return Err(Unreadable::Damaged),
        },
        trace: Trace { operation: rest.operation, request_id: rest.request_id },
    })
}

fn number(head: &[u8; HEAD], at: usize) -> Option<u64> {
    head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes)
}

fn head(record: &Record) -> [u8; HEAD] {
    let state = match record.state {
        State::InFlight => IN_FLIGHT,
        State::Done(_) => DONE,
        State::Unknown => UNKNOWN,
    };
    let mut head = [state; HEAD];
    for (at, number) in [(1, record.fence), (9, record.begun), (17, record.changed)] {
        head[at..at + 8].copy_from_slice(&number.to_be_bytes());
    }
    head
}

fn kept(answer: &Answer) -> Kept {
    let fields = answer.fields.iter().map(|(name, value)| (name.clone(), STANDARD_NO_PAD.encode(value)));
    Kept { status: answer.status, fields: fields.collect(), body: STANDARD_NO_PAD.encode(&answer.body) }
}

fn unkept(kept: Kept) -> Result<Answer, Unreadable> {
    let fields = kept.fields.into_iter().map(|(name, value)| Ok((name, unpacked(&value)?)));
    Ok(Answer { status: kept.status, fields: fields.collect::<Result<_, _>>()?, body: Bytes::from(unpacked(&kept.body)?) })
}

fn unpacked(text: &str) -> Result<Vec<u8>, Unreadable> {
    STANDARD_NO_PAD.decode(text).map_err(|_| Unreadable::Damaged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Secret;
    use crate::store::records::seal;

    fn states() -> impl Strategy<Value = State> {
        let fields = prop::collection::vec(("[a-z-]{1,12}", prop::collection::vec(any::<u8>(), 0..20)), 0..4);
        let answer = (any::<u16>(), fields, prop::collection::vec(any::<u8>(), 0..200))
            .prop_map(|(status, fields, body)| Answer { status, fields, body: body.into() });
        prop_oneof![
            Just(State::InFlight),
            Just(State::Unknown),
            Just(State::Done(Outcome::Resolved)),
            any::<u16>().prop_map(|status| State::Done(Outcome::Status(status))),
            answer.prop_map(|answer| State::Done(Outcome::Answer(answer))),
        ]
    }

    prop_compose! {
        fn records()(numbers: (u64, u64, u64), fingerprint: [u8; 32], state in states(), operation in ".*", request_id in ".*") -> Record {
            let (fence, begun, changed) = numbers;
            Record { fence, begun, changed, state, trace: Trace { operation, request_id }, fingerprint }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_with_a_key_and_without(record in records(), key in prop::option::of("[a-z]{1,40}"), place: Digest) {
            let seal = Seal::new(&seal::salt(), key.map(Secret::new).as_ref());

            prop_assert_eq!(decode(&encode(&record, &place, &seal), &place, &seal), Ok(record));
        }

        #[test]
        fn no_bytes_make_a_sealed_record_that_was_never_written(bytes in prop::collection::vec(any::<u8>(), 0..200), place: Digest) {
            let sealed = Seal::new(&seal::salt(), Some(&Secret::new("key".to_owned())));

            prop_assert!(decode(&bytes, &place, &sealed).is_err());
            let _ = decode(&bytes, &place, &Seal::new(&seal::salt(), None));
        }

        #[test]
        fn a_sealed_record_whose_head_was_changed_does_not_open(record in records(), at in 0..HEAD, place: Digest) {
            let seal = Seal::new(&seal::salt(), Some(&Secret::new("key".to_owned())));
            let mut bytes = encode(&record, &place, &seal);

            bytes[at] ^= 1;

            prop_assert_eq!(decode(&bytes, &place, &seal), Err(Unreadable::Sealed));
        }
    }
}
