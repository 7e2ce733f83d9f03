//! What `deploy/` ships holds: its configurations load, and what it says of the gateway is so.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this is tests, also what helps them")]
#![expect(clippy::format_push_string, reason = "a file is easiest read as the lines it is made of")]

#[path = "deploy/compose.rs"]
mod compose;
#[path = "deploy/kubernetes.rs"]
mod kubernetes;
#[path = "deploy/support.rs"]
mod support;
#[path = "deploy/watching.rs"]
mod watching;
