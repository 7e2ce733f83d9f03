//! Layer 12: at most one forward per idempotency key.
//!
//! No record is kept yet, so a request that relies on its key is refused: letting it through would be a false promise.

use crate::fields::IDEMPOTENCY_KEY;
use crate::gate::Gate;
use crate::refusal::Refusal;
use crate::stage::Validated;

/// Refuses requests that carry an `Idempotency-Key`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Idempotency;

impl Gate<Validated> for Idempotency {
    type Out = Validated;

    fn admit(&self, request: Validated) -> Result<Validated, Refusal> {
        if request.head().headers.contains_key(IDEMPOTENCY_KEY) {
            return Err(Refusal::IdempotencyUnavailable);
        }
        Ok(request)
    }
}
