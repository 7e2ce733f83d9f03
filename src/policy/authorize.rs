//! Layer 9: the operation's scope must be among the caller's and the tenant's; one bit test.

use crate::gate::Gate;
use crate::refusal::Refusal;
use crate::stage::{Authenticated, Authorized};

/// Lets through who holds the scope.
#[derive(Clone, Copy, Debug, Default)]
pub struct Authorize;

impl Gate<Authenticated> for Authorize {
    type Out = Authorized;

    fn admit(&self, request: Authenticated) -> Result<Authorized, Refusal> {
        request.authorize()
    }
}
