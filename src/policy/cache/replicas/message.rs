//! What replicas tell each other: names out of the configuration, and when.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Changes, and who tells of them.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    /// The sender's name for itself.
    pub from: String,
    /// What became untrue.
    pub changes: Vec<Noted>,
}

/// A change, and when it was noted in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    /// By the sender's clock.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub change: Change,
}

/// What became untrue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Change {
    /// A write changed what these operations answer for a Passport account.
    Written {
        /// The account's name in the configuration.
        account: String,
        /// The operations' names.
        operations: Vec<String>,
    },
    /// An operator purged: a tenant, an operation, both or all.
    Purged {
        /// The tenant's name.
        tenant: Option<String>,
        /// The operation's name.
        operation: Option<String>,
    },
}

impl Message {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a struct of strings and numbers is always JSON")
    }

    /// None if it is of a kind that this version does not know.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Milliseconds since 1970.
pub(super) fn millis(wall: SystemTime) -> u64 {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let written = Change::Written { account: "acme".to_owned(), operations: vec!["list_accounts".to_owned()] };
        let purged = Change::Purged { tenant: None, operation: Some("get_key".to_owned()) };
        let changes = vec![Noted { at: 1, change: written }, Noted { at: 2, change: purged }];
        let message = Message { from: "a".to_owned(), changes };

        let bytes = message.to_bytes();

        assert_eq!(Message::from_bytes(&bytes), Some(message), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bytes in [&b""[..], b"{}", b"[]", br#"{"from":"a","changes":[{"at":1,"renamed":{}}]}"#] {
            assert_eq!(Message::from_bytes(bytes), None);
        }
    }
}
