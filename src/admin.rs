//! What operators ask beside the callers: read-only pages for probes and scrapes, and control, which changes things.
//!
//! Each is a service; the server gives it a listener of its own. Nothing that is asked of the pages changes anything.

pub use self::conditions::{Attempt, Condition, Facts, conditions};
pub use self::control::{Asked, Control, ControlToken, Controls, NotResolved, Reloads, Resolve, Resolved};
pub use self::pages::Pages;
pub use self::status::{
    Cache, CacheReplicas, Credential, Idempotency, Issuer, Limit, Outcome, Reload, Status, StatusSource, Store, Tenant, Token,
    Upstream,
};

mod conditions;
mod control;
mod guard;
mod page;
mod pages;
mod status;
