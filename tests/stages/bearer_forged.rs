//! What goes upstream carries a bearer that the token layer put there.

use http::HeaderValue;
use passport_gateway::stage::{Outbound, Validated};

fn forged(request: Validated) -> Outbound {
    Outbound { validated: request, bearer: HeaderValue::from_static("Bearer stolen") }
}

fn main() {}
