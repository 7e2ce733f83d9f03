//! What `deploy/` ships holds: its configurations load, and what it says of the gateway is so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this is tests, also what helps them")]

#[path = "deploy/kubernetes.rs"]
mod kubernetes;
#[path = "deploy/support.rs"]
mod support;
