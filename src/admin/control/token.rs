//! The token that a caller of the control listener shows, compared without telling how much of it was right.

use arc_swap::ArcSwapOption;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use http::{HeaderMap, StatusCode, header};

use super::fault::Fault;
use crate::secret::Secret;

/// The token in force; none on a Unix socket, which its file's mode guards.
///
/// Only its digest is kept: digests are of one length, so that comparing them tells nothing of the token's.
#[derive(Default)]
pub struct ControlToken(ArcSwapOption<Digest>);

impl ControlToken {
    /// Wants this token from now on.
    pub fn replace(&self, token: Option<&Secret>) {
        self.0.store(token.map(|token| digest(&SHA256, token.expose().as_bytes()).into()));
    }

    /// Lets a request through that shows the token, or any if there is none.
    pub(super) fn check(&self, fields: &HeaderMap) -> Result<(), Fault> {
        let wanted = self.0.load();
        let Some(wanted) = &*wanted else { return Ok(()) };
        let shown = bearer(fields).ok_or(missing())?;
        verify_slices_are_equal(digest(&SHA256, shown).as_ref(), (**wanted).as_ref()).map_err(|_| wrong())
    }
}

/// The one bearer token of a request (RFC 6750 §2.1); the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(fields: &HeaderMap) -> Option<&[u8]> {
    let mut credentials = fields.get_all(header::AUTHORIZATION).iter();
    let (Some(one), None) = (credentials.next(), credentials.next()) else { return None };
    let (scheme, token) = one.as_bytes().split_at_checked(b"bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

fn missing() -> Fault {
    Fault::new(
        StatusCode::UNAUTHORIZED,
        "missing-credential",
        "Send `Authorization: Bearer` with the token of `[control]`, once.",
    )
}

fn wrong() -> Fault {
    Fault::new(StatusCode::UNAUTHORIZED, "invalid-credential", "The token is not the one of `[control]`.")
}
