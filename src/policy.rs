//! The layers that decide about a request: what it asks for, who asks, whether it may, and whether Passport need be asked at all.

pub mod audit;
pub mod authenticate;
pub mod authorize;
pub mod cache;
pub mod complete;
pub mod deadline;
pub mod idempotency;
pub mod rate_limit;
pub mod route;
pub mod validate;
