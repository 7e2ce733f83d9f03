//! Whoever is authenticated is not thereby authorized.

use passport_gateway::gate::GateLayer;
use passport_gateway::policy::authorize::Authorize;
use passport_gateway::policy::rate_limit::RateLimitLayer;
use passport_gateway::refusal::Refusal;
use passport_gateway::service::Service;
use passport_gateway::stage::{Authenticated, Authorized};
use tower::ServiceBuilder;

fn stack(rate_limit: RateLimitLayer, next: impl Service<Authorized, Error = Refusal>) {
    let right = ServiceBuilder::new().layer(GateLayer::new(Authorize)).layer(rate_limit).service(next);
    takes_authenticated(right);
}

fn stack_without(rate_limit: RateLimitLayer, next: impl Service<Authorized, Error = Refusal>) {
    let wrong = ServiceBuilder::new().layer(rate_limit).service(next);
    takes_authenticated(wrong);
}

fn takes_authenticated(_: impl Service<Authenticated, Error = Refusal>) {}

fn main() {}
