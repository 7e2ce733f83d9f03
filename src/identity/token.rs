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
    /// It has not three parts, a part is no base64url or no object, it needs an extension (`crit`), or it has no algorithm of
    /// ours: `none` is none.
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

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
