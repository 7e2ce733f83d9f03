//! The tenants of one snapshot, as authentication needs them: found by name, each with what it may do.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Caller, CallerKey, TenantId};
use crate::catalogue::OperationSet;
use crate::tenant::TenantName;

/// The longest caller id that is kept, in bytes: it goes to the log.
const LONGEST_ID: usize = 128;

/// A tenant and the operations that its scopes cover.
#[derive(Clone, Debug)]
pub struct TenantGrants {
    name: TenantName,
    allowed: OperationSet,
}

impl TenantGrants {
    /// What the tenant of this name may do.
    #[must_use]
    pub fn new(name: &TenantName, allowed: OperationSet) -> Self {
        Self { name: name.clone(), allowed }
    }
}

/// Tenants by name.
#[derive(Debug)]
pub(super) struct Tenants(HashMap<TenantName, Tenant>);

/// A tenant that callers act for.
#[derive(Debug)]
pub(super) struct Tenant {
    id: TenantId,
    allowed: OperationSet,
}

impl Tenants {
    /// The tenants in the order of their ids.
    pub(super) fn build(grants: &[TenantGrants]) -> Self {
        let ids = (0..=u16::MAX).map(TenantId);
        let tenant =
            |(grants, id): (&TenantGrants, TenantId)| (grants.name.clone(), Tenant { id, allowed: grants.allowed.clone() });
        Self(grants.iter().zip(ids).map(tenant).collect())
    }

    /// The tenant that a credential names.
    pub(super) fn find(&self, name: &str) -> Option<&Tenant> {
        self.0.get(name)
    }

    /// The tenant that configuration names.
    pub(super) fn configured(&self, name: &TenantName) -> &Tenant {
        self.0.get(name).expect("configuration names only tenants it holds")
    }
}

impl Tenant {
    /// A caller that acts for this tenant; it may do what both have been granted.
    pub(super) fn caller(&self, id: &str, granted: &OperationSet) -> Caller {
        let key = CallerKey::of(&["configured", id]);
        let id = &id[..id.floor_char_boundary(LONGEST_ID)];
        Caller { id: Arc::from(id), key, tenant: self.id, allowed: self.allowed.intersect(granted) }
    }

    /// The operations that its scopes cover.
    pub(super) fn allowed(&self) -> &OperationSet {
        &self.allowed
    }
}
