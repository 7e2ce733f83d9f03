//! The read-only pages for probes and scrapes: metrics, health and status. Nothing that is asked here changes anything.
//!
//! The pages are one service; the server gives it a listener of its own.

pub use self::conditions::{Attempt, Condition, Facts, conditions};
pub use self::pages::Pages;
pub use self::status::{Cache, Credential, Issuer, Limit, Reload, Status, StatusSource, Tenant, Token, Upstream};

mod conditions;
mod guard;
mod page;
mod pages;
mod status;
