//! Layers 6 and 13: the audit trail, where it is known who was denied, and where a write belongs to the gateway.
//!
//! A write is recorded in its own task, with what became of it whether or not its caller stayed; a write that was refused before is
//! recorded where denials are. Each has one record. Where payments are refused when nothing can be recorded, a payment has the place
//! of its record before it goes on.

pub use self::asked::AuditAskedLayer;
pub use self::writes::AuditWritesLayer;

mod answered;
mod asked;
mod writes;

use http::StatusCode;

/// The outcome of a request whose caller left before an answer.
const CLIENT_CLOSED: &str = "client_closed";
/// The outcome of a request that met a defect, or was cut at the end of the drain.
const INTERNAL: &str = "internal";

/// How an answer of Passport's is called: as metrics call it.
fn outcome(status: StatusCode) -> &'static str {
    match status {
        status if status.is_client_error() => "upstream_4xx",
        status if status.is_server_error() => "upstream_5xx",
        _ => "ok",
    }
}

/// What a request that never ended came to.
fn unfinished() -> &'static str {
    if std::thread::panicking() { INTERNAL } else { CLIENT_CLOSED }
}
