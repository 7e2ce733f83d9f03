//! `[tenants]`: what a tenant may do, and how often.

use std::time::Duration;

use crate::catalogue::Effect;
use crate::rate::Rate;
use crate::scope::Grant;
use crate::tenant::{CredentialName, TenantName};

/// A rate that is enforced, or only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it admits.
    pub rate: Rate,
    /// Counted, but not enforced.
    pub shadow: bool,
    /// By up to so much those who are refused are told to wait longer, so that they do not all come back at once.
    pub jitter: Duration,
}

/// Limits by class of operations.
#[derive(Clone, Debug)]
pub struct ClassLimit {
    /// The operations it counts.
    pub effect: Effect,
    /// What it admits.
    pub limit: Limit,
}

/// A tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// The credential its requests go up with.
    pub credential: CredentialName,
    /// What its callers may do at most.
    pub scopes: Vec<Grant>,
    /// Until when a missing scope refuses no read, but is counted; none: it always refuses.
    pub scope_shadow_until: Option<std::time::SystemTime>,
    /// Its own limit; none is unlimited.
    pub rate_limit: Option<Limit>,
    /// Limits on classes of operations, checked first.
    pub class_limits: Vec<ClassLimit>,
    /// The limit of each of its callers; none is unlimited.
    pub caller_limit: Option<Limit>,
}
