//! passport-gateway: an authenticating reverse proxy that internal applications call instead of the Passport payments API.

pub mod clock;
pub mod fault;
pub mod nearest;
pub mod scope;
pub mod secret;
pub mod tenant;
pub mod units;

pub mod catalogue;

pub mod config;
pub mod store;
pub mod transport;

pub mod sandbox;
