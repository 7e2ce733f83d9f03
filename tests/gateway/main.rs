//! The whole gateway on real sockets: each module is a chapter of its behaviour.

#![expect(clippy::unwrap_used, clippy::panic, reason = "all of this is tests, also what helps them")]
#![expect(clippy::float_cmp, reason = "samples of metrics are whole numbers here")]
#![expect(clippy::format_collect, clippy::format_push_string, reason = "a request is easiest read as the lines it is made of")]

mod support;

mod audit;
mod authentication;
mod authorization;
mod caching;
mod catalogue;
mod configuration;
mod control;
mod credentials;
mod endurance;
mod exhaustion;
mod forwarding;
mod http2;
mod idempotency;
mod listeners;
mod monitoring;
mod oauth_servers;
mod observability;
mod privacy;
mod quota;
mod rate_limits;
mod reload;
mod request_hygiene;
mod rolling;
mod seeds;
mod shared_cache;
mod shared_limits;
mod shutdown;
mod slow_clients;
mod soak;
mod someone_elses_passport;
mod status_page;
mod store;
mod tls;
mod token_outage;
mod tracing;
mod upstream_faults;
mod upstream_tokens;
mod validation;
mod workers;
mod writes;
