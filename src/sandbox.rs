//! A stateful double of Passport, for demos, tests and anyone's own CI.

pub use self::control::{Control, ControlError};
pub use self::fault::{FAULTS, Fault, FaultError, Kind, Target};
pub use self::log::{Counters, Received};
pub use self::money::AmountError;
pub use self::options::{Client, Options};
pub use self::scenarios::{SCENARIOS, Scenario};
pub use self::server::Sandbox;

mod body;
mod call;
mod control;
mod error;
mod fault;
mod faults;
mod listing;
mod log;
mod moment;
mod money;
mod oauth;
mod options;
mod pagination;
mod party;
mod payload;
mod query;
mod random;
mod reply;
mod routes;
mod scenarios;
mod server;
mod service;
mod state;
mod tokens;

#[cfg(test)]
mod tests;
