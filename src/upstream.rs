//! The layers towards Passport: each attempt carries the tenant's token.

pub mod token;
