//! The whole gateway on real sockets: each module is a chapter of its behaviour.

mod support;

mod authentication;
mod authorization;
mod caching;
mod catalogue;
mod configuration;
mod forwarding;
mod observability;
mod seeds;
mod shutdown;
mod someone_elses_passport;
mod upstream_faults;
mod upstream_tokens;
mod validation;
mod workers;
mod writes;
