//! passport-gateway: an authenticating reverse proxy that internal applications call instead of the Passport payments API.

pub mod chunked;
pub mod clock;
pub mod fault;
pub mod fields;
pub mod lines;
pub mod nearest;
pub mod peer;
pub mod rate;
pub mod scope;
pub mod secret;
pub mod tenant;
pub mod units;

pub mod catalogue;

pub mod config;
pub mod store;
pub mod trace;
pub mod transport;

pub mod refusal;

pub mod identity;

pub mod audit;

pub mod exchange;
pub mod metrics;
pub mod problem;
pub mod snapshot;

pub mod body;
pub mod gate;
pub mod service;
pub mod stage;

pub mod edge;
pub mod policy;
pub mod upstream;

pub mod stack;

pub mod admin;
pub mod openapi;
pub mod server;
pub mod telemetry;

pub mod gateway;

pub mod cli;

pub mod sandbox;

#[cfg(test)]
mod testing;
