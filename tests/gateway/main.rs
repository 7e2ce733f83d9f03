//! The whole gateway on real sockets: each module is a chapter of its behaviour.

mod support;

mod authentication;
mod authorization;
mod catalogue;
mod forwarding;
mod oauth_servers;
mod seeds;
mod token_outage;
mod validation;
