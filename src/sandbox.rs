//! A stateful double of Passport, for demos, tests and anyone's own CI.
//!
//! It plays all three of Passport's hosts on one address: the token endpoint and every operation of the API, over records that
//! stay consistent. A customer that was created shows up in the list; a payment goes from PENDING to SETTLED and its money from
//! one balance to the other, to the hundredth; a walk over pages sees the snapshot it began with. Where Passport is ambiguous it
//! is just as ambiguous: a token that is missing, expired, revoked or short of a scope gets the same 401. All of it is made up
//! and none of it is stored; it protects nothing and its secrets are public, so keep it on loopback.
//!
//! # In a test
//!
//! ```no_run
//! use passport_gateway::sandbox::{Fault, Kind, Options, Sandbox};
//!
//! # async fn example(application: impl AsyncFnOnce(std::net::SocketAddr)) -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::bind(Options::default()).await?;
//! let (address, control) = (sandbox.address(), sandbox.control());
//! control.inject(Fault::new("POST /v1/payments/breb/confirm", Kind::ResetAfterBody).times(1))?;
//!
//! tokio::select! {
//!     () = sandbox.serve(std::future::pending()) => {}
//!     () = application(address) => {}
//! }
//!
//! assert_eq!(control.counters()["POST /v1/payments/breb/confirm"].requests, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # From any language
//!
//! `passport-gateway sandbox` serves the same on `127.0.0.1:9000`; what [`Control`] does in process is under `/_sandbox/`, in
//! JSON, for callers on the same machine. `GET /_sandbox/` lists the [controls](CONTROLS), the [faults](FAULTS) and the
//! [scenarios](SCENARIOS).
//!
//! ```text
//! curl -d '{"client_id":"sandbox-client","client_secret":"sandbox-secret","grant_type":"client_credentials"}' \
//!      http://127.0.0.1:9000/v1/iam/oauth/tokens
//! curl -d '{"on":"GET /v1/payments","fault":"rate_limited","retry_after":2,"times":3}' http://127.0.0.1:9000/_sandbox/faults
//! curl -X POST http://127.0.0.1:9000/_sandbox/scenarios/token-outage
//! curl http://127.0.0.1:9000/_sandbox/requests
//! curl -X POST http://127.0.0.1:9000/_sandbox/reset
//! ```
//!
//! # Faults
//!
//! A fault names the requests it is for (`on`): an operation by its label, a path by its beginning, `token` for the token
//! endpoint, or `all` for everything else. It happens to the next `times` of them, or until it is cleared, and if it says
//! `every`, only to every n-th. `performed` says whether the operation is carried out although it looks as if it had failed: by
//! default it is when the answer is lost after the request was read, and it is not when an error status is answered. Latencies
//! and headers add up; of several failures the one injected first comes first and the others wait. Faults act in real time, also
//! under a clock that stands still.
//!
//! # Repeatable
//!
//! The n-th customer, token or payment is a function of [`Options::seed`] and n; time comes from [`Options::clock`], and
//! [`Control::advance`] moves it ahead without waiting. A reset restores the records, clients, faults and tokens of the start; a
//! reset that keeps tokens does not disturb an application under test.
//!
//! # Money
//!
//! An account's `available_balance` is what it may spend. A Bre-B payment needs a resolved key and moves nothing until it is
//! confirmed; then its amount is held in `pending_balance`, and [`Options::settle_after`] later it is the receiver's. An ACH
//! payment starts at once. If the receiver's account is in the sandbox too, the receiver gets the money and an INBOUND payment of
//! its own. What the account cannot pay, and what a fault rejects, is answered with 200, REJECTED and an `error`.
//!
//! # What is assumed
//!
//! Passport's pages leave things open; the sandbox then does the plainest thing. Lists are sorted by creation, oldest first, 20 to
//! a page; a filter matches exactly; a list of customers or payments in which nothing is found is a 404, other lists are empty;
//! `…_after` bounds are inclusive, `…_before` bounds exclusive; a confirmed payment cannot be confirmed again (409). The bodies
//! of accounts to be linked, recipients and codes to be decoded are inferred.

pub use self::connections::Connections;
pub use self::control::http::CONTROLS;
pub use self::control::{Control, ControlError};
pub use self::fault::{FAULTS, Fault, FaultError, Kind};
pub use self::log::{Counters, Received};
pub use self::money::AmountError;
pub use self::options::{Client, Options};
pub use self::scenarios::{SCENARIOS, Scenario};
pub use self::server::Sandbox;

mod body;
mod call;
mod connections;
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
mod passport;
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
