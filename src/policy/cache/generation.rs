//! Generations: what was begun before an invalidation is told from what came after it.
//!
//! Every operation has a counter per Passport account, which writes advance, and one per tenant, which purges advance. Whatever
//! is kept or under way notes both when it begins, before Passport is asked, and is of no use once either has moved on.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, PoisonError, RwLock};

use crate::stage::Validated;
use crate::tenant::TenantName;

/// The counters of all accounts and tenants. There are as many as configuration names, so they are never removed.
#[derive(Default)]
pub(super) struct Generations {
    accounts: Counters<Arc<str>>,
    tenants: Counters<TenantName>,
    begun: AtomicU64,
}

/// The generation in which something began, and its place among all that was begun.
#[derive(Clone)]
pub(super) struct Epoch {
    place: u64,
    account: Seen,
    tenant: Seen,
}

/// A counter per name and operation.
struct Counters<Name>(RwLock<ByOperation<Name>>);

type ByOperation<Name> = HashMap<(Name, Arc<str>), Arc<AtomicU64>>;

#[derive(Clone)]
struct Seen {
    counter: Arc<AtomicU64>,
    count: u64,
}

impl Generations {
    /// The present generation of what `request` asks for, noted before Passport is asked.
    pub(super) fn epoch(&self, request: &Validated) -> Epoch {
        let operation = &request.operation().name;
        Epoch {
            place: self.begun.fetch_add(1, SeqCst),
            account: self.accounts.seen(&request.credential().1.account, operation),
            tenant: self.tenants.seen(&request.tenant().name, operation),
        }
    }

    /// Begins a new generation of an operation for all credentials of an account.
    pub(super) fn invalidate(&self, account: &str, operation: &str) {
        self.accounts.advance(|name, of| **name == *account && **of == *operation);
    }

    /// Begins a new generation for a tenant, an operation, both or all.
    pub(super) fn purge(&self, tenant: Option<&TenantName>, operation: Option<&str>) {
        self.tenants.advance(|name, of| {
            tenant.is_none_or(|tenant| tenant == name) && operation.is_none_or(|operation| *operation == **of)
        });
    }
}

impl Epoch {
    /// Whether nothing was invalidated since.
    pub(super) fn is_current(&self) -> bool {
        self.account.is_current() && self.tenant.is_current()
    }

    /// Whether nothing was invalidated between the two.
    pub(super) fn is_of_the_same(&self, other: &Self) -> bool {
        self.account.count == other.account.count && self.tenant.count == other.tenant.count
    }

    /// Whether Passport was asked later than for another.
    pub(super) fn is_later_than(&self, other: &Self) -> bool {
        self.place > other.place
    }
}

impl<Name: Clone + Eq + Hash> Counters<Name> {
    fn seen(&self, name: &Name, operation: &Arc<str>) -> Seen {
        let key = (name.clone(), Arc::clone(operation));
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let counter =
            known.unwrap_or_else(|| Arc::clone(self.0.write().unwrap_or_else(PoisonError::into_inner).entry(key).or_default()));
        Seen { count: counter.load(SeqCst), counter }
    }

    /// A counter that does not exist was never noted, so nothing can depend on it.
    fn advance(&self, concerns: impl Fn(&Name, &Arc<str>) -> bool) {
        for ((name, operation), counter) in &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            if concerns(name, operation) {
                counter.fetch_add(1, SeqCst);
            }
        }
    }
}

impl<Name> Default for Counters<Name> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl Seen {
    fn is_current(&self) -> bool {
        self.counter.load(SeqCst) == self.count
    }
}
