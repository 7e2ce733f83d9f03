//! The bit test needs a caller: authorization cannot stand before authentication.

use passport_gateway::gate::GateLayer;
use passport_gateway::policy::authorize::Authorize;
use passport_gateway::policy::route::Route;
use passport_gateway::refusal::Refusal;
use passport_gateway::service::Service;
use passport_gateway::stage::{Authorized, Request};
use tower::ServiceBuilder;

fn stack(route: Route, next: impl Service<Authorized, Error = Refusal>) {
    let wrong = ServiceBuilder::new().layer(GateLayer::new(route)).layer(GateLayer::new(Authorize)).service(next);
    takes_request(wrong);
}

fn takes_request(_: impl Service<Request, Error = Refusal>) {}

fn main() {}
