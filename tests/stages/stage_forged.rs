//! There is no way to be authorized but the bit test.

use passport_gateway::stage::{Authenticated, Authorized};

fn forged(request: Authenticated) -> Authorized {
    Authorized(request)
}

fn main() {}
