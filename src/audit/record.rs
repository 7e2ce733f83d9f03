//! What a record says: who did what, and what came of it. No personal data and no secret: of a key and of a body there are digests.

use std::time::SystemTime;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::LONGEST;
use crate::catalogue::Effect;

/// The most bytes of what others chose.
const CUT: usize = 128;

/// A write that its caller was allowed to make.
#[derive(Clone, Debug)]
pub struct Write<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// Whom it acts for.
    pub tenant: &'a str,
    /// Who sent it.
    pub caller: &'a str,
    /// The operation.
    pub operation: &'a str,
    /// What the operation does.
    pub effect: Effect,
    /// The scope that allowed it.
    pub scope: &'a str,
    /// What the caller was answered; none if nobody was there to be.
    pub status: Option<u16>,
    /// How it ended: as metrics say it, or the problem's name.
    pub outcome: &'a str,
    /// What its idempotency key led to.
    pub idempotency: Option<&'a str>,
    /// How often it was given to Passport.
    pub attempts: u32,
    /// The digest of its idempotency key.
    pub idempotency_key_hmac: Option<String>,
    /// The digest of its body.
    pub body_hmac: Option<String>,
    /// What Passport calls what was written.
    pub answered: Answered,
}

/// What Passport says to keep of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Passport's id of what was written.
    pub id: Option<String>,
    /// Passport's reference.
    pub reference: Option<String>,
    /// When Passport changed it last.
    pub updated_at: Option<String>,
}

/// A request that was refused for who sent it.
#[derive(Clone, Debug)]
pub struct Denial<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// Whom it would have acted for, if that is known.
    pub tenant: Option<&'a str>,
    /// Who sent it, if that is known.
    pub caller: Option<&'a str>,
    /// The operation.
    pub operation: &'a str,
    /// What the operation does.
    pub effect: Effect,
    /// The scope that it needs.
    pub scope: &'a str,
    /// What the caller was answered.
    pub status: u16,
    /// The problem's name.
    pub outcome: &'a str,
}

/// A call to the control listener.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// Who called: an address, or the Unix socket.
    pub peer: &'a str,
    /// What was called.
    pub route: &'a str,
    /// What was answered.
    pub status: u16,
    /// `ok`, or the problem's name.
    pub outcome: &'a str,
    /// What is other than before.
    pub change: Option<&'a str>,
    /// The digest of the idempotency key that was resolved.
    pub idempotency_key_hmac: Option<String>,
}

/// A record as it is written. What is not known is null, so that each kind of record always has the same members.
#[derive(Serialize)]
#[serde(untagged)]
enum Record<'a> {
    Write {
        time: String,
        event: &'static str,
        request_id: &'a str,
        tenant: &'a str,
        caller: &'a str,
        operation: &'a str,
        effect: &'static str,
        scope: &'a str,
        status: Option<u16>,
        outcome: &'a str,
        idempotency: Option<&'a str>,
        attempts: u32,
        idempotency_key_hmac: Option<&'a str>,
        body_hmac: Option<&'a str>,
        id: Option<&'a str>,
        reference: Option<&'a str>,
        updated_at: Option<&'a str>,
    },
    Denial {
        time: String,
        event: &'static str,
        request_id: &'a str,
        tenant: Option<&'a str>,
        caller: Option<&'a str>,
        operation: &'a str,
        effect: &'static str,
        scope: &'a str,
        status: u16,
        outcome: &'a str,
    },
    Change {
        time: String,
        event: &'static str,
        request_id: &'a str,
        peer: &'a str,
        operation: &'a str,
        status: u16,
        outcome: &'a str,
        change: Option<&'a str>,
        idempotency_key_hmac: Option<&'a str>,
    },
}

impl Write<'_> {
    pub(super) fn line(&self, time: SystemTime) -> Vec<u8> {
        line(&Record::Write {
            time: moment(time),
            event: "write",
            request_id: cut(self.request_id),
            tenant: cut(self.tenant),
            caller: cut(self.caller),
            operation: cut(self.operation),
            effect: self.effect.as_str(),
            scope: cut(self.scope),
            status: self.status,
            outcome: self.outcome,
            idempotency: self.idempotency,
            attempts: self.attempts,
            idempotency_key_hmac: self.idempotency_key_hmac.as_deref(),
            body_hmac: self.body_hmac.as_deref(),
            id: self.answered.id.as_deref().map(cut),
            reference: self.answered.reference.as_deref().map(cut),
            updated_at: self.answered.updated_at.as_deref().map(cut),
        })
    }
}

impl Denial<'_> {
    pub(super) fn line(&self, time: SystemTime) -> Vec<u8> {
        line(&Record::Denial {
            time: moment(time),
            event: "denial",
            request_id: cut(self.request_id),
            tenant: self.tenant.map(cut),
            caller: self.caller.map(cut),
            operation: cut(self.operation),
            effect: self.effect.as_str(),
            scope: cut(self.scope),
            status: self.status,
            outcome: self.outcome,
        })
    }
}

impl Change<'_> {
    pub(super) fn line(&self, time: SystemTime) -> Vec<u8> {
        line(&Record::Change {
            time: moment(time),
            event: "control",
            request_id: cut(self.request_id),
            peer: self.peer,
            operation: self.route,
            status: self.status,
            outcome: self.outcome,
            change: self.change.map(cut),
            idempotency_key_hmac: self.idempotency_key_hmac.as_deref(),
        })
    }
}

/// One line of JSON, its end included: never longer than what is set aside for it.
fn line(record: &Record<'_>) -> Vec<u8> {
    let mut line = serde_json::to_vec(record).expect("a struct of strings and numbers is always JSON");
    line.push(b'\n');
    debug_assert!(line.len() <= LONGEST, "the parts of a record are bounded");
    line
}

/// What others chose, as far as it is bounded text: up to a control character, and no longer than so much.
fn cut(text: &str) -> &str {
    let end = text.char_indices().find(|(at, c)| at + c.len_utf8() > CUT || c.is_control()).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// Date and time in UTC (RFC 3339).
fn moment(at: SystemTime) -> String {
    OffsetDateTime::from(at).format(&Rfc3339).unwrap_or_default()
}
