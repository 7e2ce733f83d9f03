//! A JWT in compact form, taken apart but not believed (RFC 7515 §5.2, RFC 7519 §7.2).
//!
//! Header and claims are each read once, strictly. Nothing in a header chooses a key's location, and nothing but the
//! signature over exactly these bytes makes the claims true.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;

use super::invalid;
use super::members::Members;
use crate::refusal::Refusal;

pub(super) use self::claims::{Claims, Validity};

mod claims;

/// What a token says, and what its signature was made over.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// What it names as the algorithm of its signature.
    pub(super) algorithm: Algorithm,
    /// What it names as the key of its signature.
    pub(super) key_id: Option<Box<str>>,
    /// What it claims.
    pub(super) claims: Claims,
    message: &'a str,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    ///
    /// It has not three parts, a part is no base64url or no object, it needs an extension (`crit`), it is no access token, or it has
    /// no algorithm of ours: `none` is none.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refusal> {
        const MALFORMED: &str = "The token is no JWT.";
        let malformed = || invalid(MALFORMED);
        let (message, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
        let header = decode(header).and_then(|json| Members::parse(&json)).ok_or_else(malformed)?;
        let claims = decode(claims).and_then(|json| Members::parse(&json)).ok_or_else(malformed)?;
        // We understand no extension, so a token that insists on one must be refused, whatever the list holds.
        if header.get("crit").is_some() {
            return Err(invalid("The token needs an extension that is not supported."));
        }
        if !is_for_access(&header) {
            return Err(invalid("The token is of another type than access tokens are."));
        }
        let key_id = match (header.get("kid"), header.text("kid")) {
            (None, _) => None,
            (Some(_), Some(key_id)) => Some(Box::from(key_id)),
            (Some(_), None) => return Err(malformed()),
        };
        let algorithm = header.text("alg").and_then(|name| name.parse().ok());
        Ok(Self {
            algorithm: algorithm.ok_or_else(|| invalid("The token's algorithm is not accepted."))?,
            key_id,
            claims: Claims::new(claims),
            message,
            signature: decode(signature).ok_or_else(malformed)?,
        })
    }

    /// What was signed.
    pub(super) fn message(&self) -> &[u8] {
        self.message.as_bytes()
    }

    /// The signature.
    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// Whether the token's type is one that access tokens have, or none: what an issuer signs for another purpose (a logout, a proof of
/// possession) must not pass for one (RFC 8725 §3.11, RFC 9068 §4).
fn is_for_access(header: &Members) -> bool {
    const TYPES: [&str; 3] = ["JWT", "at+jwt", "JOSE"];
    // "application/" may be left out (RFC 7515 §4.1.9), and media types are compared without case.
    let is_one = |name: &str| {
        let name = name.get(..12).filter(|start| start.eq_ignore_ascii_case("application/")).map_or(name, |_| &name[12..]);
        TYPES.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    header.get("typ").is_none() || header.text("typ").is_some_and(is_one)
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
