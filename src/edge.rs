//! The outermost layers: every request is named, observed, rescued from errors, and cleaned, whatever becomes of it.

pub mod observe;
pub mod request_id;
pub mod rescue;
pub mod sanitize;
