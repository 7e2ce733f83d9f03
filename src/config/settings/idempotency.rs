//! `[idempotency]`: records of writes that bear a key.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;

use super::{SecretSource, Tenant};
use crate::catalogue::Effect;

/// How writes that bear a key are recorded.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The file of records, where they are not kept in Redis; none keeps none.
    pub path: Option<PathBuf>,
    /// The requests that must bear a key.
    pub required_for: RequiredFor,
    /// How long records are kept.
    pub retention: Duration,
    /// How long records are kept whose outcome is unknown and that nobody resolves.
    pub unknown_retention: Duration,
    /// What records are encrypted with.
    pub encryption_key: Option<SecretSource>,
    /// How long to wait for another process to give the file up.
    pub lock_wait: Duration,
    /// How long a replica that is not heard of counts as alive; in Redis.
    pub lease: Duration,
    /// How long a repetition waits for the request that is under way.
    pub wait: Duration,
    /// Records at most.
    pub max_records: u64,
    /// Bytes of records at most.
    pub max_bytes: u64,
    /// Who uses keys together.
    pub shared_by: SharedBy,
    /// The header field that takes the key upstream; none takes it.
    pub forward_header: Option<HeaderName>,
    /// What becomes of writes that move no money while no record can be kept.
    pub when_unavailable: WhenUnavailable,
}

/// The requests that must bear a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredFor {
    /// Those that move money.
    Money,
    /// Those that change anything.
    Writes,
    /// None.
    None,
}

/// Who uses keys together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedBy {
    /// All callers of a tenant.
    Tenant,
    /// Nobody: each caller has keys of its own.
    Caller,
}

/// What becomes of a write with a key, moving no money, while no record can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnavailable {
    /// It is refused.
    Refuse,
    /// It is forwarded as if it bore no key.
    Forward,
}

/// A tenant whose credential is another's, too: if their keys went up, they would meet at Passport.
pub(in crate::config) fn sharing_a_credential(tenants: &[Tenant]) -> Option<&Tenant> {
    let mut each = tenants.iter().enumerate();
    let shares = |tenant: &Tenant, at| tenants.iter().take(at).any(|other| other.credential == tenant.credential);
    each.find(|(at, tenant)| shares(tenant, *at)).map(|(_, tenant)| tenant)
}

impl RequiredFor {
    /// Whether requests of this effect must bear a key.
    #[must_use]
    pub fn covers(self, effect: Effect) -> bool {
        match (self, effect) {
            (_, Effect::Read) | (Self::None, _) | (Self::Money, Effect::Write) => false,
            (Self::Money | Self::Writes, Effect::Money) | (Self::Writes, Effect::Write) => true,
        }
    }

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Writes => "writes",
            Self::None => "none",
        }
    }
}
