//! An operator's word for a write whose outcome was unknown, on its way to the record it is about.

use std::pin::Pin;
use std::sync::Arc;

use crate::admin::{NotResolved, Resolve, Resolved};
use crate::policy::idempotency::{ResolveError, Scope};
use crate::stack::Shared;
use crate::store::records::{Unresolvable, Unresolved};

/// The records of a running gateway.
pub(super) struct Resolver(pub(super) Arc<Shared>);

impl Resolve for Resolver {
    fn resolve<'a>(&'a self, resolved: &'a Resolved) -> Pin<Box<dyn Future<Output = Result<(), NotResolved>> + Send + 'a>> {
        Box::pin(async move {
            let config = self.0.snapshots.config();
            let tenants = &config.tenants;
            let tenant = tenants.iter().find(|tenant| tenant.name.as_str() == resolved.tenant);
            let tenant = tenant.ok_or(NotResolved::Unknown("There is no such tenant."))?;
            let scope = Scope {
                credential: tenant.credential.as_str(),
                tenant: tenant.name.as_str(),
                caller: resolved.caller.as_deref().unwrap_or_default(),
            };
            self.0.idempotency.resolve(scope, &resolved.key, resolved.resolution()).await.map_err(told)
        })
    }
}

fn told(error: ResolveError) -> NotResolved {
    match error {
        ResolveError::NoKey => NotResolved::Invalid("`key` is not one of 1 to 255 visible characters."),
        ResolveError::NoRecords => NotResolved::Unavailable("No idempotency records are kept."),
        ResolveError::Unresolved(Unresolved::Unavailable(_)) => NotResolved::Unavailable("The records cannot be changed now."),
        ResolveError::Unresolved(Unresolved::Unresolvable(why)) => match why {
            Unresolvable::Absent => NotResolved::Unknown("There is no record of this key."),
            Unresolvable::InFlight => NotResolved::Conflict("The request is under way; its outcome is not unknown."),
            Unresolvable::Done => NotResolved::Conflict("The outcome of the request is known."),
        },
    }
}
